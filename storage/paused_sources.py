"""Sources that a person has paused: polled no more until a time, or until they are resumed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from aggregator.model import PausedSource
from storage import schema

_TABLE = schema.paused_source
_COLUMNS = [_TABLE.c[name] for name in PausedSource.__dataclass_fields__]


def paused(tx: sa.Connection, now: datetime) -> dict[str, PausedSource]:
    """Those that are paused now, by name."""
    holds = _TABLE.c.until.is_(None) | (_TABLE.c.until > now)
    return {row.name: PausedSource(*row) for row in tx.execute(sa.select(*_COLUMNS).where(holds))}


def pause(tx: sa.Connection, source: PausedSource) -> None:
    """Pause a source; what was said of it before is forgotten."""
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.name == source.name))
    tx.execute(sa.insert(_TABLE).values(asdict(source)))


def resume(tx: sa.Connection, name: str, now: datetime) -> bool:
    """Poll a source again; whether it was paused."""
    was = name in paused(tx, now)
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.name == name))
    return was
