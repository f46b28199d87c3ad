"""The data's way, from a source to the published files.

::

    feed    due ── fetch ── parse ── normalise ──┐
                                                 ├── one transaction: reports, stories, what to poll when
    folder  scan ─────────── parse ── normalise ─┘           │
                │                                            ├── publish: stories as files
                └── done/ or failed/, after the commit ◄─────┘

A file that is damaged in part gives what it can, and goes to failed/ so that a person sees it.

A poll of a source ends in a `PollResult`, never in an exception for what the source did. Reading and deciding
happen anywhere; writing happens one transaction at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from aggregator import metrics
from aggregator.errors import FolderError, LeftAlone, ParseError, SourceError
from aggregator.fetch import folder
from aggregator.fetch.folder import Dropped, Refusal
from aggregator.model import Answer, Parsed, SourceState
from aggregator.poll.discover import DiscoveredFeed, Discovery
from aggregator.poll.fulltext import FullText, PageResult
from aggregator.poll.hub import Hub, Intent
from aggregator.poll.ingestion import Ingestion
from aggregator.poll.lines import Lines, LinesFile
from aggregator.poll.poll_queue import PollQueue
from aggregator.poll.poll_result import IngestDefect, PollResult, fault, looked, outcome
from aggregator.poll.websub import Hubs
from aggregator.poll.writing import Writer, to_its_end
from aggregator.publish import publish
from aggregator.push.outbox import Outbox
from aggregator.schedule import next_poll
from aggregator.schedule.host_queue import Backpressure
from aggregator.settings import FeedSource, FolderSource, Settings, Source
from aggregator.stories import second_look
from aggregator.stories.additions import Additions
from aggregator.stories.linker import Linker
from aggregator.stories.pruning import Pruned, prune
from aggregator.stories.refingerprint import refingerprint
from storage import corrections, sources, stories, subscriptions
from storage import pauses as kept_pauses
from storage import reports as kept_reports
from storage.database import Database
from storage.subscriptions import Subscription

if TYPE_CHECKING:
    from pathlib import Path

    from aggregator.fetch.fetcher import Fetcher
    from aggregator.parse.sandbox import Parser

_FILES_A_LOOK = 1000  # of one folder; the rest waits for the next look, so that other sources get their turn
_PATIENCE = timedelta(seconds=10)  # with files that have not settled, in a run that ends
_GRAIN = 0.01  # seconds: file systems and clocks do not count in the same steps

Result = TypeVar("Result")


class Pipeline:
    """Polls sources and publishes stories; for one event loop.

    Args:
        settings: all of them.
        database: open and current.
        fetcher: the door to the network.
        parser: the contained parser.
        clock: the present time, in UTC.

    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        fetcher: Fetcher,
        parser: Parser,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._fetcher = fetcher
        self._parser = parser
        self._clock = clock
        self._linker = Linker(settings.dedup, settings.prefer)
        self._published_changes: int | None = None  # made by people, that the files show
        self._writer = Writer(database, self._forget)
        self._backpressure = Backpressure(settings.fetch.concurrency)
        self._publishing = asyncio.Lock()
        self._additions = Additions()
        self._poll_queue = PollQueue(settings, database, clock)
        self._intents: deque[Intent] = deque()  # of who wants to be told by our hub
        self._compose()

    @property
    def settings(self) -> Settings:
        """All of them, as they are now."""
        return self._settings

    def adopt(self, settings: Settings, tools: tuple[Fetcher, Parser] | None = None) -> None:
        """Go on with other settings; a poll that is under way ends as it began.

        Args:
            settings: all of them, for the same database.
            tools: a fetcher and a parser made for them; None if those that it has still fit.

        """
        if (settings.dedup, settings.prefer) != (self._settings.dedup, self._settings.prefer):
            self._linker = Linker(settings.dedup, settings.prefer)
        self._settings = settings
        self._poll_queue.adopt(settings)
        if tools is not None:
            self._fetcher, self._parser = tools
            self._backpressure = Backpressure(settings.fetch.concurrency)
        self._compose()

    def _compose(self) -> None:
        """What is made of the settings and the tools."""
        settings, database, write, clock = self._settings, self._database, self._writer.write, self._clock
        self._outbox = Outbox(settings, database, self._fetcher, write, clock)
        self._hubs = Hubs(settings, database, self._fetcher, write, clock)
        self._hub = Hub(settings, database, self._fetcher, write, clock, self._intents)
        self._full_text = FullText(
            settings, database, self._fetcher, self._parser, self._linker, write, clock
        )
        self._ingestion = Ingestion(self._linker, self._full_text.want, self._writer)
        self._lines = Lines(self._parser, self._ingestion, database)

    def waiting(self) -> list[Source]:
        """The sources to poll now, the one that has waited longest first."""
        return self._poll_queue.waiting()

    def allowed(self) -> list[Source]:
        """The sources that a person may have polled now, due or not."""
        return self._poll_queue.allowed()

    def next_wait(self) -> timedelta | None:
        """How long until the next source is due; None if all have been given up."""
        return self._poll_queue.next_wait()

    async def poll(self, source: Source, *, patient: bool = False) -> PollResult:
        """Poll one source.

        Args:
            source: one of the settings.
            patient: take all that lies in a folder now: wait until it has settled, and look at more than is
                looked at in one tick. For a run that ends.

        Raises:
            StoreError: the database refused; the source is as due as before, and nothing was lost.

        """
        if not isinstance(source, FolderSource):
            return await self._poll_feed(source)
        if patient:
            await asyncio.sleep(_unsettled(source, self._settings.folders.settle, self._clock()))
        return await self._poll_folder(source, sys.maxsize if patient else _FILES_A_LOOK)

    async def find(self, url: str, choice: int | None = None) -> DiscoveredFeed:
        """The feed at an address, tried once; takes and raises what `Discovery.find` does."""
        discovery = Discovery(self._fetcher, self._parser, allow_private=False, admit=self.admit)
        return await discovery.find(url, choice)

    def corrected(self) -> bool:
        """Whether a person has changed stories since they were published last, maybe in another process."""
        with self._database.reading() as tx:
            return corrections.changes(tx) != self._published_changes

    @property
    def hubs(self) -> Hubs:
        """The subscriptions at hubs."""
        return self._hubs

    async def ask_hub(self, wanted: Subscription) -> SourceError | None:
        """Ask a hub to tell us what is new; what went wrong, if something did."""
        return await self._hubs.ask(wanted, self.admit)

    async def take_sent(self, source: FeedSource, body: bytes, content_type: str | None) -> PollResult:
        """Take in what a hub has sent for a source.

        Raises:
            StoreError: the database refused; the hub is to send it again.

        """
        now = self._clock()

        def keep(tx: Any, polled: PollResult) -> None:
            subscriptions.received(tx, source.name, now)
            state = sources.states(tx, source.name).get(source.name)
            if state and polled.new:
                sources.save(tx, replace(state, gained=now))

        try:
            with metrics.stage("parse"):
                parsed = await self._parser.parse(body, "feed", url=source.url, content_type=content_type)
            polled = PollResult(source.name, warning=parsed.damaged)
            return await self._ingestion.take_in(
                await self._ingestion.made(parsed, source, now), polled, now, keep
            )
        except SourceError as error:
            return PollResult(source.name, error=error)

    def with_pages(self) -> list[FeedSource]:
        """The sources whose reports have pages to read now."""
        return self._full_text.due()

    async def read_pages(self, source: FeedSource) -> PageResult:
        """Read the pages of a source's reports that are due.

        Raises:
            StoreError: the database refused; what was not kept is asked for again.

        """
        return await self._full_text.read(source, self.admit)

    async def refingerprint(self) -> int:
        """Fingerprint again what an older version has fingerprinted; how many reports that were."""
        total = 0
        while made := await self._writer.write(
            lambda tx: refingerprint(tx, self._linker, self._clock() - self._settings.dedup.window)
        ):
            total += made
        return total

    async def look_again(self) -> int:
        """Partition again what has come since the last look; how many reports changed their story."""
        moved = 0
        while True:
            looked = await self._writer.write(
                lambda tx: second_look.look_again(tx, self._linker, self._clock())
            )
            moved += looked.moved
            if not looked.reports:
                return moved

    async def push(self) -> int:
        """Tell targets of stories; how many were told."""
        return await self._outbox.turn()

    @property
    def push_failures(self) -> Mapping[str, str]:
        """What went wrong with each target that could not be told just now."""
        return self._outbox.failed

    @property
    def hub(self) -> Hub:
        """Our own hub; it takes requests, and `tell_subscribers` answers them."""
        return self._hub

    async def tell_subscribers(self) -> int:
        """Confirm subscriptions to our feeds, and send those that have changed; how many were told."""
        return await self._hub.turn(self.admit)

    async def publish(self) -> list[Path]:
        """Write the feeds; the files that changed.

        Raises:
            PublishError: a file cannot be written.

        """
        async with self._publishing:
            with metrics.stage("publish"):
                return await to_its_end(self._publish)

    def _forget(self) -> None:
        """Something was rolled back: the linker that there is now may be ahead."""
        self._linker.forget()

    async def prune(self) -> Pruned:
        """Forget what is old; how much that was."""
        now = self._clock()
        before = now - self._settings.dedup.window
        await self._writer.write(lambda tx: self._linker.forget_before(kept_reports.first_since(tx, before)))
        return await prune(self._writer.write, self._settings, now)

    async def _poll_feed(self, source: FeedSource) -> PollResult:
        state, limits = self._poll_queue.state(source), self._poll_queue.bounds(source)
        chance = random.random()  # noqa: S311  # jitter
        answer: Answer | None = None
        if state.due is not None:
            metrics.late(self._clock() - state.due)
        try:
            with metrics.stage("fetch"):
                answer = await self._fetcher.get(
                    next_poll.address_to_poll(state, source),
                    etag=state.etag,
                    last_modified=state.last_modified,
                    allow_private=source.allow_private,
                    admit=self.admit,
                    doubtful=state.failures > 0,
                )
            with self._backpressure.taken():
                parsed = await self._parsed(answer, state)
                polled = await self._keep_answer(source, state, answer, parsed, chance)
        except LeftAlone as left:
            return PollResult(source.name, left_alone=left.message)
        except SourceError as error:
            polled = PollResult(source.name, error=error)
        if polled.error is not None:
            now = self._clock()
            failed = next_poll.after_failure(state, limits, polled.error, now, chance, answer)
            pause = self._poll_queue.limited(source, state, failed, polled.error, now)

            def keep(tx: Any) -> None:
                sources.save(tx, failed)
                if pause:
                    kept_pauses.keep(tx, pause, now)

            await self._writer.write(keep)
        metrics.POLLS.labels("feed", outcome(polled, answer)).inc()
        return polled

    async def admit(self, host: str) -> None:
        """Let a request go on whose turn has come, once there is room for its answer.

        Raises:
            LeftAlone: nobody may ask this host now.

        """
        await self._backpressure.wait()
        self._poll_queue.admit(host)

    async def _keep_answer(
        self, source: FeedSource, state: SourceState, answer: Answer, parsed: Parsed | None, chance: float
    ) -> PollResult:
        """The reports, and with the last of them the validators: a crash before that asks for all again."""
        now, limits = self._clock(), self._poll_queue.bounds(source)
        hubs = self._hubs
        polled = PollResult(source.name, unchanged=parsed is None, warning=parsed.damaged if parsed else None)

        def keep(tx: Any, polled: PollResult) -> None:
            whole = parsed
            if parsed and polled.lost:  # no validators, as of a damaged feed: what was lost comes again
                whole = replace(parsed, damaged=polled.lost[0].message)
            pushed = hubs.learn(tx, source.name, answer, parsed, now)
            outcome = next_poll.Outcome(answer, whole, polled.new, body.shown, pushed)
            sources.save(tx, next_poll.after_answer(state, limits, outcome, now, chance))

        body = await self._ingestion.made(parsed, source, now, state.shown)
        return await self._ingestion.take_in(body, polled, now, keep)

    async def _parsed(self, answer: Answer, state: SourceState) -> Parsed | None:
        """The entries of an answer; None if it says that nothing has changed."""
        if answer.status == 304 or next_poll.digest(answer.body) == state.body_hash:
            return None
        with metrics.stage("parse"):
            return await self._parser.parse(
                answer.body, "feed", url=answer.url, content_type=answer.content_type
            )

    async def _poll_folder(self, source: FolderSource, most: int) -> PollResult:
        now = self._clock()
        self._poll_queue.looked(source, now)
        polled = PollResult(source.name)
        # Closed here, where the database refuses: a service that tries for days must not run out of handles.
        with contextlib.closing(folder.scan(source.folder, self._settings.folders, now)) as dropped:
            try:
                for _ in range(most):
                    item = await to_its_end(lambda: next(dropped, None))
                    if item is None:
                        break
                    polled = await self._take(source, item, polled, now)
            except FolderError as error:
                polled = replace(polled, error=error)
        state = self._poll_queue.state(source)
        if polled.new or polled.revised or polled.error or state.error or not state.polls:
            after = looked(state, polled, now)
            await self._writer.write(lambda tx: sources.save(tx, after))
        metrics.POLLS.labels("folder", outcome(polled, None)).inc()
        return polled

    async def _take(
        self, source: FolderSource, item: Dropped | Refusal, polled: PollResult, now: datetime
    ) -> PollResult:
        """One file: its reports into the database, then the file out of the way, in this order."""
        if isinstance(item, Dropped):
            try:
                kept, damaged = await self._taken(source, item, polled, now)
            except (ParseError, IngestDefect) as error:
                item = folder.refuse(item, str(error))
            else:
                wrong = fault(damaged, kept, kept.lost[len(polled.lost) :])
                polled = replace(kept, error=None)  # what is wrong with a file is not wrong with the folder
                if wrong is None:
                    await asyncio.to_thread(folder.done, source.folder, item)
                    return polled
                item = folder.refuse(item, wrong)
        await asyncio.to_thread(folder.failed, source.folder, item)
        return replace(polled, refused=(*polled.refused, f"{item.name}: {item.reason}"))

    async def _taken(
        self, source: FolderSource, file: Dropped, polled: PollResult, now: datetime
    ) -> tuple[PollResult, str | None]:
        """The reports of a file, and what is wrong with it; JSON lines are read piece by piece."""
        if file.suffix != folder.LINES:
            with metrics.stage("parse"):
                parsed = await self._parser.parse(file.body, file.suffix)
            return await self._keep_file(source, file, parsed, polled, now), parsed.damaged
        longest = self._settings.folders.max_line_bytes
        lines = LinesFile(
            source, file.name, file.digest, lambda place: folder.lines(source.folder, file, place, longest)
        )
        return await self._lines.take_in(lines, polled, now)

    async def _keep_file(
        self, source: FolderSource, file: Dropped, parsed: Parsed, polled: PollResult, now: datetime
    ) -> PollResult:
        """The reports of a file, and then its name in the ledger: a crash in between takes it in again.

        One that is damaged never gets there: whoever drops it again sees again what is wrong with it.
        """
        with self._database.reading() as tx:
            if sources.taken(tx, source.name, file.digest):
                return polled
        before = len(polled.lost)

        def keep(tx: Any, polled: PollResult) -> None:
            if parsed.damaged is None and len(polled.lost) == before:
                sources.take(tx, source.name, file.digest, file.name, now)

        return await self._ingestion.take_in(
            await self._ingestion.made(parsed, source, now), polled, now, keep
        )

    def _publish(self) -> list[Path]:
        settings = self._settings.publish
        with self._database.reading() as tx:
            ids = {
                story
                for feed in settings.feeds
                for story in stories.selected(
                    tx, min_publishers=feed.min_publishers, tags=feed.tags, limit=feed.limit
                )
            }
            shown = stories.load(tx, sorted(ids), self._database.uuid, whole=False)
            changes = corrections.changes(tx)
        metrics.DATABASE.set(self._database.size())
        pages = self._settings.serve.public_url
        files = publish(settings, self._additions(shown), self._database.uuid, pages)
        self._published_changes = changes
        return files


def _unsettled(source: FolderSource, settle: timedelta, now: datetime) -> float:
    """Seconds until what lies in the folder now has settled, unless it goes on changing."""
    with contextlib.suppress(OSError), os.scandir(source.folder) as entries:
        status = [
            entry.stat(follow_symlinks=False) for entry in entries if entry.is_file(follow_symlinks=False)
        ]
        # As `folder.scan` counts: a date that was set ahead says nothing.
        moments = [each.st_mtime if each.st_mtime <= now.timestamp() else each.st_ctime for each in status]
        left = max(moments, default=0) + settle.total_seconds() - now.timestamp()
        return min(max(left + _GRAIN, 0), _PATIENCE.total_seconds())
    return 0
