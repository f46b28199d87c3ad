"""Sketches and band keys: what `dedup` compares reports by, as bytes and integers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage import schema
from storage.reports import chunks

_WEEK = 7 * 86400


_SHARING = (
    sa.select(schema.band.c.key, schema.band.c.bucket, schema.band.c.report_id, schema.membership.c.story_id)
    .join(schema.membership, schema.membership.c.report_id == schema.band.c.report_id)
    .where(
        schema.band.c.bucket.in_(sa.bindparam("weeks", expanding=True)),
        schema.band.c.key.in_(sa.bindparam("keys", expanding=True)),
    )
)
_DROP = sa.delete(schema.sketch).where(schema.sketch.c.report_id.in_(sa.bindparam("ids", expanding=True)))
_GET = sa.select(schema.sketch.c.report_id, schema.sketch.c.packed).where(
    schema.sketch.c.report_id.in_(sa.bindparam("ids", expanding=True)),
    schema.sketch.c.recipe == sa.bindparam("recipe"),
)
# built once: they run for every report


def bucket(moment: datetime) -> int:
    """The week of a moment, counted from 1970: what expires together lies together."""
    return int(moment.timestamp() // _WEEK)


def weeks(now: datetime, window: timedelta) -> range:
    """The weeks, as `bucket` counts them, in which lies what was seen within the window.

    And the next week: a clock that was set back must not hide what was seen before it was.
    """
    return range(bucket(now - window), bucket(now) + 2)


def put(tx: sa.Connection, packed: Mapping[int, bytes], recipe: str) -> None:
    """Keep the sketches of reports; one that is there is replaced."""
    tx.execute(_DROP, {"ids": list(packed)})
    rows = [{"report_id": i, "recipe": recipe, "packed": blob} for i, blob in packed.items()]
    if rows:
        tx.execute(sa.insert(schema.sketch), rows)


def get(tx: sa.Connection, ids: Iterable[int], recipe: str) -> dict[int, bytes]:
    """The sketches of these reports that the recipe made."""
    rows = tx.execute(_GET, {"ids": list(ids), "recipe": recipe})
    return {report_id: bytes(packed) for report_id, packed in rows}


def latest(tx: sa.Connection, recipe: str, most: int) -> Iterator[bytes]:
    """The newest sketches, at most so many, the oldest of them first; read a chunk at a time."""
    report, made = schema.sketch.c.report_id, schema.sketch.c.recipe == recipe
    newest = sa.select(report).where(made).order_by(report.desc()).limit(most)
    for chunk in chunks(list(tx.execute(newest).scalars())[::-1]):
        query = sa.select(schema.sketch.c.packed).where(report.in_(chunk)).order_by(report)
        yield from (bytes(packed) for packed in tx.execute(query).scalars())


def without(tx: sa.Connection, recipe: str) -> list[int]:
    """Reports that have no sketch which the recipe made."""
    made = (schema.sketch.c.report_id == schema.report.c.id) & (schema.sketch.c.recipe == recipe)
    query = sa.select(schema.report.c.id).where(~sa.exists().where(made)).order_by(schema.report.c.id)
    return list(tx.execute(query).scalars())


def bands(tx: sa.Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """The keys under which these reports are in the index."""
    found: dict[int, list[int]] = {}
    query = sa.select(schema.band.c.report_id, schema.band.c.key)
    for report_id, key in tx.execute(query.where(schema.band.c.report_id.in_(ids))):
        found.setdefault(report_id, []).append(key)
    return found


def add_bands(tx: sa.Connection, entries: Iterable[tuple[int, datetime, Sequence[int]]]) -> None:
    """Enter reports into the index: (report, when it was seen, its band keys) each."""
    rows = [
        {"bucket": bucket(seen), "key": key, "report_id": report_id}
        for report_id, seen, keys in entries
        for key in set(keys)
    ]
    if rows:
        tx.execute(sa.insert(schema.band), rows)


def drop_bands(tx: sa.Connection, report_id: int, seen: datetime) -> None:
    """Take a report out of the index, before it enters under other keys."""
    here = (schema.band.c.bucket == bucket(seen)) & (schema.band.c.report_id == report_id)
    tx.execute(sa.delete(schema.band).where(here))


def sharing(
    tx: sa.Connection, keys: Sequence[int], within: Sequence[int]
) -> Iterator[tuple[int, int, int, int]]:
    """Reports in stories that stand under one of the keys: key, week, report and story.

    Args:
        tx: an open transaction.
        keys: of reports that look for their like.
        within: the weeks in which they were seen, as `bucket` counts them.

    """
    for chunk in chunks(keys):
        rows = tx.execute(_SHARING, {"weeks": list(within), "keys": list(chunk)})
        yield from ((row[0], row[1], row[2], row[3]) for row in rows)


def prune_bands(tx: sa.Connection, before: datetime) -> int:
    """Forget the index of whole weeks before a moment; the number of rows that went."""
    return tx.execute(sa.delete(schema.band).where(schema.band.c.bucket < bucket(before))).rowcount
