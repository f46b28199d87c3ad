"""Let go of what is old: each function takes a bounded step, for one transaction.

What is old enough is decided elsewhere (`aggregator.stories.retention_policy`); the ids of what has gone are
never given again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import media, meta, schema
from storage.reports import chunks

_MARK, _LAST_STORY = "forgotten until", "last story that was forgotten"
_SPARE = (
    0.1  # of the file: free pages beyond it are given back, and about half of that is kept for what comes
)
_PAGES = 500  # given back in one step


@dataclass(frozen=True, slots=True)
class ExpiredStory:
    """A story that may have to go.

    Attributes:
        id: the story's id.
        updated: when it last gained something.
        sightings: source, and when it last showed a report of the story.

    """

    id: int
    updated: datetime
    sightings: tuple[tuple[str, datetime], ...]


def mark(tx: sa.Connection) -> datetime | None:
    """How far the time of forgetting has come: what was kept, or else when the newest report came."""
    value = meta.read(tx, _MARK)
    if value is not None:
        return datetime.fromisoformat(value)
    newest: datetime | None = tx.execute(
        sa.select(schema.report.c.seen).order_by(schema.report.c.id.desc()).limit(1)
    ).scalar()
    return newest


def keep_mark(tx: sa.Connection, moment: datetime) -> None:
    """Keep how far it has come."""
    meta.keep(tx, _MARK, moment.isoformat())


def last_story(tx: sa.Connection) -> int:
    """The highest id of a story that was let go; 0 if none was."""
    return int(meta.read(tx, _LAST_STORY) or 0)


def texts(tx: sa.Connection, before: datetime, now: datetime, most: int) -> int:
    """Let go of the texts of reports that came before a moment, and of their revisions; how many."""
    table = schema.report
    old = sa.select(table.c.id).where(table.c.forgotten.is_(None), table.c.seen < before)
    ids = list(tx.execute(old.order_by(table.c.seen).limit(most)).scalars())
    for chunk in chunks(ids):
        tx.execute(sa.delete(schema.revision).where(schema.revision.c.report_id.in_(chunk)))
        here = sa.update(table).where(table.c.id.in_(chunk))
        tx.execute(here.values(text="", links=[], forgotten=now))
        media.forget(tx, chunk)
        _close_up(tx, chunk)
    return len(ids)


def old_stories(
    tx: sa.Connection, before: datetime, after: tuple[datetime, int] | None, most: int
) -> list[ExpiredStory]:
    """Stories that have gained nothing since a moment, the oldest first.

    Args:
        tx: an open transaction.
        before: the moment.
        after: time and id of the last one that was looked at; None for the first.
        most: how many.

    """
    table = schema.story
    query = sa.select(table.c.id, table.c.updated)
    starred = sa.exists().where(schema.mark.c.story_id == table.c.id, schema.mark.c.starred.is_not(None))
    query = query.where(table.c.merged_into.is_(None), table.c.updated < before, ~starred)
    if after is not None:
        later = (table.c.updated == after[0]) & (table.c.id > after[1])
        query = query.where((table.c.updated > after[0]) | later)
    found = tx.execute(query.order_by(table.c.updated, table.c.id).limit(most)).all()
    sightings = _sightings(tx, [row.id for row in found])
    return [ExpiredStory(row.id, row.updated, tuple(sightings.get(row.id, ()))) for row in found]


def stories(tx: sa.Connection, ids: Sequence[int]) -> None:
    """Let go of whole stories: their reports with all that belongs to them, their history, and every id that
    led to them.
    """
    if not ids:
        return
    member, story, history = schema.membership, schema.story, schema.history
    for chunk in chunks(ids):
        inside = sa.select(member.c.report_id).where(member.c.story_id.in_(chunk))
        reports = list(tx.execute(inside).scalars())
        for part in chunks(reports):
            tx.execute(sa.delete(schema.report).where(schema.report.c.id.in_(part)))
        led = tx.execute(sa.select(story.c.id).where(story.c.merged_into.in_(chunk))).scalars()
        gone = sorted({*chunk, *led})
        meta.keep(tx, _LAST_STORY, str(max(last_story(tx), gone[-1])))
        for part in chunks(gone):
            tx.execute(sa.delete(history).where(history.c.story_id.in_(part)))
            tx.execute(sa.delete(story).where(story.c.id.in_(part)))


def ledger(tx: sa.Connection, before: datetime, most: int) -> int:
    """Let go of the names of dropped files that were taken before a moment; how many."""
    table = schema.taken
    old = sa.select(table.c.source, table.c.digest).where(table.c.at < before).limit(most)
    rows = tx.execute(old).all()
    for source, digest in rows:
        here = (table.c.source == source) & (table.c.digest == digest)
        tx.execute(sa.delete(table).where(here))
    return len(rows)


def give_back(tx: sa.Connection) -> bool:
    """Give some of what an SQLite file no longer needs back to the disk; False where nothing is to be given.

    PostgreSQL does it by itself.
    """
    if tx.dialect.name != "sqlite":
        return False
    pages, free = (
        int(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("page_count", "freelist_count")
    )
    spare = int(pages * _SPARE)
    if free <= spare or not tx.exec_driver_sql("PRAGMA auto_vacuum").scalar():
        return False
    step = min(_PAGES, free - spare // 2)
    for _ in range(step):  # Python's driver takes one step of the statement, which is one page
        tx.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return True


def _close_up(tx: sa.Connection, ids: Sequence[int]) -> None:
    """Move rows that have shrunk closer together: SQLite leaves each in the page that was its own.

    It closes up what is deleted and inserted; an id that changes, and changes back, is both.
    """
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # what refers to an id is right again at the end
        table = schema.report
        for moved in (ids, [-i for i in ids]):
            tx.execute(sa.update(table).where(table.c.id.in_(moved)).values(id=-table.c.id))


def _sightings(tx: sa.Connection, ids: Sequence[int]) -> dict[int, list[tuple[str, datetime]]]:
    member, sighting = schema.membership, schema.sighting
    shown = sa.func.max(sa.func.coalesce(sighting.c.last, sighting.c.seen), type_=schema.Instant)
    query = sa.select(member.c.story_id, sighting.c.source, shown)
    query = query.join(sighting, sighting.c.report_id == member.c.report_id)
    found: dict[int, list[tuple[str, datetime]]] = {}
    for chunk in chunks(ids):
        here = query.where(member.c.story_id.in_(chunk))
        for story, source, last in tx.execute(here.group_by(member.c.story_id, sighting.c.source)):
            found.setdefault(story, []).append((source, last))
    return found
