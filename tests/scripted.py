"""A pipeline with a script, and jobs that tick over it."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from aggregator.poll.fulltext import PageResult
from aggregator.poll.poll_result import PollResult
from aggregator.service.jobs import Jobs
from aggregator.settings import FolderSource, Source
from aggregator.stories.pruning import Pruned

INBOX = FolderSource(name="Inbox", folder=Path("drop"))
PATIENCE = 10.0  # seconds for what takes milliseconds


def wall() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class Scripted:
    """Stands for the pipeline: does what the test says, and counts.

    Attributes:
        polls: what each poll gives or raises; the last one stays.
        looks: likewise for each look at what is due; an empty list for the source that is always due.
        corrections: what it says, when it is asked whether a person has corrected something.
    """

    def __init__(self, *polls: Any, looks: tuple[Any, ...] = ()) -> None:
        self.polls, self.looks = list(polls or [PollResult("Inbox")]), list(looks)
        self.counts = {"look": 0, "poll": 0, "read": 0, "publish": 0, "prune": 0}
        self.corrections: list[bool] = []
        self.readings: list[PageResult] = []
        self.publishing: Callable[[], None] = lambda: None

    def waiting(self) -> list[Source]:
        self.counts["look"] += 1
        if self.looks and (raised := self.looks.pop(0)):
            raise raised
        return [INBOX]

    def next_wait(self) -> timedelta:
        return timedelta(0)

    @property
    def hubs(self) -> Any:
        return Mock(due=list)

    def with_pages(self) -> list[Source]:
        return [INBOX] if self.readings else []

    async def read_pages(self, source: Source) -> PageResult:
        self.counts["read"] += 1
        return self.readings.pop(0)

    async def refingerprint(self) -> int:
        return 0

    async def look_again(self) -> int:
        return 0

    async def push(self) -> int:
        return 0

    async def tell_subscribers(self) -> int:
        return 0

    async def poll(self, source: Source) -> PollResult:
        self.counts["poll"] += 1
        given = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if isinstance(given, asyncio.Event):
            await given.wait()
            given = PollResult(source.name)
        if isinstance(given, BaseException):
            raise given
        assert isinstance(given, PollResult)
        return given

    def corrected(self) -> bool:
        return self.corrections.pop() if self.corrections else False

    async def publish(self) -> list[Path]:
        self.counts["publish"] += 1
        self.publishing()
        return []

    async def prune(self) -> Pruned:
        self.counts["prune"] += 1
        return Pruned()

    async def until(self, what: str, times: int) -> None:
        """Wait until something has happened so often."""
        async with asyncio.timeout(PATIENCE):
            while self.counts[what] < times:  # noqa: ASYNC110 - looks come from a thread
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def ticking(pipeline: Any, clock: Callable[[], datetime] = wall) -> Any:
    """Jobs that run, and are stopped at the end."""
    made = Jobs(pipeline, clock)
    made.start()
    try:
        yield made
    finally:
        await made.stop()
