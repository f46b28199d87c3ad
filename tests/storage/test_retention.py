"""Letting go: what stays, what goes along, and that ids are not given again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from aggregator.model import SourceState
from storage import reports, retention, schema, sketches, sources, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def told(database, report):
    """Stores reports, each seen so many days before noon, as stories of one report; their ids."""

    def tell(*days: int) -> list[int]:
        made = [report(n, seen=NOON - day * DAY, text=f"Text {n}. " * 50) for n, day in enumerate(days)]
        with database.writing() as tx:
            ids = reports.add(tx, made)
            for number, (i, each) in enumerate(zip(ids, made, strict=True)):
                story = stories.found(tx, title=f"Story {number}", best=i, now=each.seen)
                stories.join(tx, [stories.NewMembership(story, i, i, {}, each.seen)])
                sketches.put(tx, {i: b"packed"}, "recipe")
        return ids

    return tell


def counts(database: Database) -> dict[str, int]:
    """Rows of each table."""
    with database.reading() as tx:
        return {
            table.name: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def test_a_text_goes_and_the_rest_stays(database, told, report):
    """Title, address, keys and sketch are there; its text and its earlier texts are not."""
    old, new = told(100, 10)
    with database.writing() as tx:
        before = reports.get(tx, [old])[old]
        reports.revise(tx, before, report(0, text="Other words."), NOON - 99 * DAY)
        assert retention.texts(tx, NOON - 90 * DAY, NOON, 10) == 1
        assert retention.texts(tx, NOON - 90 * DAY, NOON, 10) == 0
        after = reports.get(tx, [old, new])
        assert (after[old].text, after[old].forgotten) == ("", NOON)
        assert (after[old].title, after[old].url) == (before.title, before.url)
        assert (after[new].text != "", after[new].forgotten) == (True, None)
        assert set(reports.known(tx, report(0).keys).values()) == {old}
        assert set(sketches.get(tx, [old], "recipe")) == {old}
    assert counts(database)["revision"] == 0


def test_it_goes_in_steps_the_oldest_first(database, told):
    """So that no transaction is long."""
    ids = told(130, 110, 120, 100)
    gone = []
    for _ in range(3):
        with database.writing() as tx:
            retention.texts(tx, NOON - 105 * DAY, NOON, 1)
            gone.append({i for i, stored in reports.get(tx, ids).items() if stored.forgotten})
    assert gone == [{ids[0]}, {ids[0], ids[2]}, {ids[0], ids[1], ids[2]}]


def test_old_stories_are_looked_at_in_order(database, told):
    """Page by page, each with who showed it, and when last."""
    told(500, 400, 400, 300)
    with database.reading() as tx:
        first = retention.old_stories(tx, NOON - 350 * DAY, None, 2)
        second = retention.old_stories(tx, NOON - 350 * DAY, (first[-1].updated, first[-1].id), 2)
    assert [story.updated for story in [*first, *second]] == [NOON - day * DAY for day in (500, 400, 400)]
    assert first[0].sightings == (("Harbour News", NOON - 500 * DAY),)


def test_a_story_goes_with_all_that_is_its_own(database, told):
    """Reports, keys, sightings, sketches, history, and ids that led to it; nothing of others."""
    told(500, 400, 300, 10)
    with database.writing() as tx:
        one, other, third, survivor = stories.recent(tx)[::-1]
        stories.merge(tx, absorbed=third, survivor=other, score=0.9, now=NOON)
        stories.merge(tx, absorbed=other, survivor=one, score=0.9, now=NOON)
        retention.stories(tx, [one])
        assert [stories.resolve(tx, story) for story in (one, other, third)] == [None] * 3
        assert stories.resolve(tx, survivor) == survivor
        assert retention.last_story(tx) == third
    left = counts(database)
    assert {
        name: left[name] for name in ("story", "report", "membership", "sketch", "sighting", "history")
    } == {
        "story": 1,
        "report": 1,
        "membership": 1,
        "sketch": 1,
        "sighting": 1,
        "history": 0,
    }
    assert left["report_key"] == 2


def test_an_id_is_not_given_again(database, told):
    """Not even that of the newest story, or the newest report."""
    (last,) = told(500)
    with database.writing() as tx:
        (story,) = stories.recent(tx)
        retention.stories(tx, [story])
    (again,) = told(10)
    assert again > last
    with database.reading() as tx:
        assert stories.recent(tx)[0] > story


def test_the_ledger_of_files_is_bounded(database):
    """A file that was dropped long ago may be dropped again; one of yesterday is known."""
    with database.writing() as tx:
        for number, days in enumerate((500, 400, 1)):
            sources.take(tx, "Inbox", bytes([number]), "a.txt", NOON - days * DAY)
        assert retention.ledger(tx, NOON - 365 * DAY, 1) == 1
        assert retention.ledger(tx, NOON - 365 * DAY, 9) == 1
        assert [sources.taken(tx, "Inbox", bytes([number])) for number in range(3)] == [False, False, True]


def test_it_is_known_when_a_report_was_shown_last(database, report):
    """To a week, so that a poll that brings nothing writes next to nothing."""
    with database.writing() as tx:
        (i,) = reports.add(tx, [report(seen=NOON)])
        found = []
        for days in (1, 6, 8, 9, 20):
            reports.sight(tx, [(i, "Harbour News", NOON + days * DAY)])
            row = tx.execute(sa.select(schema.sighting.c.seen, schema.sighting.c.last)).one()
            found.append((row.last - NOON).days)
            assert row.seen == NOON
    assert found == [0, 0, 8, 8, 20]


def test_revisions_of_a_page_that_changes_all_the_time_are_bounded(database, report):
    """The newest twenty stay."""
    with database.writing() as tx:
        (i,) = reports.add(tx, [report()])
        for number in range(50):
            old = reports.get(tx, [i])[i]
            reports.revise(tx, old, report(text=f"Version {number}"), NOON + timedelta(minutes=number))
        kept = (
            tx.execute(sa.select(schema.revision.c.text).order_by(schema.revision.c.replaced)).scalars().all()
        )
    assert kept == [f"Version {number}" for number in range(29, 49)]


def test_the_mark_is_kept(database, report):
    """At first there is none, or when the newest report came; then it is what was kept last."""
    with database.writing() as tx:
        assert retention.mark(tx) is None
        reports.add(tx, [report(1, seen=NOON - 3 * DAY), report(2, seen=NOON - 2 * DAY)])
        assert retention.mark(tx) == NOON - 2 * DAY
        for moment in (NOON, NOON - DAY):
            retention.keep_mark(tx, moment)
            assert retention.mark(tx) == moment


def test_what_is_free_goes_back_to_the_disk_in_steps(tmp_path, report):
    """The file of an SQLite store shrinks, and keeps a little for what comes next."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with database.writing() as tx:
        ids = reports.add(tx, [report(n, text="x" * 20_000) for n in range(400)])
    full = database.size()
    with database.writing() as tx:
        retention.texts(tx, NOON + DAY, NOON, 1000)
        assert len(ids) == 400
    sizes = [database.size()]
    more = True
    while more:
        with database.writing() as tx:
            more = retention.give_back(tx)
        sizes.append(database.size())
        assert len(sizes) < 100
    steps = [before - after for before, after in pairwise(sizes)]
    assert max(steps) < 600 * 4096, "nobody waits long for a turn to write"
    assert len(steps) > 3
    assert database.size() < full / 9
    database.close()


def test_a_states_source_is_no_hindrance(database, told):
    """The state of a source outlives its stories."""
    told(500)
    with database.writing() as tx:
        sources.save(tx, SourceState("Harbour News", "https://h.example", gained=NOON))
        retention.stories(tx, stories.recent(tx))
        assert set(sources.states(tx)) == {"Harbour News"}
