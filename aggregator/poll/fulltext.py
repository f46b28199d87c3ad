"""The whole text of reports, from their pages, for sources that ask for it.

::

    a poll commits new reports, and with them that their pages are wanted
    later   robots.txt ── fetch ── extract ── longer, and about the same? ──► one transaction: a revision

A report is there with its feed's text from the start; a page that cannot be had costs nothing but itself.
Each page is asked for once, and after a passing failure a few times more, through the queue of its host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from aggregator.errors import AggregatorError, LeftAlone, ParseError, SourceError
from aggregator.normalise import address, full_text
from aggregator.normalise.language import language
from aggregator.poll.poll_queue import note_other_limit
from aggregator.poll.robots import Robots
from aggregator.schedule import fulltext_policy
from aggregator.settings import FeedSource, Settings
from aggregator.stories.ingest import IngestResult, rewrite
from storage import pages
from storage import reports as store

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.model import Entry
    from aggregator.parse.sandbox import Parser
    from aggregator.stories.linker import Linker
    from storage.database import Database
    from storage.pages import PendingPage

_ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_PAGES = ("text/html", "application/xhtml+xml")
_FORBIDDEN = "robots.txt asks robots not to read it"

Result = TypeVar("Result")
Commit = Callable[[Callable[[Any], Result]], Coroutine[Any, Any, Result]]
"""Does work in one writing transaction."""


@dataclass(frozen=True, slots=True)
class PageResult:
    """What came of reading pages.

    Attributes:
        taken: how many reports have their page's text now.
        stories: ids of the stories that changed by it.
        failed: what went wrong, a line each.
        broken: defects of ours that a page brought out.
    """

    taken: int = 0
    stories: frozenset[int] = frozenset()
    failed: tuple[str, ...] = ()
    broken: tuple[Exception, ...] = ()


class FullText:
    """Reads the pages that are wanted; for one event loop.

    Args:
        settings: all of them.
        database: open and current.
        fetcher: the door to the network.
        parser: the contained parser.
        linker: puts reports into stories.
        commit: writes, one transaction at a time.
        clock: the present time, in UTC.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        fetcher: Fetcher,
        parser: Parser,
        linker: Linker,
        commit: Commit[Any],
        clock: Callable[[], datetime],
    ) -> None:
        feeds = [source for source in settings.sources if isinstance(source, FeedSource) and source.full_text]
        self._sources = {source.name: source for source in feeds}
        self._limits = settings.fetch
        self._database = database
        self._fetcher = fetcher
        self._parser = parser
        self._robots = Robots(fetcher, parser)
        self._linker = linker
        self._commit = commit
        self._clock = clock
        self._extracting = asyncio.Lock()  # one at a time: the other parser process is for the polls

    def want(self, tx: Any, source: str, gain: IngestResult, now: datetime) -> None:
        """Have the pages of new reports read, where their source asks for it; in the open transaction."""
        if source in self._sources and gain.new:
            pages.want(tx, source, gain.new, self._limits.max_pages, now)

    def due(self) -> list[FeedSource]:
        """The sources that have a page to read now."""
        if not self._sources:
            return []
        with self._database.reading() as tx:
            names = pages.sources_due(tx, self._clock())
        return [self._sources[name] for name in names if name in self._sources]

    async def read(self, source: FeedSource, admit: Admit) -> PageResult:
        """Read the pages of a source that are due, one after the other; stops where its host is in trouble.

        Args:
            source: one of those that `due` gives.
            admit: see `fetch.redirects`.

        Raises:
            StoreError: the database refused; what was not committed is asked for again.
        """
        reading = PageResult()
        for page in await asyncio.to_thread(self._wanted, source):
            try:
                gain = await self._read(source, page, admit)
            except LeftAlone:  # nothing was asked: they are as due as before
                break
            except SourceError as error:
                reading = replace(reading, failed=(*reading.failed, f"{page.url}: {error}"))
                if await self._put_off(source, page, error):
                    break
            except AggregatorError:
                raise
            except Exception as error:  # a defect costs this page, and is not met again
                await self._without(page, repr(error))
                reading = replace(reading, broken=(*reading.broken, error))
            else:
                taken = reading.taken + len(gain.revised)
                reading = replace(reading, taken=taken, stories=reading.stories | gain.stories)
        return reading

    def _wanted(self, source: FeedSource) -> list[PendingPage]:
        with self._database.reading() as tx:
            return pages.due(tx, source.name, self._clock())[: self._limits.max_pages]

    async def _read(self, source: FeedSource, page: PendingPage, admit: Admit) -> IngestResult:
        if not address.identifies(page.url):
            return await self._without(page, "the address is no page of its own")
        rights: dict[str, Any] = {"allow_private": source.allow_private, "admit": admit}
        if not await self._robots.allow(page.url, **rights):
            return await self._without(page, _FORBIDDEN)
        answer = await self._fetcher.get(page.url, accept=_ACCEPT, **rights)
        if _site(answer.url) != _site(page.url) and not await self._robots.allow(answer.url, **rights):
            return await self._without(page, _FORBIDDEN)
        kind = (answer.content_type or _PAGES[0]).partition(";")[0].strip().lower()
        if kind not in _PAGES:
            raise ParseError(f"no page, but {kind[:50]}")
        async with self._extracting:
            parsed = await self._parser.parse(
                answer.body, "article", url=answer.url, content_type=answer.content_type
            )
        now = self._clock()
        gain: IngestResult = await self._commit(
            lambda tx: self._take(tx, source, page.report, parsed.entries[0], now)
        )
        return gain

    def _take(self, tx: Any, source: FeedSource, report: int, found: Entry, now: datetime) -> IngestResult:
        """The page's text in place of the feed's, if it is the better one."""
        stored = store.get(tx, [report]).get(report)
        if stored is None:
            return IngestResult()
        text = full_text.whole_text(stored.title, stored.text, found)
        if text is None or stored.forgotten is not None:
            pages.tried(tx, report, "the feed's own text is longer, or the page is about something else")
            return IngestResult()
        pages.tried(tx, report, "its text was taken", taken=True)
        spoken = language(f"{stored.title}\n{text}", found.language, source.language)
        return rewrite(tx, self._linker, report, text, spoken, now)

    async def _without(self, page: PendingPage, why: str) -> IngestResult:
        """The report keeps its feed's text."""
        await self._commit(lambda tx: pages.tried(tx, page.report, why))
        return IngestResult()

    async def _put_off(self, source: FeedSource, page: PendingPage, error: SourceError) -> bool:
        """Note a failure; True if the host is left alone for a while."""
        now, limits = self._clock(), self._limits
        following = fulltext_policy.after_failure(page.tries + 1, error, now, limits.retry_after_ceiling)

        def note(tx: Any) -> None:
            pages.tried(tx, page.report, error.message, again=following.due)
            if following.host:
                pages.put_off(tx, source.name, following.host)
            note_other_limit(tx, error, source.name, limits, now)

        await self._commit(note)
        return following.host is not None


def _site(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
