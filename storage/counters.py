"""Counts of what has happened, which other processes look at: whoever keeps something in memory, mostly."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from storage import schema

CORRECTIONS: Final = "changes"
"""How often a person has changed stories."""

REVISIONS: Final = "revisions"
"""How often a report was given other words."""


def read(tx: sa.Connection, name: str) -> int:
    """How often it has happened."""
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == name)
    return int(tx.execute(query).scalar() or 0)


def add(tx: sa.Connection, name: str) -> None:
    """It has happened once more."""
    here, value = schema.meta.c.key == name, str(read(tx, name) + 1)
    if not tx.execute(sa.update(schema.meta).where(here).values(value=value)).rowcount:
        tx.execute(sa.insert(schema.meta).values(key=name, value=value))
