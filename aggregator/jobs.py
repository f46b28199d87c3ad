"""The ticks: what the service does again and again, on APScheduler.

Only one-shot jobs: each arms itself again when it has run, so that a clock that jumps forward costs one tick
and not a list of missed runs. APScheduler goes by the wall clock, so a clock set back would put a job off for
as long: `_mind_the_clock` goes by the monotonic one, and arms again what is late. When a source is due lives
in the database; a tick only looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator import log
from aggregator.errors import AggregatorError, StoreBusy
from aggregator.pipeline import Pipeline, Polled
from aggregator.settings import Source

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(seconds=30)
"""Bounds of the time between two ticks."""

PRUNE_EVERY = timedelta(hours=1)
"""How often what has left the window is forgotten."""


class Jobs:
    """Runs the pipeline until it is stopped; for one event loop.

    Args:
        pipeline: what to run.

    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._polling: dict[str, asyncio.Task[None]] = {}
        self._armed: dict[str, tuple[Callable[[], Awaitable[None]], float]] = {}  # job and monotonic time
        self._minding: asyncio.TimerHandle | None = None
        self._changed = True  # publish once at the start: the files may have been deleted

    def start(self) -> None:
        """Tick from now on."""
        self._scheduler.start()
        self._arm("poll", self._poll_what_is_due, timedelta(0))
        self._arm("publish", self._publish_what_changed, SHORTEST)
        self._arm("prune", self._prune, PRUNE_EVERY)
        self._mind_the_clock()

    async def stop(self) -> None:
        """Tick no more; what is being committed is committed, what is being fetched is given up."""
        if self._minding is not None:
            self._minding.cancel()
        self._scheduler.shutdown(wait=False)
        tasks = list(self._polling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._guarded("publish", self._publish())

    def _arm(self, name: str, job: Callable[[], Awaitable[None]], wait: timedelta) -> None:
        """Run a job once, after a wait."""
        self._armed[name] = (job, asyncio.get_running_loop().time() + wait.total_seconds())
        self._scheduler.add_job(
            job,
            "date",
            run_date=datetime.now(UTC) + wait,
            id=name,
            replace_existing=True,
            misfire_grace_time=None,  # however late, it runs
        )

    def _mind_the_clock(self) -> None:
        """Arm again, for now, what the monotonic clock says is late: the wall clock was set back."""
        loop = asyncio.get_running_loop()
        for name, (job, when) in list(self._armed.items()):
            waiting = self._scheduler.get_job(name)
            if waiting is not None and loop.time() > when + SHORTEST.total_seconds():
                self._arm(name, job, timedelta(0))
        self._minding = loop.call_later(LONGEST.total_seconds(), self._mind_the_clock)

    async def _poll_what_is_due(self) -> None:
        wait = LONGEST
        try:
            for source in await asyncio.to_thread(self._pipeline.waiting):
                if source.name not in self._polling:
                    self._polling[source.name] = asyncio.create_task(self._poll(source))
            upcoming = await asyncio.to_thread(self._pipeline.next_wait)
            wait = LONGEST if upcoming is None else min(max(upcoming, SHORTEST), LONGEST)
        except AggregatorError as error:
            log.error("tick.failed", str(error))
        finally:
            self._arm("poll", self._poll_what_is_due, wait)

    async def _poll(self, source: Source) -> None:
        try:
            await self._guarded(source.name, self._poll_and_say(source))
        finally:
            del self._polling[source.name]

    async def _poll_and_say(self, source: Source) -> None:
        polled = await self._pipeline.poll(source)
        self._changed = self._changed or bool(polled.new or polled.revised)
        say(polled)

    async def _publish_what_changed(self) -> None:
        try:
            if self._changed:
                await self._guarded("publish", self._publish())
        finally:
            self._arm("publish", self._publish_what_changed, SHORTEST)

    async def _publish(self) -> None:
        self._changed = False
        try:
            await self._pipeline.publish()
        except BaseException:
            self._changed = True
            raise

    async def _prune(self) -> None:
        try:
            await self._guarded("prune", self._pipeline.prune())
        finally:
            self._arm("prune", self._prune, PRUNE_EVERY)

    async def _guarded(self, what: str, work: Awaitable[None]) -> None:
        """Do work; say what failed instead of raising it: the next tick tries again."""
        try:
            await work
        except StoreBusy as error:
            log.warning("store.busy", str(error), while_doing=what)
        except AggregatorError as error:
            log.error("job.failed", str(error), while_doing=what)
        except Exception as error:  # one defect must not end a service that runs for years
            log.error("job.broken", f"{what}: {error!r}; please report this", cause=error)


def say(polled: Polled) -> None:
    """One line for a poll that brought something or failed, none for one that did not."""
    if polled.error is not None:
        log.warning("poll.failed", str(polled.error), source=polled.source)
    for reason in polled.refused:
        log.warning("file.refused", reason, source=polled.source)
    if polled.new or polled.revised:
        log.info(
            "poll.gained",
            f"{polled.new} new, {polled.revised} revised, in {polled.stories} stories",
            source=polled.source,
        )
    if polled.warning:
        log.debug("poll.damaged", polled.warning, source=polled.source)
