"""How each kind of database is opened, and how its transactions begin.

One rule for both: writers take turns from their first statement on, and a reader sees one moment.

- SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut. A writing
  transaction begins with ``BEGIN IMMEDIATE``, so that it waits for its turn at once and never fails half-way.
- On PostgreSQL it takes an advisory lock instead. Linking looks for a report's story and then writes: of two
  writers that looked at once, neither would see the other, and one event would become two stories. It runs
  under READ COMMITTED, because a snapshot taken before the wait would not show what the other one wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30.0
"""How long a writing transaction waits for its turn."""

_TURN = 0x61676772  # the number of our advisory lock: arbitrary, and the same for ever
_VANISHED_SECONDS = 60  # a writer whose machine has gone silent loses its turn

# What libpq does by itself is to wait for a silent server for ever; in seconds, the last one in milliseconds.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def make(url: sa.URL) -> sa.Engine:
    """An engine for one of the two kinds.

    Raises:
        OSError: the folder of an SQLite file cannot be made.
        ImportError: the driver is not installed.
        sqlalchemy.exc.ArgumentError: it is neither of them, or there is no such driver.

    """
    kind = url.get_backend_name()
    if kind == "sqlite":
        return _sqlite(url)
    if kind == "postgresql":
        return _postgresql(url)
    message = f"{kind} is no database that is known here"
    raise sa.exc.ArgumentError(message)


def size(connection: sa.Connection) -> int:
    """Bytes that a database takes, without what SQLite has not yet moved in from beside it."""
    if connection.dialect.name == "sqlite":
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    else:
        query = "SELECT pg_database_size(current_database())"
    return int(connection.exec_driver_sql(query).scalar_one())


def _sqlite(url: sa.URL) -> sa.Engine:
    options: dict[str, Any] = {
        "json_serializer": _json,
        "connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False},
    }
    if url.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool  # one connection, or every one would see a store of its own
    else:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, **options)
    sa.event.listen(engine, "connect", _on_sqlite_connect)
    sa.event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={name: value for name, value in _PATIENCE.items() if name not in url.query},
        pool_pre_ping=True,  # a server that was restarted meanwhile costs nothing
        json_serializer=_json,
    )
    sa.event.listen(engine, "begin", _on_postgresql_begin)
    return engine


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # people read the database


def _on_sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see below
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _on_postgresql_begin(connection: sa.Connection) -> None:
    """The driver has said BEGIN; nothing here depends on how the server or the role is set up."""
    statements = ["SET LOCAL TIME ZONE 'UTC'"]  # the first and last days of the calendar exist in UTC only
    if _writes(connection):
        statements += [
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
            f"SET LOCAL lock_timeout = '{BUSY_SECONDS * 1000:.0f}ms'",
            f"SET LOCAL idle_in_transaction_session_timeout = '{_VANISHED_SECONDS}s'",
            f"SELECT pg_advisory_xact_lock({_TURN})",
        ]
    else:
        statements.append("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.exec_driver_sql("; ".join(statements))  # one round trip


def _writes(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("write", False))
