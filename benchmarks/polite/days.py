"""Two days of real feeds on a virtual clock: this project beside others, each with the server for itself."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from aggregator import __version__
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.settings import Settings
from benchmarks.polite.replay import START, Manners, Replay, replay
from storage.database import Database

STEP = timedelta(minutes=15)
"""How often the others are started, as by cron: they have no clock of their own."""


class Clock:
    """The virtual time, which the server follows."""

    def __init__(self, server: Replay) -> None:
        self._server = server
        self.set(START)

    def __call__(self) -> datetime:
        return self.now

    def set(self, now: datetime) -> None:
        self.now = now
        self._server.set_clock(now)


async def ours(server: Replay, folder: Path, end: datetime) -> None:
    """The pipeline with its shipped settings; it decides itself when to poll."""
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/ours.db",
            "sources": [
                {"name": url.rpartition("/")[2], "url": url, "allow_private": True} for url in server.feeds
            ],
            "fetch": {
                "host_spacing": 0
            },  # all fifteen are one host here, and the virtual clock waits for none
            "publish": {"directory": folder / "feeds"},
        }
    )
    clock, database = Clock(server), Database(settings.database)
    async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
        pipeline = Pipeline(settings, database, fetcher, parser, clock)
        while clock.now < end:
            outcomes = await asyncio.gather(*map(pipeline.poll, pipeline.waiting()))
            if any(polled.new or polled.revised for polled in outcomes):
                await pipeline.publish()
            wait = pipeline.next_wait() or STEP
            clock.set(clock.now + max(wait, timedelta(seconds=1)))
    database.close()


def plain(server: Replay, folder: Path, end: datetime) -> None:
    """A script under cron that asks for every feed, every 15 minutes, and remembers nothing."""
    clock, feeds = Clock(server), server.feeds
    while clock.now < end:
        for url in feeds:
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
                ) as answer:
                    answer.read()
            except urllib.error.HTTPError:
                continue
        clock.set(clock.now + STEP)


_READER = """
import datetime, sys, urllib.request
from reader import make_reader
store, server, start, end, mode = sys.argv[1:]
now, end = datetime.datetime.fromisoformat(start), datetime.datetime.fromisoformat(end)
made = make_reader(store)
made._now = lambda: now
for url in sys.stdin.read().split():
    made.add_feed(url)
while now < end:
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    urllib.request.urlopen(urllib.request.Request(f"{server}/clock?to={moment}", method="POST")).close()
    for _ in made.update_feeds_iter(scheduled=mode == "scheduled"):
        pass
    now += datetime.timedelta(minutes=15)
"""


def by_reader(python: str, mode: str) -> Callable[[Replay, Path, datetime], None]:
    """`reader` under cron every 15 minutes: all feeds, or those that its own schedule (an hour) names."""

    def run(server: Replay, folder: Path, end: datetime) -> None:
        arguments = [str(folder / "reader.sqlite"), server.url, START.isoformat(), end.isoformat(), mode]
        command = [python, "-c", _READER, *arguments]
        subprocess.run(command, input="\n".join(server.feeds), text=True, check=True)

    return run


def run(program: Path, hours: int, reader_python: str | None) -> None:
    """Measure, and print a table in Markdown."""
    end = START + timedelta(hours=hours)
    pollers: dict[str, Callable[[Replay, Path, datetime], object]] = {
        "this project": lambda *given: asyncio.run(ours(*given)),
        "a script every 15 min": plain,
    }
    if reader_python:
        pollers["`reader update`, scheduled, every 15 min"] = by_reader(reader_python, "scheduled")
        pollers["`reader update --no-scheduled`, every 15 min"] = by_reader(reader_python, "all")
    print(f"| {hours} hours | requests | conditional | bytes | early polls | items seen | delay | 90 % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, poll in pollers.items():
        with replay(program) as server, tempfile.TemporaryDirectory() as folder:
            poll(server, Path(folder), end)
            print(_row(name, server.manners(end)), flush=True)


def _row(name: str, did: Manners) -> str:
    cells = (
        name,
        str(did.requests),
        f"{did.conditional:.1%}",
        f"{did.bytes / 1e6:.1f} MB",
        str(did.early),
        f"{did.seen} of {did.items}",
        _minutes(did.delay(0.5)),
        _minutes(did.delay(0.9)),
    )
    return f"| {' | '.join(cells)} |"


def _minutes(delay: timedelta) -> str:
    return f"{delay / timedelta(minutes=1):.0f} min"
