"""Where readers' servers ask to be told what is new in our feeds: the address of our own WebSub hub."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from aggregator.poll.hub import Hub

_FIELDS = 20


def router(hub: Callable[[], Hub]) -> APIRouter:
    """The one address; not found where there is no hub, or by who does not know it."""
    found = APIRouter(include_in_schema=False)

    @found.post("/hub/{end}")
    async def ask(request: Request, end: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> Response:
        ours = hub()
        if not await asyncio.to_thread(ours.reached_by, end):
            return PlainTextResponse("there is no hub here; a feed names it\n", 404)
        # A page of another site must not subscribe its own server through the browser of who reads here.
        if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
            return PlainTextResponse("browsers do not subscribe\n", 403)
        if ours.full:
            return PlainTextResponse("too many ask at once\n", 503, {"Retry-After": "60"})
        async with request.form(max_files=0, max_fields=_FIELDS) as form:
            wrong = ours.ask({name: value for name, value in form.items() if isinstance(value, str)})
        return PlainTextResponse(f"{wrong}\n", 400) if wrong else Response(status_code=202)

    return found
