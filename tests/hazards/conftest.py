"""A pipeline of short limits, and a server that answers byte for byte what it is told."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.fetch.fetcher import Fetcher
from aggregator.model import Story
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.settings import Settings
from storage import stories
from storage.database import Database

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Met:
    """What came of one look at every source.

    Attributes:
        polled: by source.
        stories: all of them.
        seconds: of each poll.
        published: the files, by name.
    """

    def __init__(self) -> None:
        self.polled: dict[str, PollResult] = {}
        self.stories: list[Story] = []
        self.seconds: dict[str, float] = {}
        self.published: dict[str, bytes] = {}

    def titles(self, source: str) -> list[str]:
        """Of the reports of a source, sorted."""
        return sorted(each.title for each in self.members(source))

    def members(self, source: str) -> list[Any]:
        """The reports of a source."""
        return [each for story in self.stories for each in story.members if each.source == source]


@pytest.fixture
def meet(tmp_path: Path) -> Callable[..., Met]:
    """Polls servers that talk like this and a folder with these files, all at once."""

    def run(talks: Mapping[str, Talk], files: Mapping[str, bytes]) -> Met:
        return asyncio.run(_meet(tmp_path, talks, files))

    return run


async def _meet(folder: Path, talks: Mapping[str, Talk], files: Mapping[str, bytes]) -> Met:
    drop = folder / "drop"
    drop.mkdir()
    for name, body in files.items():
        (drop / name).write_bytes(body)
    met = Met()
    async with contextlib.AsyncExitStack() as closing:
        sources = [{"name": "folder", "folder": drop}]
        for number, (name, talk) in enumerate(talks.items(), 2):
            host = f"127.0.0.{number}"  # each its own, or they would wait for each other
            port = await closing.enter_async_context(_server(host, talk))
            sources.append({"name": name, "url": f"http://{host}:{port}/", "allow_private": True})
        settings = _settings(folder, sources)
        database = Database(settings.database)
        closing.callback(database.close)
        fetcher = await closing.enter_async_context(Fetcher(settings.fetch, "1"))
        parser = await closing.enter_async_context(Parser(settings.parse))
        pipeline = Pipeline(settings, database, fetcher, parser, lambda: datetime.now(UTC))
        await asyncio.gather(*(_poll(pipeline, source, met) for source in settings.sources))
        for path in await pipeline.publish():
            met.published[path.name] = path.read_bytes()
        with database.reading() as tx:
            ids = stories.selected(tx, min_publishers=1, tags=(), limit=10_000)
            met.stories = stories.load(tx, sorted(ids), database.uuid)
    return met


async def _poll(pipeline: Pipeline, source: Any, met: Met) -> None:
    began = asyncio.get_running_loop().time()
    met.polled[source.name] = await pipeline.poll(source)
    met.seconds[source.name] = asyncio.get_running_loop().time() - began


@contextlib.asynccontextmanager
async def _server(host: str, talk: Talk) -> Any:
    """A server that reads a request and then talks; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await talk(writer)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    async with await asyncio.start_server(serve, host, 0) as server:
        yield server.sockets[0].getsockname()[1]


def _settings(folder: Path, sources: list[dict[str, Any]]) -> Settings:
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/a.db",
            "sources": sources,
            "fetch": {"timeout": "3s", "first_byte_timeout": "3s", "max_body_bytes": "8 MB"}
            | {"host_spacing": "0s", "concurrency": 100},
            "parse": {"cpu_seconds": 1, "max_entries": 50, "max_text": 20_000, "max_title": 500},
            "folders": {"settle": "0s"},
            "publish": {
                "directory": folder / "feeds",
                "feeds": [{"name": "all", "formats": ["rss", "atom", "json"], "limit": 1000}],
            },
        }
    )
