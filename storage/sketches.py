"""Sketches and band keys: what `dedup` compares reports by, as bytes and integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage import schema
from storage.reports import chunks

_WEEK = 7 * 86400
_MOST = 101  # reports under a key in a week: whoever asks for no bound of their own sees that it is full


# The newest under each key, in one week: what stands under a key beyond the bound is not read. SQLite knows
# no LATERAL, so the oldest of them is looked up, then what follows is read; its joins are done in this order.
_SHARING = {
    "sqlite": sa.text(
        """
        SELECT band.key, band.report_id, membership.story_id FROM json_each(:keys) AS wanted
        CROSS JOIN band ON band.bucket = :week AND band.key = wanted.value AND band.report_id >= coalesce(
            (SELECT newest.report_id FROM band AS newest
             WHERE newest.bucket = :week AND newest.key = wanted.value
             ORDER BY newest.report_id DESC LIMIT 1 OFFSET :most - 1), 0)
        CROSS JOIN membership ON membership.report_id = band.report_id
        """
    ).bindparams(sa.bindparam("keys", type_=sa.JSON)),
    "postgresql": sa.text(
        """
        SELECT here.key, here.report_id, membership.story_id FROM unnest(:keys) AS wanted (value)
        CROSS JOIN LATERAL
            (SELECT band.key, band.report_id FROM band WHERE band.bucket = :week AND band.key = wanted.value
             ORDER BY band.report_id DESC LIMIT :most) AS here
        JOIN membership ON membership.report_id = here.report_id
        """
    ).bindparams(sa.bindparam("keys", type_=sa.ARRAY(sa.BigInteger))),
}
_ADD = {
    "sqlite": "INSERT INTO band (bucket, key, report_id) VALUES (?, ?, ?)",
    "postgresql": "INSERT INTO band (bucket, key, report_id) VALUES (%s, %s, %s)",
}
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


def newest_of(tx: sa.Connection, publisher: str, recipe: str, most: int) -> dict[int, bytes]:
    """The sketches of the newest reports of a publisher, by report, the newest first."""
    report, sketch = schema.report, schema.sketch
    query = (
        sa.select(sketch.c.report_id, sketch.c.packed)
        .join(report, report.c.id == sketch.c.report_id)
        .where(report.c.publisher == publisher, sketch.c.recipe == recipe)
        .order_by(report.c.id.desc())
        .limit(most)
    )
    return {report_id: bytes(packed) for report_id, packed in tx.execute(query)}


def latest(tx: sa.Connection, recipe: str, most: int) -> Iterator[bytes]:
    """The newest sketches, at most so many, the oldest of them first; read a chunk at a time."""
    report, made = schema.sketch.c.report_id, schema.sketch.c.recipe == recipe
    newest = sa.select(report).where(made).order_by(report.desc()).limit(most)
    for chunk in chunks(list(tx.execute(newest).scalars())[::-1]):
        query = sa.select(schema.sketch.c.packed).where(report.in_(chunk)).order_by(report)
        yield from (bytes(packed) for packed in tx.execute(query).scalars())


def without(
    tx: sa.Connection, recipe: str, since: datetime | None = None, most: int | None = None
) -> list[int]:
    """Reports that have no sketch which the recipe made.

    Args:
        tx: an open transaction.
        recipe: see `aggregator.dedup.fingerprint`.
        since: only what was first seen since then, and whose text is still there.
        most: how many, the oldest first; None: all.

    """
    made = (schema.sketch.c.report_id == schema.report.c.id) & (schema.sketch.c.recipe == recipe)
    query = sa.select(schema.report.c.id).where(~sa.exists().where(made)).order_by(schema.report.c.id)
    if since is not None:
        query = query.where(schema.report.c.seen >= since, schema.report.c.forgotten.is_(None))
    return list(tx.execute(query.limit(most)).scalars())


def bands(tx: sa.Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """The keys under which these reports are in the index."""
    found: dict[int, list[int]] = {}
    query = sa.select(schema.band.c.report_id, schema.band.c.key)
    for report_id, key in tx.execute(query.where(schema.band.c.report_id.in_(ids))):
        found.setdefault(report_id, []).append(key)
    return found


def add_bands(tx: sa.Connection, entries: Iterable[tuple[int, datetime, Sequence[int]]]) -> None:
    """Enter reports into the index: (report, when it was seen, its band keys) each."""
    rows = [(week, key, i) for i, seen, keys in entries for week in (bucket(seen),) for key in set(keys)]
    if rows:  # thirty a report: as they are, without a name for each value
        tx.exec_driver_sql(_ADD[tx.dialect.name], sorted(rows))


def drop_bands(tx: sa.Connection, report_id: int, seen: datetime) -> None:
    """Take a report out of the index, before it enters under other keys."""
    here = (schema.band.c.bucket == bucket(seen)) & (schema.band.c.report_id == report_id)
    tx.execute(sa.delete(schema.band).where(here))


def sharing(
    tx: sa.Connection, keys: Sequence[int], within: Iterable[int], most: int = _MOST
) -> list[tuple[int, int, int, int]]:
    """Reports in stories that stand under one of the keys, the newest: key, week, report and story.

    Sorted, by week, key and report.

    Args:
        tx: an open transaction.
        keys: of reports that look for their like.
        within: the weeks in which they were seen, as `bucket` counts them; the newest is read first.
        most: the fewest under a key that are enough; in one week no more of them are read.

    """
    found: list[tuple[int, int, int, int]] = []
    under: Counter[int] = Counter()
    for week in sorted(within, reverse=True):
        wanted = sorted(key for key in set(keys) if under[key] < most)
        if not wanted:
            break
        asked = {"week": week, "keys": wanted, "most": most}
        rows = sorted(map(tuple, tx.execute(_SHARING[tx.dialect.name], asked)))
        under.update(row[0] for row in rows)
        found[:0] = [(key, week, report, story) for key, report, story in rows]
    return found


def prune_bands(tx: sa.Connection, before: datetime) -> int:
    """Forget the index of whole weeks before a moment; the number of rows that went."""
    return tx.execute(sa.delete(schema.band).where(schema.band.c.bucket < bucket(before))).rowcount
