"""Hosts and domains that are left alone for a while, because one of their addresses answered 429."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from aggregator.model import Pause
from storage import schema

_COLUMNS = [schema.pause.c[name] for name in Pause.__dataclass_fields__]


def standing(tx: sa.Connection) -> list[Pause]:
    """Every pause that is kept; those that are over go when the next one comes."""
    return [Pause(*row) for row in tx.execute(sa.select(*_COLUMNS))]


def keep(tx: sa.Connection, pause: Pause, now: datetime) -> None:
    """Keep a pause instead of the one of that name, and none that is over."""
    over = (schema.pause.c.name == pause.name) | (schema.pause.c.until <= now)
    tx.execute(sa.delete(schema.pause).where(over))
    tx.execute(sa.insert(schema.pause).values(asdict(pause)))
