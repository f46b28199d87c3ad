"""A hundred hostile servers beside good ones, through the whole service: each is one clear line, no more.

The servers are those of hostile.py, and bodies that a parser should not be shown. All are polled at
once, twice: when nobody knows them, and when they have failed before.
"""

import asyncio
import contextlib
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from answers import ok
from hostile import CASES, bomb

from aggregator.configuration import load
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.poll.source_status import SourceStatus, source_statuses
from aggregator.schedule.host_queue import HostQueue
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEADLINE = 2.0  # seconds
LIMIT = 1_000_000  # bytes
MEMORY = 100_000_000  # bytes
GOOD = 6
LIMITS = {
    **dict.fromkeys(("timeout", "first_byte_timeout", "connect_timeout"), DEADLINE),
    **dict.fromkeys(("max_wire_bytes", "max_body_bytes"), LIMIT),
    "host_spacing": 0,
    "concurrency": 32,
}
PARSE = {"cpu_seconds": 1, "wall_seconds": 2}


def feed(inside: str, before: str = "") -> bytes:
    return f"<?xml version='1.0'?>{before}<rss version='2.0'><channel>{inside}</channel></rss>".encode()


def entities(levels: int) -> str:
    """A billion laughs."""
    declared = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, levels))
    return f"<!DOCTYPE rss [<!ENTITY e0 'ha'>{declared}]>"


ITEM = "<item><title>{}</title></item>"
BODIES = {
    "billion laughs": (feed(ITEM.format("&e9;"), entities(10)), "DOCTYPE|entit"),
    "quadratic entities": (
        feed(ITEM.format("&a;" * 10_000), f"<!DOCTYPE rss [<!ENTITY a '{'x' * 20_000}'>]>"),
        "DOCTYPE|entit",
    ),
    "a file as an entity": (
        feed(ITEM.format("&f;"), "<!DOCTYPE rss [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"),
        "DOCTYPE|entit",
    ),
    "nothing": (b"", "empty"),
    "white space": (b" \r\n" * 9999, "empty"),
    "a path": (b"/etc/passwd", "neither RSS"),
    "an address": (b"file:///etc/passwd", "neither RSS"),
    "a page": (b"<!doctype html><html><body>Hello</body></html>", "page"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(5000), ""),
    "zeros": (bytes(100_000), "empty|neither RSS"),
    "nested JSON": (b"[" * 200_000, ""),
    "JSON that ends": (b'{"version": "https://jsonfeed.org/version/1.1", "items": [', ""),
    "JSON of something else": (b'{"a": 1}', ""),
    "a list": (b"[1, 2, 3]", ""),
}


class Evil(NamedTuple):
    """A server, and how it is asked."""

    name: str
    script: Any
    scheme: str


def servers() -> list[Evil]:
    """All of them."""
    for coding in ("gzip", "deflate", "br", "zstd"):
        bomb(coding)  # the servers' memory is not what is measured
    found = [Evil(case.name, case.script, case.scheme) for case in CASES]
    for name, (body, _) in BODIES.items():
        found.append(Evil(name, ok(body), "http"))
    return found


