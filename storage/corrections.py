"""Corrections: what people said about stories, and that they said something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aggregator.model import Correction, Side
from storage import meta, schema
from storage.memberships import MembershipRecord

_TABLE = schema.correction


def add(
    tx: sa.Connection,
    what: str,
    story: int,
    sides: Sequence[Side],
    now: datetime,
    memberships: Sequence[MembershipRecord] = (),
) -> Correction:
    """Keep a correction.

    Args:
        tx: an open writing transaction.
        what: ``merge`` or ``split``.
        story: the one that stayed, or that was split.
        sides: as in `Correction`.
        now: the present time.
        memberships: where the reports were whose places change, to bring them back there.

    """
    row = {
        "at": now,
        "what": what,
        "story": story,
        "sides": [_side_json(side) for side in sides],
        "seats": [place.as_json() for place in memberships],
    }
    key = tx.execute(sa.insert(_TABLE), row).inserted_primary_key
    return Correction(int(key[0]) if key else 0, now, what, story, tuple(sides))


def listed(tx: sa.Connection) -> list[Correction]:
    """All of them, undone ones too, the oldest first."""
    columns = [_TABLE.c[name] for name in Correction.__dataclass_fields__]
    return [_correction(*row) for row in tx.execute(sa.select(*columns).order_by(_TABLE.c.id))]


def memberships(tx: sa.Connection, correction: int) -> list[MembershipRecord]:
    """Where the reports were whose places a split has changed."""
    kept = tx.execute(sa.select(_TABLE.c.seats).where(_TABLE.c.id == correction)).scalar_one()
    return [MembershipRecord.from_json(values) for values in kept]


def undo(tx: sa.Connection, correction: int, now: datetime) -> None:
    """Take a correction back; it stays in the list."""
    tx.execute(sa.update(_TABLE).where(_TABLE.c.id == correction).values(undone=now))


def changes(tx: sa.Connection) -> int:
    """How often a person has changed stories: whoever keeps something of them in memory looks here."""
    return meta.times(tx, meta.CORRECTIONS)


def changed(tx: sa.Connection) -> None:
    """A person has changed stories: what runs meanwhile publishes again, and forgets what it knew."""
    meta.happened(tx, meta.CORRECTIONS)


def _side_json(side: Side) -> dict[str, Any]:
    return {"story": side.story, "title": side.title, "reports": sorted(side.reports), "led": list(side.led)}


def _correction(
    number: int,
    at: datetime,
    what: str,
    story: int,
    sides: Sequence[dict[str, Any]],
    undone: datetime | None,
) -> Correction:
    read = (
        Side(side["story"], side["title"], frozenset(side["reports"]), tuple(side["led"])) for side in sides
    )
    return Correction(number, at, what, story, tuple(read), undone)
