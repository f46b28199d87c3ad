"""Where WebSub hubs reach us: they ask back here, and send what is new.

The address is public, through a web server in front, so anybody may send anything: who does not know its
unguessable end learns nothing, and of those who do, no more is read than a feed may be long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from aggregator.serve.site import FROM_ANYWHERE

_PATIENCE = 30.0  # seconds for a body
_AT_A_TIME = 4  # bodies

Verify = Callable[[str, Mapping[str, str]], Awaitable[str | None]]
"""From the end of the address and the query to what is answered; None: nothing."""

Receive = Callable[[str, bytes, str | None, str | None], Awaitable[None]]
"""Takes the end of the address, a body, its signature and its content type."""


def router(
    knows: Callable[[str], Awaitable[object]], verify: Verify, receive: Receive, largest: Callable[[], int]
) -> APIRouter:
    """The address, for both.

    Args:
        knows: the subscription whose address ends so, if there is one.
        verify: answers a hub that asks back.
        receive: takes what a hub sends.
        largest: bytes of the longest body that is read.

    """
    found, room = APIRouter(include_in_schema=False), asyncio.Semaphore(_AT_A_TIME)
    token_ = Path(pattern="^[A-Za-z0-9_-]{43}$")

    @found.get(f"{FROM_ANYWHERE}{{token}}")
    async def asked_back(request: Request, token: str = token_) -> Response:
        answer = await verify(token, request.query_params)
        return PlainTextResponse(answer) if answer is not None else Response(status_code=404)

    @found.post(f"{FROM_ANYWHERE}{{token}}")
    async def sent(request: Request, token: str = token_) -> Response:
        if not await knows(token):
            return Response(status_code=410)  # a hub that still sends may stop, by the standard
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return PlainTextResponse("send it without Content-Encoding\n", 415)
        async with room:
            body = await _body(request, largest())
            if body is None:
                return Response(status_code=413)
            signature, kind = request.headers.get("X-Hub-Signature"), request.headers.get("Content-Type")
            await receive(token, body, signature, kind)
        return Response(status_code=202)

    return found


async def _body(request: Request, largest: int) -> bytes | None:
    """The body; None where it is longer than may be, or does not come."""
    declared = request.headers.get("Content-Length", "0")
    if declared.isdecimal() and int(declared) > largest:
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for piece in request.stream():
                body += piece
                if len(body) > largest:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)
