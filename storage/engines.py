"""How each kind of database is opened, and how its transactions begin.

One rule for both: writers take turns from their first statement on, and a reader sees one moment.

- SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut. A writing
  transaction begins with ``BEGIN IMMEDIATE``, so that it waits for its turn at once and never fails half-way.
  A database can go away and come back: its folder is moved, its disk fails. So a file that has gone is not
  made anew, nor is one used that has taken its place; and after an I/O error every connection is given up,
  because of a write that failed once nobody knows what the system has kept.
- On PostgreSQL it takes an advisory lock of its schema instead. Linking looks for a report's story and then
  writes: of two writers that looked at once, neither would see the other, and one event would become two
  stories. It runs under READ COMMITTED, because a snapshot taken before the wait would not show what the
  other one wrote.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

BUSY_SECONDS = 30.0
"""How long a writing transaction waits for its turn."""

_TURN = 0x61676772  # the first half of our advisory lock's number: arbitrary, and the same for ever
_VANISHED_SECONDS = 60  # a writer whose machine has gone silent loses its turn

# What libpq does by itself is to wait for a silent server for ever; in seconds, the last one in milliseconds.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


_PRAGMAS = (
    "journal_mode=WAL",
    f"journal_size_limit={64 * 2**20}",  # what a large transaction took is given back after it
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
)


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
    sa.event.listen(engine, "handle_error", _on_sqlite_error)
    if "poolclass" not in options:
        _SameFile(Path(url.database or "")).watch(engine)
    return engine


class _SameFile:
    """Sees that one file is used from the first connection to the end of the process.

    SQLite sees neither that its file was moved, and writes on where nobody looks, nor that another one stands
    there: it would take that one's log for its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None

    def watch(self, engine: sa.Engine) -> None:
        """Look before a connection is made, and before each transaction."""
        sa.event.listen(engine, "do_connect", self._before_connect)
        sa.event.listen(engine, "connect", self._on_connect)
        sa.event.listen(engine, "begin", self._on_begin)

    def _before_connect(self, *_: Any) -> None:
        if fault := self._fault():  # else SQLite would make an empty file
            raise fault

    def _on_connect(self, *_: Any) -> None:
        self._first = self._first or self._now()

    def _on_begin(self, _: sa.Connection) -> None:
        if fault := self._fault():
            raise sa.exc.OperationalError("BEGIN", None, fault)

    def _fault(self) -> sqlite3.OperationalError | None:
        now = self._now()
        if self._first in (None, now):
            return None
        return sqlite3.OperationalError("the file has gone" if now is None else "the file is another one now")

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


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
    # Only for a file that is still empty: elsewhere it changes nothing, and waits for whoever is writing.
    if cursor.execute("PRAGMA page_count").fetchone() == (0,):
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_error(context: sa.ExceptionContext) -> None:
    name = getattr(context.original_exception, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_IOERR"):
        context.is_disconnect = True  # closes every connection of the pool


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
            f"SELECT pg_advisory_xact_lock({_TURN}, hashtext(current_schema()))",
        ]
    else:
        statements.append("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.exec_driver_sql("; ".join(statements))  # one round trip


def _writes(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("write", False))
