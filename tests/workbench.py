"""A pipeline to try: with its real database, a clock that is moved, and something to poll."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.fetch.fetcher import Fetcher
from aggregator.model import SourceState
from aggregator.parse.sandbox import Parser
from aggregator.poll import ingestion
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.settings import Settings
from storage import sources
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)

FERRY = """ date 2026-11-20 The ferry Aurelia burns off Port Sallow

The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under Captain
Ines Marrow took all 214 passengers and crew aboard, the harbour office said.
"""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **wait: float) -> None:
        self.now += timedelta(**wait)


class Bench:
    """A pipeline with all that it stands on; each run starts it anew, with no more than is on the disk."""

    def __init__(self, folder: Path, *given: dict[str, Any], **more: Any) -> None:
        self.folder = folder
        self.clock = Clock()
        self.parsed: list[str] = []
        self.settings = Settings.model_validate(
            {
                "database": f"sqlite:///{folder}/a.db",
                "sources": list(given),
                "fetch": {"host_spacing": "0s"},
                "folders": {"settle": "0s"},
                "publish": {
                    "directory": folder / "feeds",
                    "feeds": [{"name": "all", "formats": ["rss", "atom", "json"]}],
                },
            }
            | more
        )

    def run(self, *steps: Callable[[Pipeline], Awaitable[Any]]) -> list[Any]:
        """Take steps, each with the same pipeline; what each gave."""

        async def all_steps() -> list[Any]:
            async with self.started() as pipeline:
                return [await step(pipeline) for step in steps]

        return asyncio.run(all_steps())

    def poll(self, times: int = 1, *, source: int = 0, patient: bool = False) -> PollResult:
        """Poll one source so often, an hour between; the last outcome."""
        chosen = self.settings.sources[source]

        async def step(pipeline: Pipeline) -> PollResult:
            polled = await pipeline.poll(chosen, patient=patient)
            self.clock.later(hours=1)
            return polled

        return self.run(*[step] * times)[-1]

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[Pipeline]:
        database = Database(self.settings.database)
        try:
            async with Fetcher(self.settings.fetch, "1") as fetcher, Parser(self.settings.parse) as parser:
                yield Pipeline(self.settings, database, fetcher, self._counted(parser), self.clock)
        finally:
            database.close()

    def _counted(self, parser: Parser) -> Parser:
        parse = parser.parse

        async def counted(body: bytes, kind: str, **about: Any) -> Any:
            self.parsed.append(kind)
            return await parse(body, kind, **about)

        parser.parse = counted  # type: ignore[method-assign]
        return parser

    def drop(self, name: str, text: str, written: datetime = LONG_AGO) -> None:
        """Put a file into the folder."""
        path = self.folder / "drop" / name
        path.write_text(text)
        os.utime(path, (written.timestamp(), written.timestamp()))

    def lying(self) -> set[str]:
        """Every file below the folder."""
        root = self.folder / "drop"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    def titles(self) -> list[str]:
        """Of all reports, sorted."""
        return sorted(row[0] for row in self.rows("SELECT title FROM story_reports"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As another program reads the file."""
        with contextlib.closing(sqlite3.connect(self.folder / "a.db")) as connection:
            return connection.execute(query).fetchall()

    def state(self, name: str) -> SourceState:
        database = Database(self.settings.database)
        with database.reading() as tx:
            found = sources.states(tx)[name]
        database.close()
        return found


def item(number: int, **given: str) -> dict[str, str]:
    """An item of a feed about an event of its own."""
    words = ("Harvest", "Tunnel", "Orchestra", "Glacier", "Beekeeper", "Lighthouse", "Parliament", "Comet")
    word = words[number % len(words)]
    return {
        "guid": f"tag:{number}",
        "title": f"{word} {number} makes itself heard",
        "link": f"https://gazette.example/{word.lower()}-{number}",
        "description": f"{word} news from district {number}: {number + 2} people, and one {word.lower()}.",
        "pubDate": f"Fri, 20 Nov 2026 10:{number:02}:00 GMT",
    } | given


def failing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: BaseException) -> None:
    """Let a function raise the first time that it is called."""
    real, calls = getattr(module, name), []

    def once(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise error
        return real(*given, **named)

    monkeypatch.setattr(module, name, once)


def poison(monkeypatch: pytest.MonkeyPatch, *titles: str) -> None:
    """Let reports of these titles bring out a defect whenever they are taken in."""
    real = ingestion.ingest

    def ingest(tx: Any, linker: Any, batch: Any, now: datetime, beside: Any = (), **more: Any) -> Any:
        if any(report.title in titles for report in batch):
            raise ZeroDivisionError("nobody foresaw it")
        return real(tx, linker, batch, now, beside, **more)

    monkeypatch.setattr(ingestion, "ingest", ingest)
