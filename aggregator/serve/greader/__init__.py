"""The Google Reader API, which reader apps speak: at ``/api/greader.php``, as FreshRSS has it, and at ``/``.

An item is a story; reading it reads every copy, and it comes back unread when it says something new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from aggregator.serve.visitors import Visitors
from aggregator.stories.additions import Additions

if TYPE_CHECKING:
    from aggregator.settings import Settings
    from storage.database import Database

PREFIX = "/api/greader.php"


@dataclass(frozen=True, slots=True)
class Service:
    """What the API stands on.

    Attributes:
        database: with the stories and the marks.
        settings: gives them as they are now; a reload exchanges them.
        visitors: who asks.
        now: the clock.
        additions: finds what each report adds.
    """

    database: Database
    settings: Callable[[], Settings]
    visitors: Visitors
    now: Callable[[], datetime]
    additions: Additions = field(default_factory=Additions)


def router(service: Service) -> APIRouter:
    """All addresses, at both places."""
    from aggregator.serve.greader import accounts, marking, reading  # noqa: PLC0415 - they import `Service`

    found = APIRouter(include_in_schema=False)
    for prefix in (PREFIX, ""):
        for part in (accounts, reading, marking):
            found.include_router(part.router(service), prefix=prefix)

    @found.get(PREFIX)
    @found.get(f"{PREFIX}/")
    def here() -> Response:
        return PlainTextResponse("OK")

    @found.get(f"{PREFIX}/check/compatibility")
    def compatible() -> Response:
        return PlainTextResponse("PASS")

    return found
