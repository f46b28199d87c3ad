"""Clustering again: tried without a trace, done without losing an id or a correction."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from desk import partition
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, NOON, chain, made
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedup import fingerprint
from aggregator.dedup.corrections import constraints
from aggregator.errors import NothingToCorrect
from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories import correct
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.recluster import Reclustered, recluster, rehearse
from storage import corrections, history, schema, sketches, stories
from storage.database import Database

LATER = NOON + timedelta(hours=1)
USUAL, STRICT = Dedup(), Dedup(story_bar=0.9998)
IN_SHORT = (BUDGET_AGAIN[0], BUDGET_AGAIN[1].partition(". ")[0])  # alike, and short of the strict bar
WORDS = (FIRE, FIRE_AGAIN, BUDGET, IN_SHORT, FIRE)


def take(
    database: Database, found: Sequence[Report], thresholds: Dedup = USUAL, now: datetime = NOON
) -> None:
    """Take reports in."""
    with database.writing() as tx:
        ingest(tx, Linker(thresholds), found, now)


def again(
    database: Database, thresholds: Dedup = USUAL, progress: Callable[..., None] | None = None
) -> Reclustered:
    """Cluster again, for good."""
    return recluster(database, thresholds, (), lambda: LATER, progress or (lambda done, total: None))


def all_rows(database: Database) -> dict[str, list[Any]]:
    """What is in each table."""
    with database.reading() as tx:
        return {t.name: sorted(map(repr, tx.execute(sa.select(t)))) for t in schema.metadata.sorted_tables}


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5, 6, 7), (3, 0, 6, 1, 7, 5, 2, 4)])
def test_the_order_in_which_they_came_is_forgotten(order):
    """A second look ends it; placed one by one they would be other stories in each order."""
    with closing(Database("sqlite://")) as database:
        words = chain(3)
        take(database, [made(words[i], i, seen=NOON + timedelta(minutes=n)) for n, i in enumerate(order)])
        again(database)
        found = {frozenset(order[report - 1] for report in ids) for ids in partition(database).values()}
    assert found == {frozenset({0, 1}), frozenset({2, 3, 4}), frozenset({5, 6, 7})}


@pytest.fixture
def filled(database) -> Database:
    """The fire (reports 1, 2 and 5, story 1) and the budget (3 and 4, story 2)."""
    take(database, [made(words, number) for number, words in enumerate(WORDS, 1)])
    assert partition(database) == {1: {1, 2, 5}, 2: {3, 4}}
    return database


@pytest.fixture
def apart(database) -> Database:
    """The same, taken in with a bar that only copies reach."""
    take(database, [made(words, number) for number, words in enumerate(WORDS, 1)], STRICT)
    assert partition(database) == {1: {1, 5}, 2: {2}, 3: {3}, 4: {4}}
    return database


# ---- rehearse ----


def test_a_rehearsal_says_what_would_split_and_leaves_no_trace(filled):
    """By the story that stands and the parts that it would fall into."""
    before = all_rows(filled)
    found = rehearse(filled, Dedup(), STRICT)
    assert all_rows(filled) == before
    assert (found.reports, found.stories, found.merges) == (5, (2, 4), ())
    assert [(whole.story, [part.reports for part in parts]) for whole, parts in found.splits] == [
        (1, [(1, 5), (2,)]),
        (2, [(3,), (4,)]),
    ]
    assert found.splits[0][1][1].title == FIRE_AGAIN[0]


def test_a_rehearsal_says_what_would_merge(apart):
    """By the stories that stand, each with its title; nothing is said of what stays."""
    found = rehearse(apart, STRICT, Dedup())
    assert found.splits == ()
    assert [[part.story for part in parts] for parts in found.merges] == [[1, 2], [3, 4]]
    assert [part.title for part in found.merges[1]] == [BUDGET[0], BUDGET_AGAIN[0]]
    assert rehearse(apart, STRICT, STRICT).merges == ()


def test_a_rehearsal_of_some_days_leaves_older_reports_out(filled):
    """They are neither streamed nor compared."""
    take(filled, [made(BUDGET, 6, seen=LATER)], now=LATER)
    found = rehearse(filled, Dedup(), Dedup(), since=LATER)
    assert (found.reports, found.stories) == (1, (1, 1))


def test_settings_are_scored_by_what_people_corrected(filled):
    """Before it is enforced; what would change is told with it enforced."""
    with filled.writing() as tx:
        correct.merge(tx, Linker(Dedup()), [1, 2], LATER)
        correct.split(tx, Linker(Dedup()), 1, [2], LATER)
    said: list[tuple[int, int]] = []
    found = rehearse(filled, Dedup(), STRICT, progress=lambda done, total: said.append((done, total)))
    assert found.honoured["present"] == {"together": (0, 4), "apart": (2, 4)}
    assert found.honoured["rehearsed"] == {"together": (0, 4), "apart": (4, 4)}
    assert (found.merges, found.splits) == ((), ())
    assert said[-1] == (10, 10)


# ---- recluster ----


def test_clustering_again_changes_nothing_that_is_the_same(filled):
    """Same settings: same ids, evidence and times."""
    before = {name: rows for name, rows in all_rows(filled).items() if name != "meta"}
    done = again(filled)
    assert (done.reports, done.stories, done.moved, done.fingerprinted) == (5, (2, 2), 0, 0)
    assert {name: rows for name, rows in all_rows(filled).items() if name != "meta"} == before


def test_ids_that_no_story_keeps_lead_to_the_new_one(apart):
    """And back again: what splits keeps the id where most reports are."""
    done = again(apart)
    assert (done.stories, done.moved) == ((4, 2), 2)
    assert partition(apart) == {1: {1, 2, 5}, 3: {3, 4}}
    with apart.reading() as tx:
        assert [stories.resolve(tx, story) for story in (1, 2, 3, 4)] == [1, 1, 3, 3]
        (event,) = history.of_story(tx, 1)
        (story,) = stories.load(tx, [1], apart.uuid)
    assert (event.what, event.from_story) == ("reclustered", 2)
    assert (story.updated, story.voices) == (LATER, 2)
    assert again(apart).moved == 0
    assert again(apart, STRICT).stories == (2, 4)
    parts = partition(apart)
    assert parts[1] == {1, 5}
    assert len(parts) == 4


def test_it_is_as_it_was_rehearsed(apart):
    """What a rehearsal lists is what is done."""
    found = rehearse(apart, STRICT, Dedup())
    again(apart)
    merged = [{report for part in parts for report in part.reports} for parts in found.merges]
    assert sorted(partition(apart).values(), key=min) == merged


def test_corrections_hold_when_all_is_clustered_again(filled):
    """What was merged is one, what was split is apart, though the settings alone say otherwise."""
    with filled.writing() as tx:
        correct.merge(tx, Linker(USUAL), [1, 2], LATER)
        correct.split(tx, Linker(USUAL), 1, [2, 4], LATER)
    before = partition(filled)
    for thresholds in (USUAL, STRICT):
        assert again(filled, thresholds).moved == 0
        assert partition(filled) == before


def test_what_comes_in_meanwhile_is_there(filled):
    """A report that a service takes in, and one that it revises, while the work is done beside it."""
    came = iter([made(FIRE_AGAIN, 6), made(BUDGET, 2)])

    def arrive(done: int, total: int) -> None:
        for report in came:
            take(filled, [report], now=LATER)

    assert again(filled, progress=arrive).reports == 6
    assert partition(filled) == {1: {1, 5, 6}, 2: {2, 3, 4}}


def test_sketches_of_an_older_recipe_are_made_anew(filled):
    """So that newcomers find those reports again; what has left the window is not entered for them."""
    with filled.writing() as tx:
        tx.execute(sa.update(schema.sketch).values(recipe="old", packed=b"old"))
        tx.execute(sa.delete(schema.band))
        long_ago = NOON - USUAL.window - timedelta(days=1)
        tx.execute(sa.update(schema.report).where(schema.report.c.id == 5).values(seen=long_ago))
    assert again(filled).fingerprinted == 5
    with filled.reading() as tx:
        assert len(sketches.get(tx, range(1, 6), fingerprint.RECIPE)) == 5
        assert sketches.bands(tx, range(1, 6)).keys() == {1, 2, 3, 4}
    take(filled, [made(FIRE_AGAIN, 7, seen=LATER)], now=LATER)
    assert partition(filled) == {1: {1, 2, 5, 6}, 2: {3, 4}}


def test_reports_whose_text_is_gone_stay_where_they_are(filled):
    """Their sketches are kept, and are enough."""
    with filled.writing() as tx:
        tx.execute(sa.update(schema.report).values(text=""))
    assert again(filled).moved == 0
    assert partition(filled) == {1: {1, 2, 5}, 2: {3, 4}}


def test_a_report_that_cannot_be_compared_stays_with_its_story(filled):
    """Its text is forgotten, and its sketch is of an older recipe: nothing is known of it."""
    with filled.writing() as tx:
        gone = schema.report.c.id.in_([2, 3])
        tx.execute(sa.update(schema.report).where(gone).values(text="", forgotten=NOON))
        tx.execute(
            sa.update(schema.sketch).where(schema.sketch.c.report_id.in_([2, 3, 4])).values(recipe="old")
        )
    assert rehearse(filled, USUAL, USUAL).splits == ()
    done = again(filled)
    assert (done.moved, done.fingerprinted) == (0, 1)
    assert partition(filled) == {1: {1, 2, 5}, 2: {3, 4}}


def test_a_service_that_runs_goes_on_with_the_new_stories(apart):
    """Its linker forgets what it knew."""
    service = Linker(Dedup())
    with apart.writing() as tx:
        ingest(tx, service, [made(("Orchard blooms in Fenrow", "Apple trees bloom in Fenrow."), 6)], NOON)
        before = corrections.changes(tx)
    again(apart)
    with apart.writing() as tx:
        assert corrections.changes(tx) > before, "it publishes again"
        ingest(tx, service, [made(BUDGET_AGAIN, 7)], LATER)
    assert {3, 4, 7} in partition(apart).values()


said = st.tuples(st.sampled_from(["merge", "split", "undo"]), st.integers(0, 9), st.integers(1, 30))


@given(steps=st.lists(said, min_size=1, max_size=5), bar=st.sampled_from([0.3, 0.6, 0.9996]))
@settings(max_examples=12, deadline=None)
def test_corrections_survive_and_can_still_be_undone(empty, steps, bar):
    """Whatever was corrected and whatever the bar: it holds, every id answers, each undo goes through."""
    with empty() as address, closing(Database(address)) as database:
        take(database, [made(words, number) for number, words in enumerate(WORDS, 1)])
        shown: set[int] = set()
        for what, one, other in steps:
            parts = sorted(partition(database).items())
            shown |= dict(parts).keys()
            story, members = parts[one % len(parts)]
            out = [report for bit, report in enumerate(sorted(members)) if other >> bit & 1]
            with database.writing() as tx:
                if what == "merge" and len(parts) > 1:
                    correct.merge(tx, Linker(Dedup()), [story, parts[(one + 1) % len(parts)][0]], LATER)
                elif what == "split" and 0 < len(out) < len(members):
                    correct.split(tx, Linker(Dedup()), story, out, LATER)
        again(database, Dedup(story_bar=bar))
        assert_honest(database, shown)
        while True:
            try:
                with database.writing() as tx:
                    correct.undo(tx, Linker(Dedup()), LATER)
            except NothingToCorrect:
                break
            assert_honest(database, shown)


def assert_honest(database: Database, shown: set[int]) -> None:
    """Every correction in force holds, every report is in one story, every id leads to one that stands."""
    parts = partition(database)
    with database.reading() as tx:
        found = constraints(corrections.listed(tx))
        assert {stories.resolve(tx, story) for story in shown} <= parts.keys()
    assert sorted(report for members in parts.values() for report in members) == [1, 2, 3, 4, 5]
    for members in parts.values():
        assert not any(found.apart.get(report, frozenset()) & members for report in members)
    for group in found.together.values():
        assert any(group <= members for members in parts.values())
