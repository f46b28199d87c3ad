"""What is remembered of each source between polls, and which files it has taken."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

import sqlalchemy as sa

from aggregator.model import SourceState
from storage import schema

_COLUMNS = [schema.source.c[field.name] for field in fields(SourceState)]


def states(tx: sa.Connection, name: str | None = None) -> dict[str, SourceState]:
    """The state of every source that was ever polled, or of this one, by name."""
    query = sa.select(*_COLUMNS)
    if name is not None:
        query = query.where(schema.source.c.name == name)
    return {row.name: SourceState(*row) for row in tx.execute(query)}


def save(tx: sa.Connection, state: SourceState) -> None:
    """Keep the state of a source."""
    values = asdict(state)
    here = schema.source.c.name == state.name
    if not tx.execute(sa.update(schema.source).where(here).values(values)).rowcount:
        tx.execute(sa.insert(schema.source).values(values))


def taken(tx: sa.Connection, source: str, digest: bytes) -> bool:
    """Whether this source has taken a file with this content before."""
    query = sa.select(schema.taken.c.at).where(
        schema.taken.c.source == source, schema.taken.c.digest == digest
    )
    return tx.execute(query).first() is not None


def take(tx: sa.Connection, source: str, digest: bytes, name: str, at: datetime) -> None:
    """Enter a file into the ledger; call it in the transaction that stores its reports."""
    if not taken(tx, source, digest):
        tx.execute(sa.insert(schema.taken).values(source=source, digest=digest, name=name, at=at))
