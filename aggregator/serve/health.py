"""How the service is: ``/healthz``, ``/readyz`` and ``/metrics``.

``/healthz`` answers as long as the process lives and its event loop turns. ``/readyz`` answers 200 while the
scheduler has ticked lately and the database has answered it, and 503 with the reason otherwise. It asks
nobody: whoever calls it often takes nothing from the service.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from aggregator import metrics
from aggregator.units import format_duration

PATIENCE = timedelta(seconds=90)
"""Since the last tick that the database has answered: three of the longest waits between two."""


def routes(silence: Callable[[], timedelta | None]) -> list[web.RouteDef]:
    """The three addresses.

    Args:
        silence: how long ago the last tick was that the database has answered; None before the first.

    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        why = unready(silence())
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)

    async def metrics_text(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics_text)]


def unready(silent: timedelta | None) -> str | None:
    """Why the service is not ready; None if it is."""
    if silent is None:
        return "starting: the database has not answered yet"
    if silent > PATIENCE:
        return f"no tick that the database has answered for {format_duration(silent)}"
    return None
