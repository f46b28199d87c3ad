"""A database can be copied into an empty one of either kind."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from aggregator.errors import StoreError
from aggregator.model import Enclosure, Media, Pause, Report, Side, SourceState
from storage import (
    corrections,
    deliveries,
    hub_subscriptions,
    marks,
    media,
    pages,
    paused_sources,
    pauses,
    progress,
    readers,
    reports,
    retention,
    schema,
    sketches,
    sources,
    stories,
    subscriptions,
)
from storage.database import Database
from storage.hub_subscriptions import HubSubscription
from storage.paused_sources import PausedSource
from storage.progress import Progress
from storage.subscriptions import Subscription
from storage.transfer import copy_everything

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "postgresql.md"
FIRST = {"layer": "first", "score": 0.0, "bar": 0.6, "names": ["Ines Märrow"]}


def all_rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """What is in each table."""
    with database.reading() as tx:
        return {
            table.name: sorted((tuple(row) for row in tx.execute(sa.select(table))), key=repr)
            for table in schema.metadata.sorted_tables
        }


@pytest.fixture
def old(tmp_path: Path, report):
    """A store with something in every table."""
    with closing(Database(f"sqlite:///{tmp_path}/old.db")) as database:
        with database.writing() as tx:
            ids = reports.add(tx, [report(n) for n in range(1, 4)])
            media.add(tx, {ids[0]: Media("https://example.org/a.png", (Enclosure("https://example.org/a"),))})
            opened = [stories.found(tx, title="t", best=found, now=NOON) for found in ids]
            for story, found in zip(opened, ids, strict=True):
                stories.join(tx, [stories.NewMembership(story, found, found, FIRST, NOON)])
            stories.merge(tx, absorbed=opened[2], survivor=opened[0], score=0.9, now=NOON)
            corrections.add(tx, "merge", opened[0], [Side(opened[1], "t", frozenset(ids[1:2]))], NOON)
            reports.revise(tx, reports.get(tx, ids)[ids[0]], report(1, title="New"), NOON)
            sketches.put(tx, {ids[0]: b"sketch"}, "recipe")
            sketches.add_bands(tx, [(ids[0], NOON, [2**62, -(2**62)])])
            sources.save(tx, SourceState("a", "https://example.org/", due=NOON, body_hash=b"x"))
            pages.want(tx, "a", ids, 2, NOON)
            subscriptions.begin(tx, Subscription("a", "https://hub.example/", "t", "token", "secret", NOON))
            ida = readers.add(tx, "Ida", "hash", NOON) or 0
            readers.begin(tx, ida, b"cookie", NOON + timedelta(days=1), NOON)
            readers.give(tx, ida, b"token", "phone", "read", NOON)
            marks.star(tx, ida, opened[:1], NOON)
            marks.mute_word(tx, ida, "quiz")
            marks.visited(tx, ida, NOON)
            deliveries.queue(tx, "desk", opened[:1], NOON, NOON)
            sources.take(tx, "Inbox", b"digest", "a.txt", NOON)
            progress.keep(tx, "Inbox", b"long", "b.jsonl", Progress(9, 2, 2, 1, 0, (2,)), NOON)
            hub_subscriptions.put(
                tx,
                HubSubscription(
                    "https://news.example/all.atom", "https://r.example/", "s", NOON + timedelta(days=1), NOON
                ),
            )
            paused_sources.put(tx, PausedSource("a", NOON), NOON)
            pauses.keep(tx, Pause("host", "example.org", NOON, "429", asked=False), NOON - timedelta(days=1))
        yield database


def test_everything_goes_along(old, empty):
    """Every row, the uuid of the database, and the count of ids: an id is never given twice."""
    before = all_rows(old)
    assert all(before.values()), "a table of the sample is empty"
    with empty() as address:
        with closing(Database(address)) as new:
            copied = copy_everything(old, new)
            assert all_rows(new) == before
            assert copied == {name: len(rows) for name, rows in before.items()}
        with closing(Database(address)) as new, new.writing() as tx:
            assert new.uuid == old.uuid
            assert reports.add(tx, [Report("s", "p", "t", "x", "en", NOON, True, NOON)]) == [4]
            assert stories.found(tx, title="t", best=4, now=NOON) == 4


def test_ids_of_what_was_forgotten_are_not_given_again(database, empty, report):
    """Neither in the copy nor in a copy of it: corrections, and links that people kept, still name them."""
    with database.writing() as tx:
        for found in reports.add(tx, [report(n) for n in range(3)]):
            story = stories.found(tx, title="t", best=found, now=NOON)
            stories.join(tx, [stories.NewMembership(story, found, found, FIRST, NOON)])
        retention.stories(tx, [2, 3])
    with empty() as address, closing(Database(address)) as new:
        copy_everything(database, new)
        with empty() as further, closing(Database(further)) as newest:
            copy_everything(new, newest)
            for copy in (new, newest):
                with copy.writing() as tx:
                    assert reports.add(tx, [report(9)]) == [4]
                    assert stories.found(tx, title="t", best=4, now=NOON) == 4


def test_the_documented_way_goes(old, address):
    """What the document tells to type does it, with one's own addresses in it."""
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    mine = iter([old.engine.url.render_as_string(hide_password=False), address])
    names: dict[str, Database] = {}
    exec(re.sub(r'(?<=Database\(")[^"]+', lambda _: next(mine), block), names)
    assert all_rows(names["new"]) == all_rows(old)
    names["old"].close()
    names["new"].close()


def test_more_rows_than_fit_in_one_part(old, empty, report):
    """Large tables are copied part by part."""
    with old.writing() as tx:
        reports.add(tx, [report(n) for n in range(10, 2300)])
    with empty() as address, closing(Database(address)) as new:
        assert copy_everything(old, new)["report"] == 2293


def test_a_database_in_use_is_not_copied_over(old, database, report):
    """What is there stays as it was."""
    with database.writing() as tx:
        reports.add(tx, [report(7)])
    before = all_rows(database)
    with pytest.raises(StoreError, match=r"already.*empty one"):
        copy_everything(old, database)
    assert all_rows(database) == before


def test_an_empty_database_is_copied_too(tmp_path: Path, database):
    """Counting starts at 1 there, as it would have here."""
    with closing(Database(f"sqlite:///{tmp_path}/old.db")) as old:
        assert copy_everything(old, database)["report"] == 0
    with database.writing() as tx:
        assert stories.found(tx, title="t", best=1, now=NOON) == 1