class Memory:
    """The most memory that this process had within the block, above what it had before."""

    def __enter__(self) -> "Memory":
        self._before = self.most = self._now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self.most -= self._before

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self.most = max(self.most, self._now())

    def _now(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.fixture
def running(serve):
    """Starts all servers, each on an address of its own; the configuration's sources."""

    @contextlib.asynccontextmanager
    async def start(good: bytes):
        async with contextlib.AsyncExitStack() as stack:
            sources = []
            for number, evil in enumerate(servers()):
                host = f"127.0.{1 + number // 200}.{number % 200 + 1}"
                server = await stack.enter_async_context(serve(evil.script, host=host))
                url = server.url.replace("http", evil.scheme, 1)
                sources.append({"name": evil.name, "url": url, "allow_private": True})
            for number in range(GOOD):
                server = await stack.enter_async_context(serve(ok(good), host=f"127.0.9.{number + 1}"))
                sources.append({"name": f"good {number}", "url": server.url, "allow_private": True})
            yield sources

    return start


class Round(NamedTuple):
    """What came of polling all at once: outcomes and seconds by source, and the most memory."""

    outcomes: dict[str, PollResult]
    seconds: dict[str, float]
    memory: int


async def poll_all(pipeline: Pipeline) -> Round:
    started, seconds = time.monotonic(), {}

    async def timed(source: Any) -> PollResult:
        outcome = await pipeline.poll(source)
        seconds[source.name] = time.monotonic() - started
        return outcome

    with Memory() as memory:
        outcomes = await asyncio.gather(*map(timed, pipeline.waiting()))
    return Round({outcome.source: outcome for outcome in outcomes}, seconds, memory.most)


@pytest.fixture
def rounds(running, rss, tmp_path) -> tuple[list[Round], list[SourceStatus]]:
    """All polled at once, twice, and what `sources` knows of them afterwards; in the file a.yaml."""
    now = NOON
    good = rss({"guid": "1", "title": "The ferry is on time", "description": "It left at nine."})

    async def run() -> tuple[list[Round], list[SourceStatus]]:
        nonlocal now
        async with running(good) as sources, contextlib.AsyncExitStack() as stack:
            given = {"sources": sources, "fetch": LIMITS, "parse": PARSE}
            file = tmp_path / "a.yaml"
            file.write_text(json.dumps(given | {"database": f"sqlite:///{tmp_path}/a.db"}))
            settings = load(file, {})
            database = stack.enter_context(contextlib.closing(Database(settings.database)))
            fetcher = await stack.enter_async_context(Fetcher(settings.fetch, "1"))
            parser = await stack.enter_async_context(Parser(settings.parse))
            pipeline = Pipeline(settings, database, fetcher, parser, lambda: now)
            await pipeline.poll(settings.sources[-1])  # what is loaded late is loaded now
            found = []
            for _ in range(2):
                now += timedelta(days=3)
                found.append(await poll_all(pipeline))
            with database.reading() as tx:
                return found, source_statuses(tx, settings, now)

    return asyncio.run(run())


def test_each_is_one_clear_line_and_costs_the_others_nothing(rounds, tmp_path, aggregator):
    """In bounded memory, and with the good feeds polled as if they were alone."""
    both, found = rounds
    evil, goods = servers(), [f"good {number}" for number in range(GOOD)]
    assert len(evil) > 90
    for each in both:
        assert set(each.outcomes) == {*goods, *(server.name for server in evil)}
        assert [each.outcomes[name].error for name in goods] == [None] * GOOD
        assert each.memory < MEMORY
    _, again = both
    slowest = max(again.seconds.values())
    assert max(again.seconds[name] for name in goods) < slowest / 2, "those that failed get few of the places"
    told = {overview.source.name: overview for overview in found}
    for server in evil:
        assert len(told[server.name].troubles) == 1, server.name
        (trouble,) = told[server.name].troubles
        assert trouble.isprintable()
        assert len(trouble) < 600
        assert re.search(BODIES.get(server.name, (b"", ""))[1], trouble)
        assert (told[server.name].condition, told[server.name].state.failures) == ("failing", 2)
    heading, *lines = aggregator("--config", tmp_path / "a.yaml", "sources").out.splitlines()
    assert heading.startswith("source")
    assert [line.split("  ")[0] for line in lines] == list(told)


@pytest.mark.parametrize("doubtful", [False, True])
def test_polls_that_failed_before_get_few_of_the_places(doubtful):
    """However many hosts let everybody wait, three quarters of the places are for the others."""

    async def run() -> int:
        host_queue, most, busy = HostQueue(8, 0.0), 0, 0

        async def wait(host: str) -> None:
            nonlocal most, busy
            async with host_queue.take(host, doubtful=doubtful):
                busy += 1
                most = max(most, busy)
                await asyncio.sleep(0)
                busy -= 1

        await asyncio.gather(*(wait(f"host{number}") for number in range(40)))
        return most

    assert asyncio.run(run()) == (2 if doubtful else 8)
