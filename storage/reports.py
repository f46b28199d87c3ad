"""Reports: who is known already, what is new, what has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.model import Report
from storage import meta, schema

_T = TypeVar("_T")
_SHOWN = timedelta(days=7)  # how exactly it is kept when a source last showed a report
_REVISIONS = 20  # of a report that are kept
_KEYS = 100  # of a report: where a feed makes new ones at each poll, those that last are among the first
CHUNK = 500
"""Values in one IN or VALUES list: well under what any database takes."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A report as it stands in the database.

    Attributes:
        id: never given twice.
        source: the source that showed it first; only what that one shows later is a revision.
        forgotten: when its text was let go.

    """

    id: int
    source: str
    publisher: str
    title: str
    text: str
    language: str
    published: datetime
    dated: bool
    seen: datetime
    url: str | None
    forgotten: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A report at one of its revisions.

    Attributes:
        report: its id.
        revised: when its words last changed, None if they never did.

    """

    report: int
    revised: datetime | None


_STORED = tuple(schema.report.c[name] for name in Stored.__dataclass_fields__)


def _newest() -> sa.Select[str, str, str]:
    table, other = schema.report, schema.report.alias()
    ids: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
    named = sa.select(table.c.source).where(table.c.id.in_(ids)).distinct().subquery()
    older = sa.select(other.c.id).where(other.c.source == named.c.source).order_by(other.c.id.desc())
    oldest = sa.func.coalesce(older.limit(1).offset(sa.bindparam("most")).scalar_subquery(), 0)
    query = sa.select(table.c.source, table.c.title, table.c.text)
    query = query.join(named, (table.c.source == named.c.source) & (table.c.id > oldest))
    return query.order_by(table.c.id.desc())


_NEWEST = _newest()
_KNOWN = sa.select(schema.report_key.c.key, schema.report_key.c.report_id).where(
    schema.report_key.c.key.in_(sa.bindparam("keys", expanding=True))
)
_GET = sa.select(*_STORED).where(schema.report.c.id.in_(sa.bindparam("ids", expanding=True)))
# built once: they run for every report


