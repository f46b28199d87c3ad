"""Pictures of reports: fetched by the service, by the browser, or not at all.

The service fetches them so that no publisher learns who reads here. An address is signed with a key of the
database: whoever is no page of ours can have nothing fetched. What comes back is sent on if its first bytes
are those of a picture of a kind that cannot run anything.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from html import unescape
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from markupsafe import Markup, escape
from starlette.responses import PlainTextResponse, Response

from aggregator import __version__
from aggregator.errors import FetchError
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse import markup
from aggregator.publish.words import address
from storage import meta

if TYPE_CHECKING:
    from aggregator.serve.pages import Desk
    from aggregator.settings import Fetching
    from storage.database import Database

Mode = Literal["proxy", "direct", "none"]

_LARGEST = 2 * 2**20  # bytes
_PATIENCE = timedelta(seconds=10)
_KEPT = "private, max-age=86400, immutable"
_ACCEPT = "image/avif, image/webp, image/png, image/jpeg, image/gif"
_KINDS = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftypavif", re.DOTALL), "image/avif"),
)
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_HEADING = re.compile(r"<(/?)h[1-6]>")
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')


class Pictures:
    """Gives pictures addresses, and fetches them; an async context manager, for one event loop.

    Args:
        database: keeps the key.
        fetching: the limits of polls, of which pictures get less.
        mode: how a browser comes to them.
        admit: is asked whether a host may be asked now, if anybody is to be.

    """

    def __init__(
        self,
        database: Database,
        fetching: Fetching,
        mode: Mode,
        admit: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.mode = mode
        self._admit = admit
        self._database = database
        limits = {
            "max_body_bytes": min(_LARGEST, fetching.max_body_bytes),
            "max_wire_bytes": min(_LARGEST, fetching.max_wire_bytes),
            "timeout": min(_PATIENCE, fetching.timeout),
            "host_spacing": timedelta(),  # a page shows them at once, as to any reader
        }
        self._fetcher = Fetcher(fetching.model_copy(update=limits), __version__)

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fetcher.__aexit__(kind, error, trace)

    def source(self, url: str | None) -> str | None:
        """The address under which a page shows a picture; None: it does not."""
        fit = address(url)
        if fit is None or self.mode == "none":
            return None
        return (
            fit if self.mode == "direct" else f"/pictures?{urlencode({'of': fit, 'by': self._signed(fit)})}"
        )

    def shown(self, html: str) -> Markup:
        """Markup of a report for a page: made safe once more, its pictures where they may be had."""
        kept = _HEADING.sub(r"<\1p>", markup.rich(html, None))  # the page has headings of its own
        return Markup(_IMAGE.sub(self._image, kept))  # noqa: S704 - nh3 has cleaned it just now

    def _image(self, found: re.Match[str]) -> str:
        given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
        source = self.source(given.get("src"))
        if source is None:
            return ""
        return f'<img src="{escape(source)}" alt="{escape(given.get("alt", ""))}" loading="lazy">'

    async def fetched(self, url: str, signature: str) -> Response:
        """A picture that one of our pages shows; 404 where it is none, or cannot be had."""
        if self.mode != "proxy":
            return _nothing()
        if not hmac.compare_digest(await asyncio.to_thread(self._signed, url), signature):
            return _nothing()
        try:
            answer = await self._fetcher.get(url, accept=_ACCEPT, admit=self._admit)
        except FetchError:
            return _nothing()
        kind = next((kind for start, kind in _KINDS if start.match(answer.body)), None)
        if kind is None:
            return _nothing()
        headers = {"Cache-Control": _KEPT, "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(answer.body, media_type=kind, headers=headers)

    @functools.cached_property
    def _key(self) -> bytes:
        """That of the database, made when a picture is first shown: a start waits for nobody who writes."""
        with self._database.reading() as tx:
            known = meta.read(tx, meta.PICTURES)
        if known is None:
            with self._database.writing() as tx:
                known = meta.read(tx, meta.PICTURES) or secrets.token_hex(32)
                meta.keep(tx, meta.PICTURES, known)
        return bytes.fromhex(known)

    def _signed(self, url: str) -> str:
        return hmac.new(self._key, url.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def router(desk: Desk) -> APIRouter:
    """The one address."""
    found = APIRouter(include_in_schema=False)

    @found.get("/pictures")
    async def picture(
        request: Request,
        of: Annotated[str, Query(max_length=4000)],
        by: Annotated[str, Query(pattern="^[0-9a-f]{32}$")],
    ) -> Response:
        return await desk.pictures.fetched(of, by) if desk.visitor.known(request) else _nothing()

    return found


def _nothing() -> Response:
    return PlainTextResponse("there is no picture here\n", 404, {"Cache-Control": "private, max-age=3600"})
