"""Forgetting what was really taken in: what is known afterwards, and what a wrong clock costs."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.model import Report, SourceState
from aggregator.settings import Settings
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.pruning import Pruned, prune
from storage import reports, retention, sources, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings.model_validate(
    {"sources": [{"name": "A", "folder": "drop"}], "retention": {"texts": "30d", "stories": "100d"}}
)
FIRE = (
    "Ferry Aurelia burns off Port Sallow, all 214 aboard saved",
    "The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under "
    "Captain Ines Marrow took all 214 passengers and crew aboard, the harbour office said.",
)
FIRE_AGAIN = (
    "Rescuers bring everyone home after Aurelia blaze",
    "Every one of the 214 souls on the Aurelia is safe, Port Sallow's harbour office announced. Flames "
    "broke out below deck on Thursday night; Ines Marrow led the coastguard boats.",
)
VOTE = ("The upper house votes on fish", "By nine votes it raised the quota for herring, and for cod.")


def told(words: tuple[str, str], number: int, seen: datetime, source: str = "A") -> Report:
    """A report with these words, that was seen then."""
    return Report(
        source=source,
        publisher=source,
        title=words[0],
        text=words[1],
        language="en",
        published=seen,
        dated=True,
        seen=seen,
        url=f"https://example.org/{number}",
        keys=(f"guid:{source}:{number}", f"url:example.org/{number}"),
    )


class World:
    """A store, and the time that passes in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.linker = Linker(SETTINGS.dedup)

    def take(self, *found: Report) -> Any:
        """Take reports in, and remember that their source has brought something."""
        with self.database.writing() as tx:
            for report in found:
                sources.save(tx, SourceState(report.source, "drop", gained=report.seen))
            return ingest(tx, self.linker, found, found[0].seen)

    def turn(self, now: datetime, times: int = 1) -> Pruned:
        """Forget, so often, an hour between; what the last turn let go of."""

        async def write(work: Callable[[Any], Any]) -> Any:
            with self.database.writing() as tx:
                return work(tx)

        gone = Pruned()
        for number in range(times):
            gone = asyncio.run(prune(write, SETTINGS, now + number * HOUR))
        return gone

    def texts(self) -> list[bool]:
        """Whether each report has its text, by id."""
        with self.database.reading() as tx:
            found = reports.get(tx, range(1, 100))
        return [bool(found[i].text) for i in sorted(found)]


@pytest.fixture
def world(database) -> World:
    return World(database)


def test_a_report_that_was_forgotten_is_still_known(world):
    """A feed that goes on showing it, or shows it again, brings nothing new and brings no text back."""
    world.take(told(FIRE, 1, NOON))
    world.take(told(VOTE, 2, NOON + 31 * DAY))
    world.turn(NOON + 31 * DAY, times=2)
    assert world.texts() == [False, True]
    for again in (told(FIRE, 1, NOON + 32 * DAY), told(("Ferry fire", "New words."), 1, NOON + 33 * DAY)):
        gain = world.take(again)
        assert (gain.new, gain.revised) == ((), ())
    assert world.texts() == [False, True]


def test_what_was_forgotten_still_finds_its_story(world):
    """The sketch is kept: a late report of the same event meets the text that is gone."""
    first = world.take(told(FIRE, 1, NOON))
    with world.database.writing() as tx:
        retention.texts(tx, NOON + DAY, NOON, 10)
    assert world.texts() == [False]
    assert world.take(told(FIRE_AGAIN, 2, NOON + 5 * HOUR, source="B")).stories == first.stories


def test_a_clock_that_is_fifty_years_ahead_costs_a_day(world):
    """One turn comes just then; all that is younger than the oldest day stays, and the index with it."""
    world.take(told(FIRE, 1, NOON), told(VOTE, 2, NOON))
    world.turn(NOON + HOUR)
    world.turn(NOON + 50 * 365 * DAY)
    assert world.texts() == [True, True]
    world.turn(NOON + 2 * HOUR)
    gain = world.take(told(FIRE_AGAIN, 3, NOON + 3 * HOUR, source="B"))
    with world.database.reading() as tx:
        (story,) = stories.load(tx, sorted(gain.stories), world.database.uuid)
    assert len(story.members) == 2, "its candidates are found as before"


def test_a_first_turn_with_a_wrong_clock_costs_a_day_too(world):
    """A machine that starts with a clock of its own, over a database that never had a turn."""
    world.take(told(FIRE, 1, NOON - 20 * DAY), told(VOTE, 2, NOON))
    world.turn(NOON + 50 * 365 * DAY)
    assert world.texts() == [True, True]


def test_a_clock_that_was_set_back_forgets_nothing_and_goes_on(world):
    """Ticks of the year 1970 do no harm; when the clock is right, what is due goes."""
    world.take(told(FIRE, 1, NOON))
    for now in (NOON, datetime(1970, 1, 1, tzinfo=UTC), NOON + DAY):
        world.turn(now)
    assert world.texts() == [True]
    for day in range(20, 32):
        world.turn(NOON + day * DAY, times=3)
    assert world.texts() == [False]


def test_whole_stories_go_and_say_so(world):
    """When they have gained nothing for long, and their source has gone on without them."""
    world.take(told(FIRE, 1, NOON), told(FIRE_AGAIN, 2, NOON))
    world.take(told(VOTE, 3, NOON + 90 * DAY))
    with world.database.reading() as tx:
        newer, older = stories.recent(tx)
    for day in range(90, 103):
        world.turn(NOON + day * DAY)
    with world.database.reading() as tx:
        assert stories.recent(tx) == [newer]
        assert stories.resolve(tx, older) is None
        assert retention.last_story(tx) == older
        assert reports.count(tx) == 1


def test_what_a_source_shows_still_is_not_forgotten(world):
    """It would come in again as new, and be shown as news."""
    fire = told(FIRE, 1, NOON)
    world.take(fire)
    for day in range(10, 200, 10):
        moment = NOON + day * DAY
        assert len(world.take(told(FIRE, 1, moment), told(VOTE, day, moment)).new) == 1
        world.turn(moment, times=11)
    with world.database.reading() as tx:
        assert reports.known(tx, fire.keys)


def test_a_turn_with_nothing_to_do_does_nothing(world):
    """And says so."""
    assert world.turn(NOON) == Pruned()
    world.take(told(FIRE, 1, NOON))
    assert world.turn(NOON + HOUR) == Pruned()


def test_what_is_in_memory_leaves_with_the_window(world):
    """And is read again when it is asked for: a revision years later is no error."""
    (old,) = world.take(told(FIRE, 1, NOON)).new
    (new,) = world.take(told(FIRE_AGAIN, 2, NOON, source="B")).new
    world.linker.forget_before(new)
    assert set(world.linker.known._sketches) == {new}
    assert world.linker.known.judged == {}
    again = world.take(told((FIRE[0], FIRE[1] + " Nobody was hurt badly."), 1, NOON + DAY))
    assert again.revised == (old,)
    assert len(again.stories) == 1
