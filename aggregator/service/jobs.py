"""The ticks: what the service does again and again, on APScheduler.

Only one-shot jobs: each arms itself again when it has run, so that a clock that jumps forward costs one tick
and not a list of missed runs. APScheduler goes by the wall clock, so a clock set back would put a job off for
as long: `_mind_the_clock` goes by the monotonic one, and arms again what is late. When a source is due lives
in the database; a tick only looks.

APScheduler cancels what it runs when it is shut down, so what it runs only begins a task; the tasks are ours,
and `Jobs.stop` sees each of them to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator import log, metrics
from aggregator.display import counted
from aggregator.errors import AggregatorError, StoreBusy
from aggregator.poll.fulltext import PageResult
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import IngestDefect, PollResult
from aggregator.settings import FeedSource, FolderSource, Source

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(seconds=30)
"""Bounds of the time between two ticks."""

PAGES_EVERY = timedelta(seconds=5)
"""How often is looked whether article pages are wanted."""

LOOK_EVERY = timedelta(minutes=2)
"""Between two looks at what has come, as a whole."""

PUSH_EVERY = timedelta(seconds=5)
"""Between two looks at what is to be told to whom."""

PRUNE_EVERY = timedelta(hours=1)
"""How often what has left the window is forgotten."""

_MOST_DOUBLINGS = 5

Result = TypeVar("Result")


class Jobs:
    """Runs the pipeline until it is stopped; for one event loop.

    Args:
        pipeline: what to run.
        clock: the present time, in UTC; the one that APScheduler goes by.
        alive: called after each tick that the database has answered.

    """

    def __init__(
        self, pipeline: Pipeline, clock: Callable[[], datetime], alive: Callable[[], None] = lambda: None
    ) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._alive = alive
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._jobs: dict[str, Callable[[], Awaitable[timedelta]]] = {
            "poll": self._poll_what_is_due,
            "pages": self._read_what_is_wanted,
            "hubs": self._ask_hubs,
            "publish": self._publish_what_changed,
            "look": self._look_again,
            "push": self._push,
            "subscribers": self._tell_subscribers,
            "prune": self._prune,
        }
        self._armed: dict[str, float] = {}  # when each is to run, in the event loop's time
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: set[str] = set()  # sources
        self._ended: dict[str, float] = {}  # when the last poll of each did, in the event loop's time
        self._reading: set[str] = set()  # sources whose pages are being read
        self._failing: dict[str, str] = {}  # drop folders that cannot be used, and what was said of each
        self._put_off: dict[str, tuple[int, float]] = {}  # failures in a row, and until when
        self._looked: float | None = None  # when the database last answered a tick, in the event loop's time
        self._minding: asyncio.TimerHandle | None = None
        self._stopping = False
        self._current = False  # whether every fingerprint in the window is of the present recipe
        self._changed = True  # publish once at the start: the files may have been deleted

    def start(self) -> None:
        """Tick from now on."""
        self._scheduler.start()
        self._arm("poll", timedelta(0))
        self._arm("pages", SHORTEST)
        self._arm("hubs", SHORTEST)
        self._arm("publish", SHORTEST)
        self._arm("look", SHORTEST)
        self._arm("push", PUSH_EVERY)
        self._arm("subscribers", PUSH_EVERY)
        self._arm("prune", PRUNE_EVERY)
        self._mind_the_clock()

    async def stop(self) -> None:
        """Tick no more; what is being committed is committed, what is being fetched is given up."""
        if self._minding is not None:
            self._minding.cancel()
        self._stopping = True
        self._scheduler.pause()
        await asyncio.sleep(0)  # what it has just begun ends here; cancelled, it would be logged as an error
        self._scheduler.shutdown(wait=False)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._guarded(
            "publish", self._publish()
        )  # a poll that was cancelled may have brought something

    def reloaded(self) -> None:
        """The pipeline goes on with other settings: look at once, and write every file anew."""
        self._put_off.clear()
        self._failing.clear()
        self._changed = True
        self._arm("poll", timedelta(0))

    async def settled(self) -> None:
        """Wait until every poll that is under way now has ended."""
        if under_way := set(self._tasks):
            await asyncio.wait(under_way)

    def silence(self) -> timedelta | None:
        """How long ago the last tick was that the database has answered; None before the first."""
        if self._looked is None:
            return None
        return timedelta(seconds=asyncio.get_running_loop().time() - self._looked)

    def _arm(self, name: str, wait: timedelta) -> None:
        """Run a job once, after a wait."""
        self._armed[name] = asyncio.get_running_loop().time() + wait.total_seconds()
        self._scheduler.add_job(
            self._begin_job,
            "date",
            args=(name,),
            run_date=self._clock() + wait,
            id=name,
            replace_existing=True,
            misfire_grace_time=None,  # however late, it runs
        )

    def _mind_the_clock(self) -> None:
        """Arm again, for now, what the monotonic clock says is late: the wall clock was set back."""
        loop = asyncio.get_running_loop()
        for name, when in list(self._armed.items()):
            waiting = self._scheduler.get_job(name)
            if waiting is not None and loop.time() > when + SHORTEST.total_seconds():
                self._arm(name, timedelta(0))
        self._minding = loop.call_later(LONGEST.total_seconds(), self._mind_the_clock)

    async def _begin_job(self, name: str) -> None:
        if not self._stopping:  # what the scheduler began just before comes just after
            self._begin(self._run(name))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, name: str) -> None:
        """Run a job, and arm it again whatever came of it."""
        wait = await self._guarded(name, self._jobs[name]())
        self._arm(name, LONGEST if wait is None else wait)

    async def _poll_what_is_due(self) -> timedelta:
        clock = asyncio.get_running_loop().time
        began = clock()
        waiting = await asyncio.to_thread(self._pipeline.waiting)
        self._looked = clock()
        self._alive()
        for source in waiting:
            # One whose poll has ended meanwhile was due when this look began, and is so no more.
            polled = source.name in self._polling or self._ended.get(source.name, 0) >= began
            if not polled and self._may_poll(source):
                self._polling.add(source.name)
                self._begin(self._poll(source))
        metrics.QUEUE.set(len(waiting))
        metrics.POLLING.set(len(self._polling))
        upcoming = await asyncio.to_thread(self._pipeline.next_wait)
        return LONGEST if upcoming is None else min(max(upcoming, SHORTEST), LONGEST)

    async def _poll(self, source: Source) -> None:
        try:
            polled = await self._guarded(source.name, self._pipeline.poll(source))
        finally:
            self._polling.remove(source.name)
            self._ended[source.name] = asyncio.get_running_loop().time()
        # What failed may have committed something before it did.
        if polled is None or polled.error or polled.new or polled.revised:
            self._changed = True
        if polled is None:
            self._put_off_source(source)
            return
        self._put_off.pop(source.name, None)
        self._say(source, polled)

    def _say(self, source: Source, polled: PollResult) -> None:
        """As `say` does; a folder that fails as it did seconds ago is told of once."""
        known = self._failing.pop(source.name, None)
        if polled.error is not None and isinstance(source, FolderSource):
            self._failing[source.name] = str(polled.error)
            if known == str(polled.error):
                polled = replace(polled, error=None)
        elif known is not None:
            log.info("folder.usable", "the folder can be used again", source=source.name)
        say(polled)

    async def _read_what_is_wanted(self) -> timedelta:
        for source in await asyncio.to_thread(self._pipeline.with_pages):
            if source.name not in self._reading and self._may_poll(source):
                self._reading.add(source.name)
                self._begin(self._read_pages(source))
        return PAGES_EVERY

    async def _ask_hubs(self) -> timedelta:
        for wanted in await asyncio.to_thread(self._pipeline.hubs.due):
            error = await self._pipeline.ask_hub(wanted)
            if error is not None:
                log.warning("hub.failed", str(error), source=wanted.source, hub=wanted.hub)
        return LONGEST

    async def receive(self, token: str, body: bytes, signature: str | None, kind: str | None) -> None:
        """Take in what a hub has sent, if it has signed it.

        Raises:
            StoreError: the database refused; the hub is to send it again.

        """
        source = await self._pipeline.hubs.sender(token, body, signature)
        if source is None:
            log.warning("hub.forged", "something came for a subscription that its hub has not signed")
            return
        await self._begin(self._take_sent(source, body, kind))

    async def _take_sent(self, source: FeedSource, body: bytes, kind: str | None) -> None:
        polled = await self._pipeline.take_sent(source, body, kind)
        if polled.error or polled.new or polled.revised:
            self._changed = True
        say(polled)

    async def _read_pages(self, source: FeedSource) -> None:
        try:
            reading = await self._guarded(f"pages of {source.name}", self._pipeline.read_pages(source))
        finally:
            self._reading.remove(source.name)
        if reading is None or reading.taken:
            self._changed = True
        if reading is None:
            self._put_off_source(source)
            return
        say_read(source.name, reading)

    def _may_poll(self, source: Source) -> bool:
        _, until = self._put_off.get(source.name, (0, 0.0))
        return asyncio.get_running_loop().time() >= until

    def _put_off_source(self, source: Source) -> None:
        """After what could not be kept: it is as due as before, and its server is not to blame.

        Nor is a server asked more often for it than is allowed.
        """
        failures, _ = self._put_off.get(source.name, (0, 0.0))
        wait = LONGEST * 2 ** min(failures, _MOST_DOUBLINGS)
        if isinstance(source, FeedSource):
            wait = max(wait, source.every)
        until = asyncio.get_running_loop().time() + wait.total_seconds()
        self._put_off[source.name] = (failures + 1, until)

    async def _publish_what_changed(self) -> timedelta:
        if self._changed or await asyncio.to_thread(self._pipeline.corrected):
            await self._publish()
        return SHORTEST

    async def _publish(self) -> None:
        self._changed = False
        try:
            await self._pipeline.publish()
        except BaseException:
            self._changed = True
            raise

    async def _look_again(self) -> timedelta:
        if not self._current:
            if made := await self._pipeline.refingerprint():
                what = counted(made, "report")
                log.info("fingerprints.renewed", f"{what} fingerprinted again, as this version does it")
            self._current = True
        if await self._pipeline.look_again():
            self._changed = True
        return LOOK_EVERY

    async def _push(self) -> timedelta:
        if told := await self._pipeline.push():
            log.info("push.told", f"{counted(told, 'story', 'stories')} told")
        return PUSH_EVERY

    async def _tell_subscribers(self) -> timedelta:
        if told := await self._pipeline.tell_subscribers():
            log.info("hub.told", f"{counted(told, 'subscriber')} told of a feed")
        return PUSH_EVERY

    async def _prune(self) -> timedelta:
        gone = await self._pipeline.prune()
        if gone.texts or gone.files or gone.stories:
            what = f"{counted(gone.texts, 'text')}, {counted(gone.stories, 'whole story', 'whole stories')}"
            log.info(
                "prune.done", f"{what} and {counted(gone.files, 'file')} were old enough to be forgotten"
            )
        return PRUNE_EVERY

    async def _guarded(self, what: str, work: Awaitable[Result]) -> Result | None:
        """Do work; say what failed instead of raising it, and give None: a later tick tries again."""
        try:
            return await work
        except StoreBusy as error:
            log.warning("store.busy", str(error), while_doing=what)
        except AggregatorError as error:
            log.error("job.failed", str(error), while_doing=what)
        except Exception as error:  # one defect must not end a service that runs for years
            log.error("job.broken", f"{what}: {error!r}; please report this", cause=error)
        return None


def say(polled: PollResult) -> None:
    """One line for a poll that brought something or failed, none for one that did not."""
    if isinstance(polled.error, IngestDefect):
        log.error("poll.broken", str(polled.error), cause=polled.error.__cause__, source=polled.source)
    elif polled.error is not None:
        log.warning("poll.failed", str(polled.error), source=polled.source)
    for lost in polled.lost:
        log.error("report.broken", str(lost), cause=lost.__cause__, source=polled.source)
    for reason in polled.refused:
        log.warning("file.refused", reason, source=polled.source)
    if polled.new or polled.revised:
        gained = f"{counted(polled.new, 'new report')}, {polled.revised} revised"
        log.info(
            "poll.gained",
            f"{gained}, in {counted(len(polled.stories), 'story', 'stories')}",
            source=polled.source,
        )
    if polled.left_alone:
        log.debug("poll.left_alone", polled.left_alone, source=polled.source)
    if polled.warning:
        log.debug("poll.damaged", polled.warning, source=polled.source)


def say_read(source: str, reading: PageResult) -> None:
    """One line for pages that brought something, and one for each that failed."""
    if reading.taken:
        what = counted(reading.taken, "report")
        log.info("pages.taken", f"{what} with the whole text of the page", source=source)
    for said in reading.failed:
        log.debug("page.failed", said, source=source)
    for error in reading.broken:
        log.error("page.broken", f"{source}: {error!r}; please report this", cause=error, source=source)
