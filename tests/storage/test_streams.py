"""Streams: what is true of their stories, page after page."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import marks, reports, schema, stories, streams
from storage.database import Database
from storage.marks import Mark
from storage.streams import Place, Wanted

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST = {"layer": "first", "score": 0.0, "bar": 0.6}
READER = 0


def add(tx, report, number: int, *, voices: int = 1, at: datetime = NOON, **given) -> int:
    """A story of so many independent texts."""
    found = reports.add(tx, [report(number * 10 + n, publisher=f"Paper {n}", **given) for n in range(voices)])
    story = stories.found(tx, title=f"Story {number}", best=found[0], now=at)
    stories.join(tx, [stories.NewMembership(story, i, i, FIRST, at) for i in found])
    return story


def ids(tx, wanted: Wanted = Wanted(), **given) -> list[int]:  # noqa: B008 - frozen
    return [place.story for place in streams.places(tx, READER, wanted, NOON, **({"limit": 100} | given))]


@pytest.fixture
def tx(database, report):
    """A transaction with six stories, a minute apart; two of them of the same minute."""
    with database.writing() as found:
        for number, minute in enumerate((0, 1, 2, 2, 3, 4)):
            given = {"source": f"S{number % 2}", "tags": ("Sea",) if number < 2 else ()}
            add(found, report, number, voices=1 + number % 3, at=NOON + minute * MINUTE, **given)
        yield found


def test_the_newest_come_first_or_last(tx):
    """In the order in which they gained something; of equals the id decides."""
    assert ids(tx) == [6, 5, 4, 3, 2, 1]
    assert ids(tx, oldest_first=True) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 4, 6, 7])
def test_pages_hold_every_story_once(tx, limit, oldest_first):
    """Whatever the size of a page."""
    found: list[Place] = []
    while page := streams.places(
        *(tx, READER, Wanted(), NOON),
        limit=limit,
        after=found[-1] if found else None,
        oldest_first=oldest_first,
    ):
        found += page
    assert [place.story for place in found] == ids(tx, oldest_first=oldest_first)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(sources=frozenset({"S0"})), [5, 3, 1]),
        (Wanted(sources=frozenset({"S0", "S1"})), [6, 5, 4, 3, 2, 1]),
        (Wanted(sources=frozenset()), []),
        (Wanted(sources=frozenset({"elsewhere"})), []),
        (Wanted(tags=frozenset({"sEA"})), [2, 1]),
        (Wanted(tags=frozenset({"sea", "land"}), sources=frozenset({"S1"})), [2]),
        (Wanted(min_publishers=2), [6, 5, 3, 2]),
        (Wanted(min_publishers=3), [6, 3]),
        (Wanted(since=NOON + 3 * MINUTE), [6, 5]),
        (Wanted(until=NOON + MINUTE), [2, 1]),
        (Wanted(read=True), [3]),
        (Wanted(read=False), [6, 5, 4, 2, 1]),
        (Wanted(starred=True), [4, 3]),
        (Wanted(starred=False, read=True), []),
        (Wanted(starred=True, read=False), [4]),
    ],
)
def test_a_stream_holds_what_is_wanted(tx, wanted, found):
    """Of two that were read one has grown since: that is unread."""
    marks.read(tx, READER, {3: 3, 2: 1}, NOON)
    marks.star(tx, READER, [3, 4], NOON)
    marks.star(tx, READER + 1, [1], NOON)
    assert ids(tx, wanted) == found


def test_muted_stories_are_in_no_stream(tx):
    """Nor those with a muted word in their title; the pages are as long as ever."""
    marks.mute(tx, READER, 6, NOON)
    marks.mute_word(tx, READER, "story 3")  # of story 4: they are counted from 0
    assert ids(tx) == [5, 3, 2, 1]
    assert ids(tx, limit=2) == [5, 3]
    assert ids(tx, limit=1, after=Place(NOON + 3 * MINUTE, 5)) == [3]


@pytest.mark.parametrize(
    ("word", "title", "mutes"),
    [
        ("quiz", "The Quiz of the week", True),
        ("quiz", "Quizzes of the week", False),
        ("quiz", "A pubquiz", False),
        ("formula 1", "Formula 1: who wins", True),
        ("formula 1", "Formula 12", False),
        ("straße", "Die STRASSE", True),
        ("strasse", "Die Straße", True),
        ("c++", "C++ is forty", True),
        ("地震", "北海道地震速報", True),
        (".*", "anything", False),
    ],
)
def test_a_word_mutes_where_it_stands_whole(word, title, mutes):
    """Where words end somewhere; in scripts without small letters it is enough that it occurs."""
    assert marks.mutes([word.casefold()], title) is mutes


times = st.none() | st.sampled_from([NOON - MINUTE, NOON, NOON + MINUTE])
made = st.builds(
    Mark,
    read=times,
    voices=st.integers(0, 3),
    starred=times,
    muted=times,
    muted_until=times,
    muted_voices=st.none() | st.integers(1, 3),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marked=st.lists(made, min_size=1, max_size=12), voices=st.integers(1, 3))
def test_both_say_the_same_of_a_mark(report, marked, voices):
    """What the database selects is what `Mark` says of each."""
    database = Database("sqlite://")
    with database.writing() as tx:
        for number, mark in enumerate(marked):
            story = add(tx, report, number, voices=voices)
            values = {name: getattr(mark, name) for name in Mark.__dataclass_fields__}
            tx.execute(schema.mark.insert(), {"reader_id": READER, "story_id": story} | values)
        shown = {story for story, mark in enumerate(marked, 1) if not mark.is_muted(voices, NOON)}
        read = {story for story in shown if marked[story - 1].is_read(voices)}
        assert set(ids(tx)) == shown
        assert set(ids(tx, Wanted(read=True))) == read
        assert set(ids(tx, Wanted(read=False))) == shown - read
    database.close()
