"""What is remembered of each source between polls, and which files it has taken."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa

from aggregator.model import SourceState
from storage import schema

_NAMES = [field.name for field in fields(SourceState)]
_STATES = sa.select(*(schema.source.c[name] for name in _NAMES))
_OF_ONE = _STATES.where(schema.source.c.name == sa.bindparam("one"))
_SAVE = (
    sa.update(schema.source)
    .where(schema.source.c.name == sa.bindparam("one"))
    .values({name: sa.bindparam(name) for name in _NAMES})
)  # built once: each poll reads a state and saves one


def states(tx: sa.Connection, name: str | None = None) -> dict[str, SourceState]:
    """The state of every source that was ever polled, or of this one, by name."""
    rows = tx.execute(_STATES) if name is None else tx.execute(_OF_ONE, {"one": name})
    return {row[0]: SourceState(*row) for row in rows}


def save(tx: sa.Connection, state: SourceState) -> None:
    """Keep the state of a source."""
    values = {name: getattr(state, name) for name in _NAMES}
    if not tx.execute(_SAVE, values | {"one": state.name}).rowcount:
        tx.execute(sa.insert(schema.source), values)


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