def digest(key: str) -> bytes:
    """What stands in the database for an identity key: 16 bytes."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def known(tx: sa.Connection, keys: Iterable[str]) -> dict[str, int]:
    """Those of the identity keys that a report has, and its id."""
    by_digest = {digest(key): key for key in keys}
    found: dict[str, int] = {}
    for chunk in chunks(list(by_digest)):
        rows = tx.execute(_KNOWN, {"keys": chunk})
        found.update({by_digest[bytes(key)]: report_id for key, report_id in rows})
    return found


def get(tx: sa.Connection, ids: Iterable[int]) -> dict[int, Stored]:
    """The reports with these ids; ids that are not there are left out."""
    found: dict[int, Stored] = {}
    for chunk in chunks(list(ids)):
        rows = tx.execute(_GET, {"ids": chunk})
        found.update({row.id: Stored(*row) for row in rows})
    return found


def versions(tx: sa.Connection, since: datetime | None) -> list[Version]:
    """Every report seen since then, in the order in which they were seen."""
    query = sa.select(schema.report.c.id, schema.report.c.revised)
    if since is not None:
        query = query.where(schema.report.c.seen >= since)
    rows = tx.execute(query.order_by(schema.report.c.seen, schema.report.c.id))
    return [Version(*row) for row in rows]


def restore(tx: sa.Connection, stored: Sequence[Stored]) -> None:
    """Store reports of another database under the ids that they have there, in place of older versions.

    Only what is compared comes along: no authors, links, tags and keys.
    """
    ids = [report.id for report in stored]
    tx.execute(sa.delete(schema.band).where(schema.band.c.report_id.in_(ids)))
    tx.execute(sa.delete(schema.report).where(schema.report.c.id.in_(ids)))
    bare = {"authors": [], "links": [], "tags": [], "recipe": 0}
    if stored:
        tx.execute(sa.insert(schema.report), [asdict(report) | bare for report in stored])


def newest(tx: sa.Connection, ids: Sequence[int], most: int) -> dict[str, list[tuple[str, str]]]:
    """Title and text of the newest reports of each source that showed one of these first, by source."""
    found: dict[str, list[tuple[str, str]]] = {}
    for chunk in chunks(ids):
        for source, title, text in tx.execute(_NEWEST, {"ids": chunk, "most": most}):
            found.setdefault(source, []).append((title, text))
    return found


def since(tx: sa.Connection, after: int, seen: datetime, most: int) -> list[int]:
    """The reports of higher ids that were first seen since a moment, the oldest first, at most so many."""
    report = schema.report
    query = sa.select(report.c.id).where(report.c.id > after, report.c.seen >= seen).order_by(report.c.id)
    return list(tx.execute(query.limit(most)).scalars())


def by_url(tx: sa.Connection, url: str) -> int | None:
    """The report that is read at exactly this address, if there is one."""
    query = sa.select(schema.report.c.id).where(schema.report.c.url == url).order_by(schema.report.c.id)
    found: int | None = tx.execute(query.limit(1)).scalar()
    return found


def add(tx: sa.Connection, reports: Sequence[Report]) -> list[int]:
    """Store new reports with their keys; their ids, in the same order."""
    if not reports:
        return []
    insert = sa.insert(schema.report).returning(schema.report.c.id, sort_by_parameter_order=True)
    ids: list[int] = list(tx.execute(insert, [_row(report) for report in reports]).scalars())
    tags = {(tag.casefold(), i) for i, report in zip(ids, reports, strict=True) for tag in report.tags}
    if tags:
        tx.execute(sa.insert(schema.report_tag), [{"tag": tag, "report_id": i} for tag, i in sorted(tags)])
    identify(
        tx, [(report_id, key) for report_id, report in zip(ids, reports, strict=True) for key in report.keys]
    )
    sight(
        tx, [(report_id, report.source, report.seen) for report_id, report in zip(ids, reports, strict=True)]
    )
    return ids


def revise(tx: sa.Connection, old: Stored, new: Report, now: datetime) -> None:
    """A new revision of a report: the old words are kept beside it."""
    _insert_missing(
        tx,
        schema.revision,
        [{"report_id": old.id, "replaced": now, "title": old.title, "text": old.text}],
    )
    _trim_revisions(tx, old.id)
    changed = {name: getattr(new, name) for name in ("title", "text", "language", "recipe")}
    tx.execute(sa.update(schema.report).where(schema.report.c.id == old.id).values(revised=now, **changed))
    meta.happened(tx, meta.REVISIONS)


def identify(tx: sa.Connection, keys: Iterable[tuple[int, str]]) -> None:
    """Remember further keys of reports, up to a bound; a key that is taken stays where it is."""
    rows = {digest(key): report_id for report_id, key in reversed(list(keys))}
    full = _with_all_keys(tx, sorted(set(rows.values())))
    new = [{"key": key, "report_id": report_id} for key, report_id in rows.items() if report_id not in full]
    _insert_missing(tx, schema.report_key, new)


def release(tx: sa.Connection, keys: Iterable[str]) -> None:
    """Forget whose these keys are: another report is about to have them."""
    for chunk in chunks([digest(key) for key in keys]):
        tx.execute(sa.delete(schema.report_key).where(schema.report_key.c.key.in_(chunk)))


def sight(tx: sa.Connection, sightings: Iterable[tuple[int, str, datetime]]) -> None:
    """Remember which source showed a report, when first, and when last: to a week, to write seldom."""
    first = {(report_id, source): seen for report_id, source, seen in reversed(list(sightings))}
    if not first:
        return
    table = schema.sighting
    rows = [{"report_id": i, "source": source, "seen": at, "last": at} for (i, source), at in first.items()]
    insert = _insert(tx, table)
    known = sa.func.coalesce(table.c.last, table.c.seen)
    again = insert.on_conflict_do_update(
        index_elements=[table.c.report_id, table.c.source],
        set_={"last": insert.excluded.last},
        where=known < sa.bindparam("stale", min(first.values()) - _SHOWN, schema.Instant),
    )
    tx.execute(again, rows)


def _with_all_keys(tx: sa.Connection, ids: Sequence[int]) -> set[int]:
    """Those of the reports that have as many keys as one may have."""
    owner = schema.report_key.c.report_id
    query = sa.select(owner).group_by(owner).having(sa.func.count() >= _KEYS)
    return {i for chunk in chunks(ids) for i in tx.execute(query.where(owner.in_(chunk))).scalars()}


def _trim_revisions(tx: sa.Connection, report: int) -> None:
    """Keep the newest ones: a page that changes at every poll would fill the disk."""
    table = schema.revision
    of_report = table.c.report_id == report
    newest = sa.select(table.c.replaced).where(of_report).order_by(table.c.replaced.desc())
    oldest_kept = newest.limit(1).offset(_REVISIONS - 1).scalar_subquery()
    tx.execute(sa.delete(table).where(of_report, table.c.replaced < oldest_kept))


def first_since(tx: sa.Connection, moment: datetime) -> int:
    """Id of the first report with its text that came at a moment or later; 0 if there is none."""
    table = schema.report
    query = sa.select(sa.func.min(table.c.id)).where(table.c.forgotten.is_(None), table.c.seen >= moment)
    return int(tx.execute(query).scalar() or 0)


def count(tx: sa.Connection) -> int:
    """How many reports there are."""
    found: int = tx.execute(sa.select(sa.func.count()).select_from(schema.report)).scalar_one()
    return found


def _row(report: Report) -> dict[str, object]:
    columns = schema.report.c.keys()
    values = {name: getattr(report, name) for name in Report.__dataclass_fields__ if name in columns}
    return values | {name: list(values[name]) for name in ("authors", "links", "tags")}


def _insert_missing(tx: sa.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    """Insert what is not there yet, by primary key."""
    if not rows:
        return
    tx.execute(_insert(tx, table).on_conflict_do_nothing(), rows)


def _insert(tx: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Both know what to do about a key that is there."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


def chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """The values in parts, each of a size that one statement takes."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
