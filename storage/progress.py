"""How far a long file has been taken in: after a kill it goes on there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema

_TABLE = schema.file_progress


@dataclass(frozen=True, slots=True)
class Progress:
    """A place in a file, and what was seen up to it.

    Attributes:
        place: offset of the first byte that was not taken in; of a table its first such row.
        lines: how many lines lie before it.
        records: how many of these are not empty.
        bad: how many of these hold no record.
        too_long: how many of these are over the limit.
        named: numbers of the first bad ones.
    """

    place: int = 0
    lines: int = 0
    records: int = 0
    bad: int = 0
    too_long: int = 0
    named: tuple[int, ...] = ()


_COLUMNS = [_TABLE.c[name] for name in Progress.__dataclass_fields__]


def get(tx: sa.Connection, source: str, digest: bytes) -> Progress:
    """How far the file with this content came; its beginning where nothing is known."""
    row = tx.execute(sa.select(*_COLUMNS).where(*_of(source, digest))).first()
    if row is None:
        return Progress()
    place, lines, records, bad, too_long, named = row
    return Progress(place, lines, records, bad, too_long, tuple(named))


def keep(tx: sa.Connection, source: str, digest: bytes, name: str, progress: Progress, at: datetime) -> None:
    """Keep how far a file came; call it in the transaction that stores what lies before."""
    # A file of that name with another content was replaced or has grown: its place means nothing.
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.source == source, _TABLE.c.name == name))
    end(tx, source, digest)
    values = asdict(progress) | {"named": list(progress.named)}
    tx.execute(sa.insert(_TABLE).values(source=source, digest=digest, name=name, at=at, **values))


def end(tx: sa.Connection, source: str, digest: bytes) -> None:
    """Forget the place: the file is taken in."""
    tx.execute(sa.delete(_TABLE).where(*_of(source, digest)))


def _of(source: str, digest: bytes) -> tuple[sa.ColumnElement[bool], ...]:
    return _TABLE.c.source == source, _TABLE.c.digest == digest
