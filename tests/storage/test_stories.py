"""Stories: a report sits in one, an id answers for ever, candidates come from the index."""

import itertools
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import StoreError
from aggregator.model import Report
from storage import reports, retention, schema, sketches, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = {"layer": "first", "score": 0.0, "bar": 0.6}


def filled(database, made):
    """One story for each report; the ids of both."""
    with database.writing() as tx:
        ids = reports.add(tx, made)
        opened = []
        for found, one in zip(ids, made, strict=True):
            opened.append(stories.found(tx, title=one.title, best=found, now=NOON))
            stories.join(tx, [stories.NewMembership(opened[-1], found, found, FIRST, NOON)])
    return ids, opened


@given(merges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
@settings(max_examples=15, deadline=None)
def test_every_id_ever_shown_leads_to_a_story_that_stands(empty, merges):
    """However stories are merged, an old id finds the story that took its reports over."""
    one = Report("s", "p", "t", "x", "en", NOON, True, NOON)
    with empty() as address, closing(Database(address)) as database:
        ids, opened = filled(database, [one] * 8)
        with database.writing() as tx:
            for a, b in merges:
                absorbed, survivor = stories.resolve(tx, opened[a]), stories.resolve(tx, opened[b])
                if absorbed != survivor:
                    stories.merge(tx, absorbed=absorbed, survivor=survivor, score=0.9, now=NOON)
            seated = stories.of_reports(tx, ids)
            assert [stories.resolve(tx, story) for story in opened] == [seated[i] for i in ids]
            standing = set(stories.recent(tx))
            assert set(seated.values()) == standing
            view = {row.id: row.story_id for row in tx.exec_driver_sql("SELECT id, story_id FROM story_ids")}
            assert view == dict(zip(opened, (seated[i] for i in ids), strict=True))
            assert stories.resolve(tx, 999) is None


def test_a_story_shows_its_reports_and_counts_publishers_and_texts(database, report):
    """One text by two publishers, another by a third: three reports, three publishers, two voices."""
    made = [report(n, publisher=name) for n, name in enumerate(("A", "B", "C"), 1)]
    ids, opened = filled(database, made)
    with database.writing() as tx:
        stories.merge(tx, absorbed=opened[1], survivor=opened[0], score=0.9, now=NOON)
        stories.merge(tx, absorbed=opened[2], survivor=opened[0], score=0.9, now=NOON)
        tx.execute(
            sa.update(schema.membership)
            .where(schema.membership.c.report_id == ids[1])
            .values(copy_group=ids[0])
        )
        (story,) = stories.load(tx, opened, database.uuid)
        row = tx.exec_driver_sql("SELECT reports, publishers, voices, title FROM stories").one()
        query = sa.text("SELECT count(*) FROM story_reports WHERE story_id = :story")
        listed = tx.execute(query, {"story": story.id}).scalar()
    assert (len(story.members), set(story.publishers), story.voices) == (3, {"A", "B", "C"}, 2)
    assert tuple(row) == (3, 3, 2, "Title 1")
    assert listed == 3
    assert [member.published for member in story.members] == sorted(one.published for one in made)


def test_a_publisher_is_one_however_its_name_is_shouted(database, report):
    """In the story, in the view, and where a feed asks for so many publishers."""
    made = [report(n, publisher=name) for n, name in enumerate(("FOX News", "Fox News"), 1)]
    _, opened = filled(database, made)
    with database.writing() as tx:
        stories.merge(tx, absorbed=opened[1], survivor=opened[0], score=0.9, now=NOON)
        (story,) = stories.load(tx, opened, database.uuid)
        assert story.publishers == (story.members[0].publisher,)
        assert tx.exec_driver_sql("SELECT publishers FROM stories").scalar() == 1
        assert stories.selected(tx, min_publishers=2, limit=5) == []
        assert stories.selected(tx, min_publishers=1, limit=5) == [opened[0]]


def test_a_report_cannot_sit_in_two_stories(database, report):
    """The database itself refuses a second seat."""
    (found,), (opened,) = filled(database, [report(1)])
    with pytest.raises(StoreError, match=r"(?i)unique"), database.writing() as tx:
        stories.join(tx, [stories.NewMembership(opened, found, found, FIRST, NOON)])


def test_uuids_are_stable_and_differ_between_databases(database, report):
    """A story has one uuid for ever, and no other database has the same."""
    _, opened = filled(database, [report(1)])
    other = Database("sqlite://")
    _, same = filled(other, [report(1)])
    with database.reading() as tx, other.reading() as elsewhere:
        (one,), (again,) = stories.load(tx, opened, database.uuid), stories.load(tx, opened, database.uuid)
        (foreign,) = stories.load(elsewhere, same, other.uuid)
    other.close()
    assert one.uuid == again.uuid != foreign.uuid


def test_sharing_finds_what_stands_under_a_key(database, report):
    """In the weeks that are asked for; nothing that has no story yet."""
    made = [report(1), report(2), report(3, seen=NOON - timedelta(days=40)), report(4)]
    ids, opened = filled(database, made)
    keys = {ids[0]: [1, 2, 3], ids[1]: [3, 9], ids[2]: [1, 2, 3], ids[3]: [7]}
    within = sketches.weeks(NOON - timedelta(days=6), timedelta(days=14))  # a clock that was set back
    now = sketches.bucket(NOON)
    with database.writing() as tx:
        sketches.add_bands(tx, [(i, one.seen, keys[i]) for i, one in zip(ids, made, strict=True)])
        sketches.add_bands(tx, [(12345, NOON, [1, 2, 3])])
        expected = {(key, now, ids[0], opened[0]) for key in (1, 2, 3)} | {(3, now, ids[1], opened[1])}
        assert set(sketches.sharing(tx, [1, 2, 3], within)) == expected
        assert set(sketches.sharing(tx, [*range(2000)], within)) == expected | {
            (9, now, ids[1], opened[1]),
            (7, now, ids[3], opened[3]),
        }
        assert list(sketches.sharing(tx, [], within)) == []
        assert sketches.prune_bands(tx, NOON - timedelta(days=14)) == 3
        sketches.drop_bands(tx, ids[0], NOON)
        assert set(sketches.sharing(tx, [1, 2, 3], within)) == {(3, now, ids[1], opened[1])}


def grouped(database, report, *sizes, **given):
    """A story of each size, each report by another publisher, each story updated a minute after the last."""
    numbers = iter(range(1, sum(sizes) + 1))
    opened = []
    with database.writing() as tx:
        for minute, size in enumerate(sizes):
            made = [report(n, publisher=f"P{n}", **given) for n in itertools.islice(numbers, size)]
            ids, now = reports.add(tx, made), NOON + timedelta(minutes=minute)
            opened.append(stories.found(tx, title="t", best=ids[0], now=now))
            for found in ids:
                stories.join(tx, [stories.NewMembership(opened[-1], found, found, FIRST, now)])
    return opened


def test_a_feed_finds_its_stories_behind_any_number_of_others(database, report):
    """One corroborated story or one with the tag, and then hundreds of others: it is still selected."""
    (told, *_) = grouped(database, report, 2, *[1] * 600)
    (tagged,) = grouped(database, lambda n, **more: report(n + 9000, tags=("Économie",), **more), 1)
    with database.writing() as tx:
        tx.execute(sa.update(schema.story).where(schema.story.c.id == tagged).values(updated=NOON))
    with database.reading() as tx:
        assert stories.selected(tx, min_publishers=2, limit=5) == [told]
        assert stories.selected(tx, tags=["sport", "ÉCONOMIE"], limit=5) == [tagged]
        assert stories.selected(tx, min_publishers=2, tags=["économie"], limit=5) == []
        assert stories.selected(tx, limit=3) == stories.recent(tx, limit=3)
        assert stories.selected(tx, tags=["SEA"], limit=3) == stories.recent(tx, limit=3)
        assert len(stories.selected(tx, tags=["sea"], limit=1000)) == 601


def without_search(tx: sa.Connection) -> None:
    """Drop what full-text search stands on, as before it was there."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("DROP INDEX report_words"))
        return
    for index in ("report_words", "report_signs"):
        for trigger in ("put", "drop", "gone", "come"):
            tx.execute(sa.text(f"DROP TRIGGER {index}_{trigger}"))
        tx.execute(sa.text(f"DROP TABLE {index}"))


def test_tags_of_an_older_database_are_found_as_well(address, report):
    """A database from before tags had a table of their own gets it filled, by however many reports it has."""
    with closing(Database(address)) as old:
        (tagged, *_) = grouped(old, lambda n, **more: report(n, tags=("Économie", "ÉCONOMIE"), **more), 1)
        grouped(old, lambda n, **more: report(n + 9000, **more), *[1] * 1200)
        with old.writing() as tx:
            schema.report_tag.drop(tx)
            tx.execute(sa.text("DROP INDEX report_publisher"))
            without_search(tx)
            for later in (
                schema.session,
                schema.token,
                schema.reader,
                schema.mark,
                schema.delivery,
                schema.file_progress,
                schema.media,
                schema.paused_source,
                schema.hub_subscription,
            ):
                later.drop(tx)
            for later in (schema.muted_word, schema.visit):
                later.drop(tx)
            tx.execute(sa.text("UPDATE alembic_version SET version_num = '0009'"))
    with closing(Database(address)) as new, new.reading() as tx:
        assert stories.selected(tx, tags=["ÉCONOMIE"], limit=5) == [tagged]
        assert len(stories.selected(tx, tags=["sea"], limit=2000)) == 1200


def test_a_report_that_goes_takes_its_tags_along(database, report):
    """Or a feed of a tag would ask for what is no more."""
    (tagged,) = grouped(database, report, 1)
    with database.writing() as tx:
        retention.stories(tx, [tagged])
        assert tx.execute(sa.select(schema.report_tag)).all() == []


def test_of_stories_updated_at_once_the_larger_is_selected(database, report):
    """A first poll gives all stories one time: what many tell is shown before what one tells."""
    small, large, other = grouped(database, report, 1, 3, 1)
    with database.writing() as tx:
        tx.execute(sa.update(schema.story).values(updated=NOON))
        assert stories.selected(tx, limit=9) == [large, other, small]


def test_the_time_of_a_story_never_goes_back(database, report):
    """Writers may come in another order than their polls began; a loss alone is no news."""
    ids, (story,) = filled(database, [report(1)])
    hour = timedelta(hours=1)
    for now, shown in (
        (NOON - hour, NOON),
        (NOON + hour, NOON + hour),
        (NOON, NOON + hour),
        (None, NOON + hour),
    ):
        with database.writing() as tx:
            stories.show_best(tx, [stories.BestReport(story, f"by {now}", ids[0], now)])
            (found,) = stories.load(tx, [story], database.uuid)
        assert (found.title, found.updated) == (f"by {now}", shown)


def test_any_number_of_ids_is_taken(database, report):
    """More ids than a statement takes are asked for in parts, and the order stays."""
    ids, opened = filled(database, [report(n) for n in range(1200)])
    many = [*reversed(opened), *range(10**6, 10**6 + 70_000)]
    with database.reading() as tx:
        assert [story.id for story in stories.load(tx, many, database.uuid)] == opened[::-1]
        assert stories.of_reports(tx, [*ids, *many[1200:]]) == dict(zip(ids, opened, strict=True))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT id FROM story WHERE merged_into IS NULL ORDER BY updated DESC, id DESC",
            "story_merged_into",
        ),
        ("DELETE FROM band WHERE bucket = 1 AND report_id = 2", "band_report"),
    ],
)
def test_nothing_is_scanned_or_sorted_for_what_is_asked_often(query, index):
    """SQLite answers these from an index alone."""
    with closing(Database("sqlite://")) as database, database.reading() as tx:
        (plan,) = [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    assert plan.startswith("SEARCH")
    assert index in plan


@pytest.mark.parametrize("size", [10, 599, 600, 601, 5000])
def test_a_story_is_shown_alike_without_whole_texts(database, report, size):
    """What is published is read from the first words alone, and says the same."""
    text = ("word " * size)[:size].strip() + "."
    _, opened = filled(database, [report(1, text=text)])
    with database.reading() as tx:
        (whole,) = stories.load(tx, opened, database.uuid)
        (part,) = stories.load(tx, opened, database.uuid, whole=False)
    assert (part.lead, part.title) == (whole.lead, whole.title)
    assert whole.members[0].text == text
    assert part.members[0].text == text[:601]
