"""A clock that jumps: polling goes on within one interval, and nothing piles up."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from aggregator.fetch import folder
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.settings import Folders, Settings
from storage.database import Database

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)
INTERVAL, STEP, LASTS = timedelta(minutes=15), timedelta(minutes=5), timedelta(hours=5)
JUMP = timedelta(hours=2)  # from the beginning
MORNING = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # summer time ends at 01:00 UTC in Europe

SHIFTS: dict[str, Callable[[timedelta], timedelta]] = {
    "right": lambda passed: timedelta(0),
    "back an hour": lambda passed: -HOUR if passed >= JUMP else timedelta(0),
    "back twenty years": lambda passed: -20 * YEAR if passed >= JUMP else timedelta(0),
    "forward fifty years": lambda passed: 50 * YEAR if passed >= JUMP else timedelta(0),
    "fifty years ahead for ten minutes": lambda passed: (
        50 * YEAR if JUMP <= passed < JUMP + 2 * STEP else timedelta(0)
    ),
    "to and fro": lambda passed: HOUR if passed // HOUR % 2 else -HOUR,
}
"""What a clock shows beside the right time, by how much time has passed."""


@pytest.fixture(autouse=True)
def local_time(monkeypatch) -> Iterator[None]:
    """A machine in a zone with summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("shift", SHIFTS)
def test_polling_goes_on_within_one_interval(tmp_path, origin, rss, shift):
    """A feed and a folder, each asked whenever they are due; no two polls are further apart in real time."""
    origin.pages["/feed"] = rss({"title": "The lighthouse of Sallow is for sale"})
    (tmp_path / "drop").mkdir()
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{tmp_path}/a.db",
            "sources": [
                {"name": "Feed", "url": f"{origin.url}/feed", "allow_private": True, "every": "15m"},
                {"name": "Inbox", "folder": tmp_path / "drop", "every": "15m"},
            ],
            "fetch": {"ceiling": "15m", "host_spacing": "0s"},
            "publish": {"directory": tmp_path / "feeds"},
        }
    )
    polls = asyncio.run(_polls(settings, SHIFTS[shift]))
    for name, moments in polls.items():
        ends = [timedelta(0), *moments, LASTS]
        gaps = [later - earlier for earlier, later in pairwise(ends)]
        # A step to notice, and what is added so that not all polls come at once.
        assert max(gaps) <= INTERVAL + 2 * STEP, name
    # A jump may cost a poll more, never a flood of them.
    assert len(polls["Feed"]) <= LASTS / INTERVAL + 10
    assert not [status for _, status, _ in origin.asked if status not in (200, 304)]


async def _polls(settings: Settings, shift: Callable[[timedelta], timedelta]) -> dict[str, list[timedelta]]:
    """How much time had passed at each poll of each source."""
    passed = timedelta(0)
    found: dict[str, list[timedelta]] = {source.name: [] for source in settings.sources}
    database = Database(settings.database)
    async with Fetcher(settings.fetch, "1") as fetcher, Parser(settings.parse) as parser:
        pipeline = Pipeline(settings, database, fetcher, parser, lambda: MORNING + passed + shift(passed))
        while passed <= LASTS:
            for source in pipeline.waiting():
                polled = await pipeline.poll(source)
                assert polled.error is None
                found[source.name].append(passed)
            await pipeline.publish()
            await pipeline.prune()
            wait = pipeline.next_wait()
            assert wait is not None
            passed += STEP
    database.close()
    return found


@pytest.mark.parametrize("back", [HOUR, 50 * YEAR])
def test_a_file_from_before_the_clock_was_set_back_is_taken(tmp_path, back):
    """It does not wait for an hour, or for fifty years, until the clock comes by again."""
    (tmp_path / "ferry.txt").write_text("The ferry Aurelia burns\n\nAll aboard are saved.\n")
    found = list(folder.scan(tmp_path, Folders(), datetime.now(UTC) - back))
    assert [item.name for item in found] == ["ferry.txt"]
