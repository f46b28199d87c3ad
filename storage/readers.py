"""Readers: people with a name and a password, their sessions and their tokens.

Of cookies and tokens only digests are kept: who steals the database can use neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from aggregator.model import Reader
from storage import schema

_READER, _SESSION, _TOKEN = schema.reader, schema.session, schema.token


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a reader, without its secret.

    Attributes:
        reader: whose.
        name: what it is for.
        scope: ``read``, or ``write``.
        created: when.
    """

    reader: Reader
    name: str
    scope: str
    created: datetime


def add(tx: sa.Connection, name: str, password: str, now: datetime) -> int | None:
    """A new reader with the hash of a password; the id, None where the name is taken."""
    if by_name(tx, name):
        return None
    row = {"name": name, "password": password, "created": now}
    key = tx.execute(sa.insert(_READER), row).inserted_primary_key
    return int(key[0]) if key else None


def remove(tx: sa.Connection, reader: int) -> None:
    """Forget a reader, with all that is theirs."""
    for table in (schema.mark, schema.muted_word, schema.visit):
        tx.execute(sa.delete(table).where(table.c.reader_id == reader))
    tx.execute(sa.delete(_READER).where(_READER.c.id == reader))


def by_name(tx: sa.Connection, name: str) -> tuple[Reader, str] | None:
    """A reader and the hash of the password."""
    row = tx.execute(sa.select(_READER).where(_READER.c.name == name)).one_or_none()
    return (Reader(row.id, row.name), row.password) if row else None


def listed(tx: sa.Connection) -> list[Reader]:
    """Everybody, by name."""
    rows = tx.execute(sa.select(_READER.c.id, _READER.c.name).order_by(_READER.c.name))
    return [Reader(*row) for row in rows]


def anybody(tx: sa.Connection) -> bool:
    """Whether there is a reader with a name."""
    return tx.execute(sa.select(_READER.c.id).limit(1)).first() is not None


def change_password(tx: sa.Connection, reader: int, password: str) -> None:
    """Another password; whoever is logged in has to log in again."""
    tx.execute(sa.update(_READER).where(_READER.c.id == reader).values(password=password))
    tx.execute(sa.delete(_SESSION).where(_SESSION.c.reader_id == reader))


# ---- sessions ----


def begin(tx: sa.Connection, reader: int, digest: bytes, expires: datetime, now: datetime) -> None:
    """Log a reader in; sessions that have expired are forgotten."""
    tx.execute(sa.delete(_SESSION).where(_SESSION.c.expires <= now))
    tx.execute(sa.insert(_SESSION), {"digest": digest, "reader_id": reader, "expires": expires})


def of_session(tx: sa.Connection, digest: bytes, now: datetime) -> Reader | None:
    """Whose session this is, if it has not expired."""
    query = sa.select(_READER.c.id, _READER.c.name).join(_SESSION, _SESSION.c.reader_id == _READER.c.id)
    row = tx.execute(query.where(_SESSION.c.digest == digest, _SESSION.c.expires > now)).one_or_none()
    return Reader(*row) if row else None


def end(tx: sa.Connection, digest: bytes) -> None:
    """Log out."""
    tx.execute(sa.delete(_SESSION).where(_SESSION.c.digest == digest))


# ---- tokens ----


def give(tx: sa.Connection, reader: int, digest: bytes, name: str, scope: str, now: datetime) -> None:
    """Keep a new token; one of the same name is replaced."""
    tx.execute(sa.delete(_TOKEN).where(_TOKEN.c.reader_id == reader, _TOKEN.c.name == name))
    row = {"digest": digest, "reader_id": reader, "name": name, "scope": scope, "created": now}
    tx.execute(sa.insert(_TOKEN), row)


def of_token(tx: sa.Connection, digest: bytes) -> Token | None:
    """The token with this digest."""
    found = _tokens(tx, _TOKEN.c.digest == digest)
    return found[0] if found else None


def tokens(tx: sa.Connection, reader: int) -> list[Token]:
    """The tokens of a reader, by name."""
    return _tokens(tx, _TOKEN.c.reader_id == reader)


def take_back(tx: sa.Connection, reader: int, name: str) -> bool:
    """Forget a token; False where there is none of that name."""
    here = (_TOKEN.c.reader_id == reader) & (_TOKEN.c.name == name)
    return tx.execute(sa.delete(_TOKEN).where(here)).rowcount > 0


def _tokens(tx: sa.Connection, where: sa.ColumnElement[bool]) -> list[Token]:
    query = sa.select(_READER.c.id, _READER.c.name, _TOKEN.c.name, _TOKEN.c.scope, _TOKEN.c.created)
    query = query.join(_TOKEN, _TOKEN.c.reader_id == _READER.c.id).where(where).order_by(_TOKEN.c.name)
    return [Token(Reader(i, name), *rest) for i, name, *rest in tx.execute(query)]
