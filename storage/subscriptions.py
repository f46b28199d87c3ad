"""Subscriptions at WebSub hubs: to what, until when, and the secrets that they hang on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa

from storage import schema

_table = schema.subscription
_column = schema.subscription.c


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription, or the wish for one.

    Attributes:
        source: whose feed it is.
        hub: whom to ask.
        topic: the address by which the hub knows the feed.
        token: the end of our own address, which nobody can guess.
        secret: signs what the hub sends.
        due: when to ask the hub next.
        tries: how often it was asked since it last confirmed.
        asked: when it was asked last.
        until: when the lease ends; None: not confirmed.

    """

    source: str
    hub: str
    topic: str
    token: str
    secret: str
    due: datetime
    tries: int = 0
    asked: datetime | None = None
    until: datetime | None = None


_COLUMNS = [_column[field.name] for field in fields(Subscription)]


def of(tx: sa.Connection, source: str) -> Subscription | None:
    """The subscription of a source, if it has one."""
    row = tx.execute(sa.select(*_COLUMNS).where(_column.source == source)).first()
    return Subscription(*row) if row else None


def by_token(tx: sa.Connection, token: str) -> Subscription | None:
    """The subscription whose address ends so."""
    row = tx.execute(sa.select(*_COLUMNS).where(_column.token == token)).first()
    return Subscription(*row) if row else None


def due(tx: sa.Connection, now: datetime) -> list[Subscription]:
    """Those whose hub is to be asked now."""
    query = sa.select(*_COLUMNS).where(_column.due <= now).order_by(_column.due)
    return [Subscription(*row) for row in tx.execute(query)]


def begin(tx: sa.Connection, subscription: Subscription) -> None:
    """Have one, in place of the one that the source had."""
    end(tx, subscription.source)
    values = {name: getattr(subscription, name) for name in Subscription.__dataclass_fields__}
    tx.execute(sa.insert(_table).values(values))


def end(tx: sa.Connection, source: str) -> None:
    """Have none: what comes for it is refused from now on."""
    tx.execute(sa.delete(_table).where(_column.source == source))


def asked(tx: sa.Connection, token: str, now: datetime, again: datetime, said: str) -> None:
    """The hub was asked; if it does not ask back, it is asked again."""
    here = sa.update(_table).where(_column.token == token)
    tx.execute(here.values(asked=now, due=again, tries=_column.tries + 1, said=said))


def told(tx: sa.Connection, token: str, said: str, again: datetime) -> None:
    """What came of asking the hub in vain, for people, and when it is asked again."""
    tx.execute(sa.update(_table).where(_column.token == token).values(said=said, due=again))


def confirmed(tx: sa.Connection, token: str, until: datetime, renew: datetime) -> None:
    """The hub asked back, and sends what is new until then."""
    here = sa.update(_table).where(_column.token == token)
    tx.execute(here.values(until=until, due=renew, tries=0, said="confirmed"))


def refused(tx: sa.Connection, token: str, again: datetime, said: str) -> None:
    """The hub sends nothing, or no more."""
    here = sa.update(_table).where(_column.token == token)
    tx.execute(here.values(until=None, asked=None, due=again, said=said))


def received(tx: sa.Connection, source: str, now: datetime) -> None:
    """The hub has sent something."""
    tx.execute(sa.update(_table).where(_column.source == source).values(received=now))
