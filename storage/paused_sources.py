"""Sources that a person has paused: polled no more until a time, or until they are resumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema

_TABLE = schema.paused_source


@dataclass(frozen=True, slots=True)
class PausedSource:
    """A source that a person has paused.

    Attributes:
        name: of the source.
        since: when it was paused.
        until: when it is polled again; None: when a person resumes it.

    """

    name: str
    since: datetime
    until: datetime | None = None


_COLUMNS = [_TABLE.c[name] for name in PausedSource.__dataclass_fields__]


def paused(tx: sa.Connection, now: datetime) -> dict[str, PausedSource]:
    """Those that are paused now, by name."""
    holds = _TABLE.c.until.is_(None) | (_TABLE.c.until > now)
    return {row.name: PausedSource(*row) for row in tx.execute(sa.select(*_COLUMNS).where(holds))}


def put(tx: sa.Connection, source: PausedSource, now: datetime) -> None:
    """Keep that a source is paused instead of what was said of it before, and no pause that is over."""
    over = (_TABLE.c.name == source.name) | (_TABLE.c.until <= now)
    tx.execute(sa.delete(_TABLE).where(over))
    tx.execute(sa.insert(_TABLE).values(asdict(source)))


def drop(tx: sa.Connection, names: Iterable[str]) -> None:
    """Forget that these are paused."""
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.name.in_(list(names))))
