"""Queue of requests by host: a bound on all, one at a time to a host, and a pause between two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Host:
    free_at: float = 0.0
    users: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class HostQueue:
    """The queue in front of the network.

    Args:
        concurrency: most requests at a time.
        spacing: seconds from the end of a request to the start of the next one to the same host.
        clock: seconds, never going back.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        concurrency: int,
        spacing: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._everyone = asyncio.Semaphore(concurrency)
        self._doubtful = asyncio.Semaphore(max(concurrency // 4, 1))
        self._spacing = spacing
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    def renewed(self, concurrency: int, spacing: float) -> HostQueue:
        """A queue with other bounds, in which nobody passes those who stand in this one."""
        made = HostQueue(concurrency, spacing, clock=self._clock, sleep=self._sleep)
        made._hosts = self._hosts
        return made

    @asynccontextmanager
    async def take(self, name: str, *, doubtful: bool = False) -> AsyncIterator[None]:
        """Waits for this host's turn and holds it within the block.

        Doubtful requests get a quarter of the places at most, so that servers which let everybody wait until
        the deadline do not hold up the others.

        The host's own queue comes first: many feeds of one slow host must not hold the places of others.
        Nobody may take a second turn within the block: two such could wait for each other for ever.
        """
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            async with host.lock:
                if (wait := host.free_at - self._clock()) > 0:
                    await self._sleep(wait)
                async with self._doubtful if doubtful else nullcontext(), self._everyone:
                    try:
                        yield
                    finally:
                        host.free_at = self._clock() + self._spacing
        finally:
            host.users -= 1
            self._forget()

    def _forget(self) -> None:
        # Redirects can name any number of hosts; those that nobody waits for and nothing holds back go.
        now = self._clock()
        for name in [name for name, host in self._hosts.items() if not host.users and host.free_at <= now]:
            del self._hosts[name]


class Backpressure:
    """Room for answers that wait to be parsed and stored; while there is none, nobody asks for more.

    Args:
        most: answers at a time; those that are on their way when it is full find room too.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._freed = asyncio.Event()

    async def wait(self) -> None:
        """Wait until there is room."""
        while self._left <= 0:
            self._freed.clear()
            await self._freed.wait()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """An answer is held within this block."""
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1
            self._freed.set()
