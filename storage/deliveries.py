"""Deliveries: which target is told of which story, in which order, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema

_TABLE = schema.delivery


@dataclass(frozen=True, slots=True)
class Delivery:
    """One story for one target; attributes as the table's columns."""

    id: int
    target: str
    story_id: int
    queued: datetime
    due: datetime
    tries: int


def queue(tx: sa.Connection, target: str, ids: Iterable[int], now: datetime, due: datetime) -> int:
    """Have a target told of stories, but for those that it was told of or will be; how many are new."""
    wanted = list(dict.fromkeys(ids))
    known = set(
        tx.execute(
            sa.select(_TABLE.c.story_id).where(_TABLE.c.target == target, _TABLE.c.story_id.in_(wanted))
        ).scalars()
    )
    rows = [
        {"target": target, "story_id": story, "queued": now, "due": due, "tries": 0}
        for story in wanted
        if story not in known
    ]
    if rows:
        tx.execute(sa.insert(_TABLE), rows)
    return len(rows)


def waiting(tx: sa.Connection, most: int) -> list[Delivery]:
    """What has not ended, due or not, in the order of queueing."""
    columns = [_TABLE.c[name] for name in Delivery.__dataclass_fields__]
    query = sa.select(*columns).where(_TABLE.c.ended.is_(None)).order_by(_TABLE.c.id).limit(most)
    return [Delivery(*row) for row in tx.execute(query)]


def end(tx: sa.Connection, ids: Iterable[int], now: datetime, said: str | None = None) -> None:
    """They were delivered, or are given up for the reason that is said."""
    here = _TABLE.c.id.in_(list(ids))
    tx.execute(sa.update(_TABLE).where(here).values(ended=now, said=said))


def put_off(tx: sa.Connection, ids: Iterable[int], due: datetime, said: str) -> None:
    """They failed, and are tried again later."""
    here = _TABLE.c.id.in_(list(ids))
    tx.execute(sa.update(_TABLE).where(here).values(tries=_TABLE.c.tries + 1, due=due, said=said))
