"""A stop, or a reload, leaves nothing half done."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock, Mock, patch

from scripted import INBOX, PATIENCE, Scripted, ticking, wall

from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.service.jobs import Jobs
from aggregator.settings import Settings, Source
from storage import reports, sources
from storage.database import Database


def test_a_stop_gives_up_what_is_being_fetched():
    """A server that never answers does not hold the service."""
    pipeline = Scripted(asyncio.Event())

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 1)

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert pipeline.counts["poll"] == 1


def test_nothing_ticks_after_a_stop():
    """What was armed is disarmed, and what was just beginning does not begin."""
    pipeline = Scripted()

    async def run() -> dict[str, int]:
        async with ticking(pipeline):
            await pipeline.until("look", 1)
        counted = dict(pipeline.counts)
        await asyncio.sleep(0.03)  # some ticks long
        return counted

    assert asyncio.run(run()) == pipeline.counts


def test_a_stop_waits_for_the_write_in_progress(tmp_path, monkeypatch):
    """The real pipeline, stopped in the middle of a transaction: it is whole, and published."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop/ferry.txt").write_text(
        "The ferry Aurelia burns off Port Sallow\n\nAll 214 are saved.\n"
    )
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{tmp_path}/a.db",
            "sources": [{"name": "Inbox", "folder": tmp_path / "drop"}],
            "folders": {"settle": "0s"},
            "publish": {"directory": tmp_path / "feeds"},
        }
    )
    writing, go_on, take = threading.Event(), threading.Event(), sources.take

    def slow(*given: Any) -> None:
        writing.set()
        assert go_on.wait(PATIENCE)
        take(*given)

    monkeypatch.setattr(sources, "take", slow)

    async def run() -> bool:
        database = Database(settings.database)
        async with Fetcher(settings.fetch, "1") as fetcher, Parser(settings.parse) as parser:
            made = Jobs(Pipeline(settings, database, fetcher, parser, wall), wall)
            made.start()
            assert await asyncio.to_thread(writing.wait, PATIENCE)
            stopping = asyncio.ensure_future(made.stop())
            await asyncio.wait([stopping], timeout=0.05)
            waits = not stopping.done()
            go_on.set()
            await stopping
        with database.reading() as tx:
            assert reports.count(tx) == 1
        database.close()
        return waits

    assert asyncio.run(run())
    assert "ferry Aurelia" in (tmp_path / "feeds/all.rss").read_text()


def test_a_reload_waits_for_what_a_hub_has_sent():
    """The parser that reads it is not closed under it: it would be told that it came, and be lost."""
    pipeline, parsed = Scripted(), asyncio.Event()
    hubs = Mock(due=list, sender=AsyncMock(return_value=INBOX))

    async def take_sent(source: Source, *_: Any) -> PollResult:
        await parsed.wait()
        return PollResult(source.name)

    async def run() -> bool:
        with patch.object(Scripted, "hubs", hubs):
            pipeline.take_sent = take_sent  # type: ignore[attr-defined]
            made = Jobs(pipeline, wall)  # type: ignore[arg-type]  # as much of one as it uses
            receiving = asyncio.ensure_future(made.receive("token", b"", None, None))
            settling = asyncio.ensure_future(_after(3, made.settled))
            await asyncio.wait([settling], timeout=0.05)
            waits = not settling.done()
            parsed.set()
            await asyncio.gather(receiving, settling)
            return waits

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE))


async def _after(host_queue: int, work: Callable[[], Awaitable[None]]) -> None:
    """Do it a few turns of the event loop later."""
    for _ in range(host_queue):
        await asyncio.sleep(0)
    await work()
