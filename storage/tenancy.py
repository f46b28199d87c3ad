"""One service a database: a claim that ends with the process that holds it, however that ends.

Beside an SQLite file stands a lock file, locked with `flock`; on PostgreSQL the claim is an advisory lock of
a connection of its own. Both are let go by the system, never by a clean-up that a crash would skip. Only the
service takes a claim: commands read and write beside it.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from aggregator.errors import StoreError, StoreTaken
from storage.database import Database

_SERVICE = 0x61676773  # the first half of our lock's number on PostgreSQL: arbitrary, and the same for ever
_LONGEST_HOST = 40  # characters: an application's name has 63
_SUFFIX = ".service"

_TAKE = f"SELECT pg_try_advisory_lock({_SERVICE}, hashtext(current_schema()))"
_HOLDER = f"""
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = {_SERVICE}
    AND l.objid::bigint = hashtext(current_schema())::bigint & 4294967295"""  # noqa: S608  # a number of ours
_WATCHED = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""A holder whose machine has gone silent loses its claim within a minute."""


class Claim(Protocol):
    """The right to be the one service on a database."""

    def keep(self) -> None:
        """See that the claim still holds, and take it again if the connection was lost.

        Raises:
            StoreTaken: another service has it now.
            StoreBusy: the database is away.

        """

    def release(self) -> None:
        """Let another one have it."""


def claim(database: Database) -> Claim:
    """Take the claim of a database.

    Raises:
        StoreTaken: another service has it.
        StoreError: the lock file cannot be made.

    """
    if database.engine.dialect.name == "postgresql":
        return _ServerClaim(database)
    with database.reading() as tx:
        file = tx.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar()
    return _BesideFile(Path(file + _SUFFIX)) if file else _InMemoryClaim()


def _me() -> str:
    return f"{socket.gethostname()[:_LONGEST_HOST]} {os.getpid()}"


def _taken(holder: str) -> StoreTaken:
    host, _, process = holder.strip().removeprefix("aggregator ").rpartition(" ")
    who = f"on {host}, process {process}" if host and process.isdigit() else "which did not say who it is"
    return StoreTaken(
        f"another service works on this database: {who}", hint="stop that one, or name another database"
    )


class _InMemoryClaim:
    """A store in memory: nobody else can reach it."""

    def keep(self) -> None:
        """Always held."""

    def release(self) -> None:
        """Gone with the process."""


class _BesideFile:
    def __init__(self, file: Path) -> None:
        self._open: int | None = None
        try:
            # Not inherited: a parser process must not hold the claim when the service is gone.
            self._open = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"cannot make {file}: {error.strerror}",
                hint="may this user write to its folder?",
            ) from error
        try:
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._open, 200, 0).decode(errors="replace")
            self.release()
            raise _taken(holder) from error
        os.truncate(self._open, 0)
        os.pwrite(self._open, f"{_me()}\n".encode(), 0)

    def keep(self) -> None:
        """The system keeps it."""

    def release(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None


class _ServerClaim:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sa.Connection | None = None
        self._take()

    def keep(self) -> None:
        try:
            if self._connection is not None:
                self._connection.exec_driver_sql("SELECT 1")
                return
        except sa.exc.DBAPIError:
            self.release()
        self._take()

    def release(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # closed, not given back to the pool: the lock is the connection's
            self._connection.close()
            self._connection = None

    def _take(self) -> None:
        try:
            self._try_to_take()
        except BaseException:  # a connection without the lock must not be held for one that has it
            self.release()
            raise

    def _try_to_take(self) -> None:
        with self._database.errors():
            engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._connection = engine.connect()
            self._connection.exec_driver_sql(_WATCHED)
            self._connection.execute(
                sa.select(sa.func.set_config("application_name", f"aggregator {_me()}", False))
            )
            if self._connection.exec_driver_sql(_TAKE).scalar():
                return
            holder = self._connection.exec_driver_sql(_HOLDER).scalar()
        raise _taken(holder or "")
