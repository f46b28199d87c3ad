"""ETags of what is read: a program that asks again for what has not changed gets 304."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Validated:
    """Holds an answer back until it is whole, and gives it an ETag."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def held(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if start is not None and not message.get("more_body", False):
                await _sent(scope, start, body, send)

        await self._app(scope, receive, held)


async def _sent(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    headers = MutableHeaders(scope=start)
    headers["Cache-Control"] = "private, no-cache"
    headers["Vary"] = "Authorization, Cookie"
    if start["status"] == 200:
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers["ETag"] = etag
        asked = Headers(scope=scope).get("If-None-Match", "")
        if etag in [each.strip().removeprefix("W/") for each in asked.split(",")]:
            start["status"], body = 304, b""
            del headers["Content-Length"]
    await send(start)
    await send({"type": "http.response.body", "body": body})
