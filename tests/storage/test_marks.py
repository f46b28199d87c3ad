"""What readers have read, starred and muted: it lasts, and goes where stories go."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage import marks, readers, retention, stories
from storage.marks import Mark

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def three(database, report: Callable[..., object]) -> list[int]:
    """Ids of three stories of a report each."""
    from storage import reports

    with database.writing() as tx:
        found = []
        for n, one in enumerate(reports.add(tx, [report(n) for n in range(3)])):
            story = stories.found(tx, title=f"Story {n}", best=one, now=NOON)
            evidence = {"layer": "first", "score": 0.0, "bar": 0.6}
            stories.join(tx, [stories.NewMembership(story, one, one, evidence, NOON)])
            found.append(story)
    return found


@pytest.mark.parametrize(
    ("mark", "voices", "is_read"),
    [
        (Mark(), 1, False),
        (Mark(read=NOON, voices=2), 2, True),
        (Mark(read=NOON, voices=2), 1, True),
        (Mark(read=NOON, voices=2), 3, False),
    ],
)
def test_read_until_it_says_something_new(mark, voices, is_read):
    """A story comes back with a further independent text; with a further copy it does not."""
    assert mark.is_read(voices) is is_read


@pytest.mark.parametrize(
    ("mark", "voices", "muted"),
    [
        (Mark(), 9, False),
        (Mark(muted=NOON), 99, True),
        (Mark(muted=NOON, muted_until=NOON + HOUR), 1, True),
        (Mark(muted=NOON, muted_until=NOON), 1, False),
        (Mark(muted=NOON, muted_voices=5), 4, True),
        (Mark(muted=NOON, muted_voices=5), 5, False),
    ],
)
def test_muted_for_ever_until_a_time_or_until_it_has_grown(mark, voices, muted):
    """What is muted stays away as long as was said."""
    assert mark.is_muted(voices, NOON) is muted


def test_what_was_marked_is_there(database, three):
    """One mark leaves the others alone, and one reader's are not another's."""
    one, other, third = three
    with database.writing() as tx:
        marks.read(tx, 0, {one: 2}, NOON)
        marks.star(tx, 0, [one, other], NOON)
        marks.mute(tx, 0, third, NOON, voices=5)
        marks.star(tx, 7, [third], NOON)
    with database.reading() as tx:
        found = marks.of_stories(tx, 0, three)
        assert found[one] == Mark(read=NOON, voices=2, starred=NOON)
        assert found[other] == Mark(starred=NOON)
        assert found[third] == Mark(muted=NOON, muted_voices=5)
        assert marks.starred(tx, 0, 9) == [one, other]
        assert marks.starred(tx, 7, 9) == [third]
    with database.writing() as tx:
        marks.unread(tx, 0, [one])
        marks.star(tx, 0, [one], None)
        marks.mute(tx, 0, third, None)
        assert set(marks.of_stories(tx, 0, [one, third]).values()) == {Mark()}


@pytest.mark.parametrize(
    ("absorbed", "survivor", "expected"),
    [
        (Mark(read=NOON, voices=1), Mark(read=NOON, voices=2), Mark(read=NOON, voices=3)),
        (Mark(read=NOON, voices=1), Mark(), Mark()),
        (Mark(), Mark(read=NOON, voices=1), Mark(read=NOON, voices=1)),
        (Mark(starred=NOON), Mark(read=NOON, voices=1), Mark(starred=NOON)),
    ],
)
def test_marks_follow_a_merge(database, three, absorbed, survivor, expected):
    """Read is what was read in both parts; a star on either stays."""
    goes, stays, _ = three
    with database.writing() as tx:
        for story, mark in ((goes, absorbed), (stays, survivor)):
            if mark.read:
                marks.read(tx, 0, {story: mark.voices}, mark.read)
            if mark.starred:
                marks.star(tx, 0, [story], mark.starred)
        stories.merge(tx, absorbed=goes, survivor=stays, score=0.9, now=NOON)
        found = marks.of_stories(tx, 0, [goes, stays])
    assert found.get(stays, Mark()) == expected
    assert goes not in found


def test_a_starred_story_is_kept(database, three):
    """However old it gets; the others of its age go."""
    with database.writing() as tx:
        marks.star(tx, 0, three[:1], NOON)
        found = retention.old_stories(tx, NOON + HOUR, None, 9)
        assert [each.id for each in found] == three[1:]
        retention.stories(tx, three[1:])
        assert marks.starred(tx, 0, 9) == three[:1]


def test_words_are_muted_whatever_their_case(database):
    """Once each, in order."""
    with database.writing() as tx:
        for word in ("Quiz", "QUIZ", "Ärger"):
            marks.mute_word(tx, 0, word)
        assert marks.muted_words(tx, 0) == ["quiz", "ärger"]
        marks.unmute_word(tx, 0, "quiZ")
        assert marks.muted_words(tx, 0) == ["ärger"]


def test_a_visit_is_over_after_half_an_hour(database):
    """What is new is what came since the visit before, however often the page is looked at in this one."""
    with database.writing() as tx:
        looks = [marks.visited(tx, 0, NOON + minutes * HOUR / 60) for minutes in (0, 20, 120, 125, 170)]
    twenty = NOON + 20 * HOUR / 60
    assert looks == [None, None, twenty, twenty, NOON + 125 * HOUR / 60]


def test_readers_come_log_in_and_go(database, three):
    """A name is given once; a session expires, a changed password ends it; a reader takes all along."""
    with database.writing() as tx:
        ida = readers.add(tx, "Ida", "hash", NOON)
        assert ida
        assert readers.add(tx, "Ida", "other", NOON) is None
        readers.begin(tx, ida, b"cookie", NOON + HOUR, NOON)
        readers.give(tx, ida, b"token", "phone", "write", NOON)
        marks.star(tx, ida, three, NOON)
        marks.mute_word(tx, ida, "quiz")
        marks.visited(tx, ida, NOON)
    with database.writing() as tx:
        assert readers.of_session(tx, b"cookie", NOON) == readers.listed(tx)[0]
        assert readers.of_session(tx, b"cookie", NOON + HOUR) is None
        assert [(each.name, each.scope) for each in readers.tokens(tx, ida)] == [("phone", "write")]
        readers.change_password(tx, ida, "new")
        assert readers.of_session(tx, b"cookie", NOON) is None
        assert readers.by_name(tx, "Ida") == (readers.listed(tx)[0], "new")
        readers.remove(tx, ida)
        assert not readers.anybody(tx)
        assert readers.of_token(tx, b"token") is None
        assert marks.starred(tx, ida, 9) == []
        assert marks.muted_words(tx, ida) == []
