"""Who sits where, as one transaction sees it, is what the database says when it has ended."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Report
from aggregator.stories.membership_batch import MembershipBatch
from storage import reports, sketches, stories
from storage.database import Database
from storage.stories import Membership

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = timedelta(days=14)
HERE = range(1, 7)  # reports that sit in a story each, before
COMING = range(7, 11)  # reports that look for a place

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "merge", "move", "regroup", "show", "found"]),
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    max_size=25,
)


def _filled() -> Database:
    """Ten reports that share key 5; the first six sit in a story each."""
    database = Database("sqlite://")
    with database.writing() as tx:
        ids = reports.add(
            tx,
            [
                Report(
                    source="A",
                    publisher="A",
                    title=f"title {number}",
                    text="x" * number,
                    language="en",
                    published=NOON,
                    dated=True,
                    seen=NOON - timedelta(weeks=2 * (number % 3)),
                    keys=(f"guid:{number}",),
                )
                for number in (*HERE, *COMING)
            ],
        )
        assert list(ids) == [*HERE, *COMING]
        for report, stored in reports.get(tx, ids).items():
            sketches.add_bands(tx, [(report, stored.seen, [5, 100 + report])])
            if report in HERE:
                story = stories.found(tx, title="", best=report, now=NOON)
                stories.join(tx, [stories.NewMembership(story, report, report, {}, NOON)])
    return database


def _seated(tx) -> dict[int, Membership]:
    table = stories.partition(tx)
    return {membership.report: membership for membership in stories.memberships(tx, set(table.values()))}


def _known(membership_batch: MembershipBatch, where: dict[int, int]) -> dict[int, Membership]:
    return {
        membership.report: membership
        for memberships in membership_batch.memberships({*where.values()}).values()
        for membership in memberships
    }


def _step(
    membership_batch: MembershipBatch, stored, where: dict[int, int], what: str, a: int, b: int
) -> None:
    """One change, if it can be made; `where` is the story of each report, kept by hand."""
    assignment, standing = sorted(where), sorted({*where.values()})
    free = [report for report in COMING if report not in where]
    if what == "found":
        where_to = membership_batch.found("", 1, NOON)
        if free:
            membership_batch.join(where_to, stored[free[0]], free[0], {"layer": "first"}, NOON)
            where[free[0]] = where_to
    elif what == "join" and free:
        story, report = standing[a % len(standing)], free[b % len(free)]
        membership_batch.join(story, stored[report], report, {"layer": "story"}, NOON)
        where[report] = story
    elif what == "leave":
        report = assignment[a % len(assignment)]
        if report in COMING:
            membership_batch.leave(report)
            del where[report]
    elif what == "merge" and len(standing) > 1:
        absorbed = standing[a % len(standing)]
        survivor = [story for story in standing if story != absorbed][b % (len(standing) - 1)]
        membership_batch.merge(absorbed, survivor, 0.5, NOON)
        where |= {report: survivor for report, story in where.items() if story == absorbed}
    elif what == "move" and len(standing) > 1:
        report = assignment[a % len(assignment)]
        destination = [story for story in standing if story != where[report]][b % (len(standing) - 1)]
        membership = next(
            membership
            for membership in membership_batch.memberships([where[report]])[where[report]]
            if membership.report == report
        )
        membership_batch.move(membership, destination, {"layer": "moved"}, 0.5, NOON)
        where[report] = destination
    elif what == "regroup":
        report = assignment[a % len(assignment)]
        membership_batch.regroup(where[report], [report], report)
    elif what == "show":
        story = standing[a % len(standing)]
        membership_batch.show(story, f"shown {b}", 1, NOON if b % 2 else None)


class Undone(Exception):
    """Raised to have a transaction rolled back, so that the next example begins as this one did."""


@pytest.fixture(scope="module")
def database():
    """Filled once."""
    filled = _filled()
    yield filled
    filled.close()


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_whatever_is_changed_it_knows(database, steps) -> None:
    """Seats and candidates are, after each change, those of a look at the database."""
    with suppress(Undone), database.writing() as tx:
        stored = reports.get(tx, [*COMING])
        where = stories.partition(tx)
        keys = {report: [5, 100 + report] for report in COMING}
        with MembershipBatch(tx, keys, most=4, ahead=2) as membership_batch:
            for what, a, b in steps:
                _step(membership_batch, stored, where, what, a, b)
                known = _known(membership_batch, where)
                assert {report: membership.story for report, membership in known.items()} == where
                lately = sorted(filter(seen_lately, where), key=lambda i: (i == COMING[0], i), reverse=True)
                found = membership_batch.candidates(COMING[0], NOON, WINDOW)
                assert found == [(other, where[other]) for other in lately][:4]
            known = _known(membership_batch, where)
        assert stories.partition(tx) == where
        assert _seated(tx) == known
        raise Undone


def seen_lately(report: int) -> bool:
    """Whether a report was seen within the window."""
    return sketches.bucket(NOON - timedelta(weeks=2 * (report % 3))) in sketches.weeks(NOON, WINDOW)


def test_nothing_that_waits_is_written_where_it_ends_badly(database) -> None:
    """The transaction is rolled back then; writing on would only bring a second error."""
    with suppress(Undone), database.writing() as tx:
        stored = reports.get(tx, [7])
        with suppress(ValueError), MembershipBatch(tx, {7: [5]}, most=4, ahead=2) as membership_batch:
            membership_batch.join(1, stored[7], 7, {}, NOON)
            raise ValueError("planted")
        assert 7 not in stories.partition(tx)
        raise Undone


def test_a_story_that_gained_and_then_lost_has_gained(database) -> None:
    """Two changes of what is shown, written as one, keep the time of the gain."""
    later = NOON + timedelta(hours=1)
    with suppress(Undone), database.writing() as tx:
        with MembershipBatch(tx) as membership_batch:
            membership_batch.show(1, "gained", 1, later)
            membership_batch.show(1, "lost", 1, None)
        (story,) = stories.load(tx, [1], database.uuid)
        assert (story.title, story.updated) == ("lost", later)
        raise Undone


@pytest.mark.parametrize("moved", [1, 2])
def test_a_copy_group_is_named_after_one_that_is_in_the_story(database, moved: int) -> None:
    """In the story that a copy has left, and in the one that it has joined."""
    with suppress(Undone), database.writing() as tx:
        with MembershipBatch(tx) as membership_batch:
            for absorbed in (2, 3):
                membership_batch.merge(absorbed, 1, 0.9, NOON)
            membership_batch.regroup(1, [1, 2, 3], 1)
            membership = next(
                membership
                for membership in membership_batch.memberships([1])[1]
                if membership.report == moved
            )
            membership_batch.move(membership, 4, {"layer": "moved"}, 0.9, NOON)
            membership_batch.tidy([1, 4])
        stay = [report for report in (1, 2, 3) if report != moved]
        groups = {report: membership.copy_group for report, membership in _seated(tx).items()}
        assert {report: groups[report] for report in (1, 2, 3, 4)} == {
            moved: moved,
            4: 4,
            **dict.fromkeys(stay, min(stay)),
        }
        raise Undone
