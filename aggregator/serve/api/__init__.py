"""The JSON API at ``/api/v1``: what the pages show and do, for programs; described at ``openapi.json`` there.

Faults are problem details (RFC 9457). A program gives a token; one that is for reading changes nothing.
"""

from __future__ import annotations

from fastapi import FastAPI

from aggregator import __version__
from aggregator.serve.api import problems, reading, stories, validators, writing
from aggregator.serve.pages import Desk

PREFIX = "/api/v1"

_ABOUT = (
    "Stories, each with every report in it. All times are in UTC. "
    "A story that was merged into another answers 308, for ever."
)


def application(desk: Desk) -> FastAPI:
    """All operations; those that change something only where the desk may be written on."""
    app = FastAPI(
        title="story-aggregator",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
        responses=problems.RESPONSES,
    )
    for part in (stories.router(desk), reading.router(desk), reading.health(desk)):
        app.include_router(part)
    if desk.writable:
        app.include_router(writing.router(desk))
    problems.answered_by(app)
    problems.described_in(app)
    app.add_middleware(validators.Validated)
    return app
