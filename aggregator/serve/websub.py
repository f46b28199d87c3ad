"""Where WebSub hubs reach us: they ask back here, and send what is new.

The address is public, through a web server in front, so anybody may send anything: who does not know its
unguessable end learns nothing, and of those who do, no more is read than a feed may be long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from aggregator.errors import StoreError
from aggregator.serve.site import FROM_ANYWHERE

_PATIENCE = 30.0  # seconds for a body
_AT_A_TIME = 4  # bodies

Verify = Callable[[str, Mapping[str, str]], Awaitable[str | None]]
"""From the end of the address and the query to what is answered; None: nothing."""

Receive = Callable[[str, bytes, str | None, str | None], Awaitable[None]]
"""Takes the end of the address, a body, its signature and its content type."""


def routes(
    knows: Callable[[str], Awaitable[object]], verify: Verify, receive: Receive, largest: Callable[[], int]
) -> list[web.RouteDef]:
    """The address, for both.

    Args:
        knows: the subscription whose address ends so, if there is one.
        verify: answers a hub that asks back.
        receive: takes what a hub sends.
        largest: bytes of the longest body that is read.

    """
    room = asyncio.Semaphore(_AT_A_TIME)

    async def asked_back(request: web.Request) -> web.Response:
        answer = await verify(request.match_info["token"], request.query)
        return web.Response(text=answer) if answer is not None else web.Response(status=404)

    async def sent(request: web.Request) -> web.Response:
        if not await knows(request.match_info["token"]):
            return web.Response(status=410)  # a hub that still sends may stop, by the standard
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return web.Response(status=415, text="send it without Content-Encoding\n")
        async with room:
            body = await _body(request, largest())
            if body is None:
                return web.Response(status=413)
            signature, kind = request.headers.get("X-Hub-Signature"), request.headers.get("Content-Type")
            await receive(request.match_info["token"], body, signature, kind)
        return web.Response(status=202)

    async def handle(request: web.Request) -> web.Response:
        try:
            if request.method == "GET":
                return await asked_back(request)
            if request.method == "POST":
                return await sent(request)
        except StoreError:  # the ticks say so; the hub tries again
            return web.Response(status=503, headers={"Retry-After": "60"})
        return web.Response(status=405, headers={"Allow": "GET, POST"})

    return [web.route("*", "/websub/{token:[A-Za-z0-9_-]{43}}", handle, name=FROM_ANYWHERE)]


async def _body(request: web.Request, largest: int) -> bytes | None:
    """The body; None where it is longer than may be, or does not come."""
    if (request.content_length or 0) > largest:
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > largest:
                    return None
    except TimeoutError:
        return None
    return bytes(body)
