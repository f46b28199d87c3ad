"""Subscriptions at our own WebSub hub: who is told what is new in which of our feeds, and until when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import meta, schema

_TABLE = schema.hub_subscription


@dataclass(frozen=True, slots=True)
class HubSubscription:
    """A subscription that was confirmed; attributes as the table's columns."""

    topic: str
    callback: str
    secret: str | None
    until: datetime
    due: datetime
    tries: int = 0
    sent: str | None = None


_COLUMNS = [_TABLE.c[name] for name in HubSubscription.__dataclass_fields__]


def standing(tx: sa.Connection, now: datetime) -> list[HubSubscription]:
    """Those whose lease has not ended, the one that has waited longest first."""
    query = sa.select(*_COLUMNS).where(_TABLE.c.until > now).order_by(_TABLE.c.due, _TABLE.c.callback)
    return [HubSubscription(*row) for row in tx.execute(query)]


def put(tx: sa.Connection, subscription: HubSubscription) -> None:
    """Keep a subscription as it is now instead of what was kept of it before."""
    drop(tx, subscription.topic, subscription.callback)
    tx.execute(sa.insert(_TABLE).values(asdict(subscription)))


def drop(tx: sa.Connection, topic: str, callback: str) -> None:
    """Forget a subscription, if there is one."""
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.topic == topic, _TABLE.c.callback == callback))


def drop_ended(tx: sa.Connection, now: datetime) -> None:
    """Forget those whose lease has ended."""
    tx.execute(sa.delete(_TABLE).where(_TABLE.c.until <= now))


def forget_all(tx: sa.Connection) -> None:
    """End every subscription, and forget the hub's address: somebody who knew it may not read any more."""
    tx.execute(sa.delete(_TABLE))
    meta.drop(tx, meta.HUB)
