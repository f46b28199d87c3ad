"""Sketches and band keys: what `dedup` compares reports by, as bytes and integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage import schema

_WEEK = 7 * 86400


def bucket(moment: datetime) -> int:
    """The week of a moment, counted from 1970: what expires together lies together."""
    return int(moment.timestamp() // _WEEK)


def put(tx: sa.Connection, report_id: int, recipe: str, packed: bytes) -> None:
    """Keep the sketch of a report; one that is there is replaced."""
    values = {"recipe": recipe, "packed": packed}
    here = schema.sketch.c.report_id == report_id
    if not tx.execute(sa.update(schema.sketch).where(here).values(values)).rowcount:
        tx.execute(sa.insert(schema.sketch).values(report_id=report_id, **values))


def get(tx: sa.Connection, ids: Iterable[int], recipe: str) -> dict[int, bytes]:
    """The sketches of these reports that the recipe made."""
    query = sa.select(schema.sketch.c.report_id, schema.sketch.c.packed).where(
        schema.sketch.c.report_id.in_(list(ids)), schema.sketch.c.recipe == recipe
    )
    return {report_id: bytes(packed) for report_id, packed in tx.execute(query)}


def latest(tx: sa.Connection, recipe: str, most: int) -> list[bytes]:
    """The newest sketches, at most so many, the oldest of them first."""
    query = sa.select(schema.sketch.c.packed).where(schema.sketch.c.recipe == recipe)
    rows = tx.execute(query.order_by(schema.sketch.c.report_id.desc()).limit(most)).scalars()
    return [bytes(packed) for packed in rows][::-1]


def add_bands(tx: sa.Connection, report_id: int, keys: Sequence[int], seen: datetime) -> None:
    """Enter a report into the index under its band keys."""
    week = bucket(seen)
    rows = [{"bucket": week, "key": key, "report_id": report_id} for key in set(keys)]
    if rows:
        tx.execute(sa.insert(schema.band), rows)


def drop_bands(tx: sa.Connection, report_id: int, seen: datetime) -> None:
    """Take a report out of the index, before it enters under other keys."""
    here = (schema.band.c.bucket == bucket(seen)) & (schema.band.c.report_id == report_id)
    tx.execute(sa.delete(schema.band).where(here))


def candidates(
    tx: sa.Connection, keys: Sequence[int], *, now: datetime, window: timedelta, most: int
) -> list[int]:
    """Reports that share a band key and were seen within the window, most shared keys first, then newest."""
    if not keys:
        return []
    weeks = range(bucket(now - window), bucket(now) + 1)
    table = schema.band
    query = (
        sa.select(table.c.report_id)
        .where(table.c.bucket.in_(list(weeks)), table.c.key.in_(list(keys)))
        .group_by(table.c.report_id)
        .order_by(sa.func.count().desc(), table.c.report_id.desc())
        .limit(most)
    )
    return list(tx.execute(query).scalars())


def prune_bands(tx: sa.Connection, before: datetime) -> int:
    """Forget the index of whole weeks before a moment; the number of rows that went."""
    return tx.execute(sa.delete(schema.band).where(schema.band.c.bucket < bucket(before))).rowcount
