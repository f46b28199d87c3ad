"""Reports are known by their keys, stored once, and keep their old words."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Report, SourceState
from storage import reports, schema, sketches, sources
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_ids_come_in_the_order_of_the_reports(database, report):
    """Each id belongs to the report in the same place, however many there are."""
    made = [report(number) for number in range(700)]
    with database.writing() as tx:
        ids = reports.add(tx, made)
        stored = reports.get(tx, ids)
    assert [stored[i].title for i in ids] == [one.title for one in made]


def test_a_report_is_known_by_each_of_its_keys(database, report):
    """Any key finds it; a key that nobody has finds nothing."""
    with database.writing() as tx:
        (found,) = reports.add(tx, [report(1)])
        known = reports.known(tx, [*report(1).keys, "url:example.org/nowhere"])
    assert known == dict.fromkeys(report(1).keys, found)


def test_a_key_stays_with_the_report_that_had_it_first(database, report):
    """A later report that claims the same key does not take it away."""
    with database.writing() as tx:
        first, second = reports.add(tx, [report(1), report(2)])
        reports.identify(tx, [(second, report(1).keys[0]), (second, "guid:new")])
        assert reports.known(tx, [report(1).keys[0], "guid:new"]) == {
            report(1).keys[0]: first,
            "guid:new": second,
        }


def test_keys_of_a_feed_that_makes_them_afresh_are_bounded(database, report):
    """A new guid at each poll, for months: what finds the report stays, and the table does not grow."""
    with database.writing() as tx:
        found, other = reports.add(tx, [report(1), report(2)])
        for poll in range(300):
            reports.identify(tx, [(found, f"guid:made at poll {poll}"), (other, report(2).keys[0])])
        reports.identify(tx, [(other, "guid:another")])
        kept = tx.execute(sa.select(sa.func.count()).select_from(schema.report_key)).scalar_one()
        assert reports.known(tx, [*report(1).keys, "guid:made at poll 0"]).keys() >= set(report(1).keys)
        assert reports.known(tx, ["guid:another", "guid:made at poll 5"]) == {
            "guid:another": other,
            "guid:made at poll 5": found,
        }
    assert kept < 120


def test_a_revision_keeps_the_old_words(database, report):
    """New words stand in the report, old ones beside it, and who published when does not change."""
    with database.writing() as tx:
        (found,) = reports.add(tx, [report(1)])
        old = reports.get(tx, [found])[found]
        reports.revise(tx, old, replace(report(1), title="New", text="Words.", published=NOON), NOON)
        new = reports.get(tx, [found])[found]
        kept = tx.execute(sa.select(schema.revision)).one()
    assert (new.title, new.text, new.published) == ("New", "Words.", old.published)
    assert (kept.title, kept.text, kept.replaced) == (old.title, old.text, NOON)


def test_a_sighting_keeps_its_first_time(database, report):
    """Showing it again changes nothing."""
    with database.writing() as tx:
        (found,) = reports.add(tx, [report(1)])
        reports.sight(tx, [(found, "Harbour News", NOON + timedelta(hours=1)), (found, "Other", NOON)])
        rows = tx.execute(sa.select(schema.sighting.c.source, schema.sighting.c.seen)).all()
    assert sorted(map(tuple, rows)) == [("Harbour News", NOON), ("Other", NOON)]


@given(title=st.text(), text=st.text(), key=st.text())
@settings(max_examples=15, deadline=None)
def test_any_words_come_back_as_they_went_in(empty, title, text, key):
    """No text is changed by the database, whatever is in it."""
    words = {"title": title.replace("\0", ""), "text": text.replace("\0", "")}
    one = Report("s", "p", language="en", published=NOON, dated=True, seen=NOON, keys=(key,), **words)
    with empty() as address, closing(Database(address)) as database, database.writing() as tx:
        (found,) = reports.add(tx, [one])
        stored = reports.get(tx, [found])[found]
        assert reports.known(tx, [key]) == {key: found}
    assert (stored.title, stored.text) == (one.title, one.text)


def test_a_sketch_of_another_recipe_is_not_there(database, report):
    """What another recipe made is never compared with ours."""
    with database.writing() as tx:
        (found,) = reports.add(tx, [report(1)])
        sketches.put(tx, {found: b"old"}, "old recipe")
        assert sketches.get(tx, [found], "new recipe") == {}
        sketches.put(tx, {found: b"new"}, "new recipe")
        assert sketches.get(tx, [found], "new recipe") == {found: b"new"}
        assert list(sketches.latest(tx, "new recipe", 10)) == [b"new"]


def test_the_newest_sketches_come_in_the_order_of_their_reports(database, report, monkeypatch):
    """So many of one recipe, in several chunks: frequencies are counted as they were counted at first."""
    monkeypatch.setattr(reports, "CHUNK", 2)
    with database.writing() as tx:
        ids = reports.add(tx, [report(number) for number in range(1, 9)])
        sketches.put(tx, {i: b"%d" % i for i in ids[::-1]}, "recipe")
        sketches.put(tx, {ids[4]: b"old"}, "old recipe")
        expected = [b"%d" % i for i in ids if i != ids[4]]
        assert list(sketches.latest(tx, "recipe", 5)) == expected[-5:]
        assert list(sketches.latest(tx, "recipe", 99)) == expected


def test_the_ledger_knows_a_file_by_its_content(database):
    """Twice in is once there; another folder has a ledger of its own."""
    with database.writing() as tx:
        sources.take(tx, "Inbox", b"digest", "a.txt", NOON)
        sources.take(tx, "Inbox", b"digest", "b.txt", NOON)
        assert sources.taken(tx, "Inbox", b"digest")
        assert not sources.taken(tx, "Other", b"digest")
        assert tx.execute(sa.select(schema.taken.c.name)).scalars().all() == ["a.txt"]


def test_a_source_state_comes_back_whole(database):
    """Every field of the state has a column of its own."""
    state = SourceState(
        "a", "https://example.org/", due=NOON, etag='W/"1"', body_hash=b"x", polls=3, skip_hours=5
    )
    with database.writing() as tx:
        sources.save(tx, state)
        sources.save(tx, replace(state, polls=4))
        assert sources.states(tx) == {"a": replace(state, polls=4)}


def test_the_first_report_since_a_moment(database, report):
    """By when they came, of those that have their text; none is 0."""
    with database.writing() as tx:
        assert reports.first_since(tx, NOON) == 0
        ids = reports.add(tx, [report(n, seen=NOON + timedelta(days=n)) for n in range(3)])
        assert reports.first_since(tx, NOON + timedelta(days=1)) == ids[1]
        assert reports.first_since(tx, NOON + timedelta(days=9)) == 0
