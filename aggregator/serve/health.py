"""How the service is: ``/healthz``, ``/readyz`` and ``/metrics``.

``/healthz`` answers as long as the process lives and its event loop turns. ``/readyz`` answers 200 while the
scheduler has ticked lately and the database has answered it, and 503 with the reason otherwise. It asks
nobody: whoever calls it often takes nothing from the service.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from aggregator import metrics
from aggregator.units import format_duration

PATIENCE = timedelta(seconds=90)
"""Since the last tick that the database has answered: three of the longest waits between two."""


def router(silence: Callable[[], timedelta | None]) -> APIRouter:
    """The three addresses.

    Args:
        silence: how long ago the last tick was that the database has answered; None before the first.

    """
    found = APIRouter(include_in_schema=False)

    @found.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @found.get("/readyz")
    async def readyz() -> Response:
        why = unready(silence())
        return PlainTextResponse(f"{why or 'ready'}\n", 503 if why else 200)

    @found.get("/metrics")
    async def metrics_text() -> Response:
        return Response(metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    return found


def unready(silent: timedelta | None) -> str | None:
    """Why the service is not ready; None if it is."""
    if silent is None:
        return "starting: the database has not answered yet"
    if silent > PATIENCE:
        return f"no tick that the database has answered for {format_duration(silent)}"
    return None
