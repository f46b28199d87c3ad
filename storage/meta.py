"""What the database says of itself: words by name, and counts of what has happened.

Other processes look at the counts: whoever keeps something in memory, mostly.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from storage import schema

CORRECTIONS: Final = "changes"
"""How often a person has changed stories."""

LOOKED: Final = "looked"
"""The newest report that a second look has been at."""

PUSHED: Final = "pushed"
"""Up to which time of updating stories have been looked at for pushing, as ISO text."""

WEIGHTS: Final = "weights"
"""The weights of the verdict that were learnt from corrections, as JSON; nothing: those that ship."""

PICTURES: Final = "pictures"
"""The key that signs addresses of pictures, in hexadecimal."""

HUB: Final = "hub"
"""The end of the address of our own hub, in hexadecimal."""

REHEARSED: Final = "rehearsed"
"""What the last rehearsal said, in short, as JSON: for the page of quality."""

REVISIONS: Final = "revisions"
"""How often a report was given other words."""


def read(tx: sa.Connection, name: str) -> str | None:
    """What it says under a name, if anything."""
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == name)
    value: str | None = tx.execute(query).scalar()
    return value


def keep(tx: sa.Connection, name: str, value: str) -> None:
    """Have it say this from now on."""
    here = sa.update(schema.meta).where(schema.meta.c.key == name)
    if not tx.execute(here.values(value=value)).rowcount:
        tx.execute(sa.insert(schema.meta).values(key=name, value=value))


def drop(tx: sa.Connection, name: str) -> None:
    """Have it say nothing any more."""
    tx.execute(sa.delete(schema.meta).where(schema.meta.c.key == name))


def times(tx: sa.Connection, name: str) -> int:
    """How often something has happened."""
    return int(read(tx, name) or 0)


def happened(tx: sa.Connection, name: str) -> None:
    """It has happened once more."""
    keep(tx, name, str(times(tx, name) + 1))
