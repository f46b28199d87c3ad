"""The life of the service: open everything, tick until told to stop, close everything.

The first SIGTERM or SIGINT stops it: what is being committed is committed, what is being fetched is given up
and asked for again next time. A second one ends it at once, and so does a stop that takes too long; the
database loses nothing by that either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aggregator import __version__, log
from aggregator.intake.contain import Parser
from aggregator.intake.fetch import Fetcher
from aggregator.jobs import Jobs
from aggregator.pipeline import Pipeline
from aggregator.serve import health, site
from aggregator.settings import FolderSource, Serve, Settings
from aggregator.shown import counted
from storage.database import Database

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NOTHING_LOST = "nothing is lost: what was not taken in is asked for again"
_STOPPING = 4.0  # seconds that a stop may take; service managers and people kill what takes longer


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Pipeline]:
    """A pipeline over an open database, the network and the contained parser; all are closed at the end.

    Raises:
        StoreError: the database cannot be used.

    """
    database = await asyncio.to_thread(Database, settings.database)
    try:
        async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
            yield Pipeline(settings, database, fetcher, parser, now)
    finally:
        database.close()


async def run(settings: Settings, command: str = "aggregator") -> None:
    """Run the service until a signal stops it.

    Args:
        settings: all of them.
        command: how its other commands are called, for the first lines.

    Raises:
        StoreError: the database cannot be used.
        ServeError: the read side cannot listen where it is told to.

    """
    with _until_signal() as stopped:
        async with opened(settings) as pipeline:
            jobs = Jobs(pipeline, now)
            async with _serving(settings.serve, jobs) as addresses:
                jobs.start()
                _say_where(settings, command, addresses)
                await stopped.wait()
                log.info("service.stopping", "finishing what is being written; a second signal stops at once")
                await jobs.stop()
        log.info("service.stopped", _NOTHING_LOST)


@contextlib.asynccontextmanager
async def _serving(settings: Serve, jobs: Jobs) -> AsyncIterator[list[str]]:
    """Answer over HTTP, where that is wanted; gives the addresses."""
    if not settings.enabled:
        yield []
        return
    async with site.listening(settings, health.routes(jobs.silence)) as addresses:
        yield addresses


@contextlib.contextmanager
def _until_signal() -> Iterator[asyncio.Event]:
    """An event that the first signal sets; the second one ends the process."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()
        # A thread, for it counts until the process has ended: threads of others are waited for even later.
        deadline = threading.Timer(_STOPPING, _end_now)
        deadline.daemon = True
        deadline.start()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield stopped
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _end_now() -> None:
    log.warning("service.stopped", f"something does not come to its end; {_NOTHING_LOST}")
    os._exit(0)


def _say_where(settings: Settings, command: str, addresses: Sequence[str]) -> None:
    """The first lines: what is read, and where the stories are."""
    folders = [source for source in settings.sources if isinstance(source, FolderSource)]
    feeds = counted(len(settings.sources) - len(folders), "feed")
    log.info("service.started", f"aggregator {__version__}: {feeds}, {counted(len(folders), 'drop folder')}")
    for source in folders:
        log.info("service.started", f"drop files into {source.folder.absolute()}", source=source.name)
    for feed in settings.publish.feeds:
        for kind in feed.formats:
            file = Path(settings.publish.directory, f"{feed.name}.{kind}").absolute()
            log.info("service.started", f"read the stories in {file}")
    log.info("service.started", f"or with `{command} stories`", database=settings.database)
    for address in addresses:
        log.info("service.started", f"how it is: {address}/healthz, /readyz, /metrics")


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)
