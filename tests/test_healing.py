"""The service while its database is away, and after: a line each time it tries, and then all is taken in."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import jobs
from aggregator.intake.contain import Parser
from aggregator.intake.fetch import Fetcher
from aggregator.pipeline import Pipeline
from aggregator.settings import Settings
from storage.database import Database

PATIENCE = 20.0  # seconds for what takes a fraction of one


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed try is tried again after milliseconds."""
    monkeypatch.setattr(jobs, "SHORTEST", timedelta(milliseconds=2))
    monkeypatch.setattr(jobs, "LONGEST", timedelta(milliseconds=20))


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - of files and lines, which send no event
            await asyncio.sleep(0.005)


def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its folder is moved under the running service: one line a try, the file stays, and is taken later."""
    inbox, home, away = tmp_path / "drop", tmp_path / "var", tmp_path / "away"
    inbox.mkdir()
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{home}/a.db",
            "sources": [{"name": "Inbox", "folder": inbox, "every": "1s"}],
            "folders": {"settle": "0s"},
            "publish": {"directory": tmp_path / "feeds"},
        }
    )

    def tries() -> list[str]:
        return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]

    def published() -> str:
        file = tmp_path / "feeds/all.rss"
        return file.read_text() if file.exists() else ""

    async def work() -> None:
        async with contextlib.AsyncExitStack() as closing:
            database = Database(settings.database)
            closing.callback(database.close)
            fetcher = await closing.enter_async_context(Fetcher(settings.fetch, "1"))
            parser = await closing.enter_async_context(Parser(settings.parse))
            ticks = jobs.Jobs(Pipeline(settings, database, fetcher, parser, now), now)
            ticks.start()
            closing.push_async_callback(ticks.stop)
            (inbox / "ferry.txt").write_text("The ferry Aurelia burns\n\nAll 214 people aboard are saved.\n")
            await until(lambda: "Aurelia" in published())
            home.rename(away)
            (inbox / "comet.txt").write_text("The comet Brandt returns\n\nIt was last seen 76 years ago.\n")
            await until(lambda: len(tries()) >= 3)
            assert (inbox / "comet.txt").exists()
            assert not home.exists()
            away.rename(home)
            await until(lambda: "Brandt" in published())
            assert (inbox / "done/comet.txt").exists()

    asyncio.run(work())
    assert {line for line in tries() if "the file has gone (bring it back" not in line} == set()
    assert all("\n" not in line for line in tries())


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)
