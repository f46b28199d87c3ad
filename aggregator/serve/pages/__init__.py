"""The pages in which people meet their stories: complete without script, and nothing from outside runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from aggregator.poll.subscriber import Subscriber
    from aggregator.serve.pictures import Pictures
    from aggregator.serve.visitors import Visitors
    from aggregator.settings import Settings
    from storage.database import Database


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page stands on.

    Attributes:
        database: with the stories.
        settings: gives them as they are now; a reload exchanges them.
        now: the clock.
        visitor: tells who a request is.
        pictures: gives them addresses, and fetches them.
        writable: whether people may mark and correct stories here.
        subscriber: adds sources, where that can be done from a page.

    """

    database: Database
    settings: Callable[[], Settings]
    now: Callable[[], datetime]
    visitor: Visitors
    pictures: Pictures
    writable: bool = True
    subscriber: Subscriber | None = None


def router(desk: Desk) -> APIRouter:
    """All pages, and the files that they load."""
    from aggregator.serve import pictures  # noqa: PLC0415 - as below
    from aggregator.serve.pages import (  # noqa: PLC0415 - they import `Desk`
        correcting,
        entrance,
        front,
        marking,
        pausing,
        rendering,
        sources,
        story,
        subscribing,
    )

    found = APIRouter(include_in_schema=False)
    parts = (front, story, sources, pictures, entrance)
    for part in (*(each.router(desk) for each in parts), rendering.router()):
        found.include_router(part)
    if desk.writable:
        found.include_router(correcting.router(desk))
        found.include_router(marking.router(desk))
        found.include_router(subscribing.router(desk))
        found.include_router(pausing.router(desk))
    return found
