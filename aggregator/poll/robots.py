"""Asks a site for its robots.txt, once a day, and obeys it, also where it cannot be had (RFC 9309)."""

from __future__ import annotations

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aggregator.errors import BadStatus, FetchError

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.parse.sandbox import Parser

_LARGEST = 500 * 1024  # bytes that are read of one, as RFC 9309 has it at least
_FRESH = 24 * 3600.0  # seconds that one is believed
_SITES = 100  # whose files are kept
_ACCEPT = "text/plain, */*;q=0.1"
_NOT_NOW = (408, 425, 429)  # say nothing about the file


@dataclass(frozen=True, slots=True)
class _CachedRobots:
    """What was learnt of a site: its file, compressed; None where it has none."""

    file: bytes | None
    until: float


class Robots:
    """Asks each site once a day; for one event loop.

    Args:
        fetcher: the door to the network.
        parser: the contained parser.
        clock: seconds, never going back.
    """

    def __init__(
        self, fetcher: Fetcher, parser: Parser, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._clock = clock
        self._known: OrderedDict[str, _CachedRobots] = OrderedDict()

    async def allow(self, url: str, *, allow_private: bool, admit: Admit) -> bool:
        """Whether the site lets us read this page.

        Raises:
            FetchError: its robots.txt cannot be had at the moment, and until then nothing may be read. As a
                `BadStatus` it says how long that is.
            ParseError: it is beyond all bounds.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        known = self._known.get(site)
        if known is None or known.until <= self._clock():
            file = await self._file(f"{site}/robots.txt", allow_private=allow_private, admit=admit)
            known = self._known[site] = _CachedRobots(file, self._clock() + _FRESH)
        self._known.move_to_end(site)
        while len(self._known) > _SITES:
            self._known.popitem(last=False)
        if known.file is None:
            return True
        read = await self._parser.parse(zlib.decompress(known.file), "robots", url=url)
        return bool(read.entries)

    async def _file(self, address: str, *, allow_private: bool, admit: Admit) -> bytes | None:
        """The file, compressed; None where there is none, so that all may be read."""
        try:
            answer = await self._fetcher.get(
                address, allow_private=allow_private, accept=_ACCEPT, admit=admit
            )
        except BadStatus as error:
            if 400 <= error.status < 500 and error.status not in _NOT_NOW:
                return None
            said = f"robots.txt cannot be had: {error.message}"
            if error.status < 400:
                raise FetchError(said, hint=error.hint) from error
            raise BadStatus(
                said,
                status=error.status,
                host=error.host,
                retry_after=error.retry_after,
                hint=error.hint,
            ) from error
        return zlib.compress(answer.body[:_LARGEST]) if answer.body.strip() else None
