"""Open the database, bring its schema up to date, and give transactions.

What the database says against it becomes one line: the error, where, and the remedy.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import sqlalchemy as sa

from aggregator.errors import StoreBusy, StoreError
from storage import engines, schema

HEAD = "0018"
"""The migration that this code expects; a test holds it equal to the newest in ``migrations/``."""

_AWAY_STATES = ("08", "57P", "53300", "55P03", "40001", "40P01", "25P03")
"""How the SQLSTATEs begin that mean: gone, going or coming up, full, locked, deadlocked, timed out."""

_AWAY_SIGNS = (
    "Is the server running",
    "timeout expired",
    "failed to resolve host",
    "server closed the connection",
    "starting up",
    "shutting down",
    "in recovery",
    "not yet accepting",
    "too many clients",
    "connection slots",
)
"""The same in words: there is no SQLSTATE before there is a connection."""

_REMEDIES = {
    "unable to open": "is its folder there, and may this user write to it?",
    "has gone": "bring it back: it is tried again, and nothing was lost",
    "is another one": "restart the service; stop it before its database is exchanged",
    "disk I/O error": "look at the disk and the system's log; what was not taken in is asked for again",
    "malformed": "the file is damaged: restore a backup of it",
    "readonly": "may this user write to the file and its folder?",
    "disk is full": "free some disk space; nothing was lost",
    "No space left": "free some disk space on the server; nothing was lost",
    "not a database": "the file is something else; name another in the configuration",
    "password": "correct the user or the password in the database's address",
    "pg_hba.conf": "let this user in from this host, in the server's pg_hba.conf",
    "does not exist": "correct the database's address, or create what is missing: see docs/postgresql.md",
    "permission denied": "give the database to its user: ALTER DATABASE … OWNER TO …",
}


class Database:
    """A database at the newest schema.

    Args:
        url: of SQLite or PostgreSQL, as SQLAlchemy writes them; ``sqlite://`` alone is a store in memory.

    Raises:
        StoreBusy: it is locked, or its server is away.
        StoreError: the URL, the file or the server cannot be used.

    """

    def __init__(self, url: str) -> None:
        self._url = _shown(url)
        self.engine = self._opened(url)
        try:
            with self.errors():
                self.migrate()
            with self.reading() as tx:
                found = tx.execute(sa.select(schema.meta.c.value).where(schema.meta.c.key == "uuid"))
                self.uuid = uuid.UUID(found.scalar_one())
        except BaseException:
            self.close()
            raise

    def migrate(self) -> bool:
        """Bring the schema to `HEAD`; True if there was anything to do."""
        with self.engine.connect() as connection:
            if _version(connection) == HEAD:
                return False
        from storage.migrations import upgrade  # noqa: PLC0415  # half a second that a current database saves

        with self.engine.execution_options(write=True).begin() as connection:
            upgrade(connection, HEAD)
        return True

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One writing transaction: all of it is kept, or nothing. There is one at a time.

        Raises:
            StoreBusy: the database stayed locked or away.
            StoreError: it refused.

        """
        with self.errors(), self.engine.execution_options(write=True).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view for reading; raises as `writing` does."""
        with self.errors(), self.engine.begin() as connection:
            yield connection

    def size(self) -> int:
        """Bytes that it takes; raises as `writing` does."""
        with self.reading() as tx:
            return engines.size(tx)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _opened(self, url: str) -> sa.Engine:
        try:
            return engines.make(sa.make_url(url))
        except OSError as error:
            raise StoreError(
                f"database {self._url}: its folder cannot be made: {error.strerror}",
                hint="name a folder that this user may write to",
            ) from error
        except ImportError as error:
            raise StoreError(
                f"database {self._url}: its driver is not installed: {_cause(error)}",
                hint="pip install 'story-aggregator[postgresql]'",
            ) from error
        except (sa.exc.ArgumentError, ValueError) as error:  # a port that is no number is a ValueError
            raise StoreError(
                f"database {self._url} cannot be used: {_cause(error)}",
                hint="write sqlite:///var/aggregator.db or postgresql://user@host/name",
            ) from error

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """What the database says against something becomes a `StoreError`, or a `StoreBusy`."""
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            cause = _cause(error)
            if _is_away(error, cause):
                raise StoreBusy(
                    f"database {self._url}: {cause}",
                    hint="another process holds it, or it is away; try again",
                ) from error
            remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in cause), None)
            raise StoreError(f"database {self._url}: {cause}", hint=remedy) from error
        except (sa.exc.SQLAlchemyError, UnicodeEncodeError) as error:  # half a surrogate pair is no UTF-8
            raise StoreError(f"database {self._url}: {_cause(error)}") from error


def _shown(url: str) -> str:
    """The URL without its password, and without its parameters: there may be one among them too."""
    try:
        return sa.make_url(url).set(query={}).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        return repr(url.rsplit("@", maxsplit=1)[-1].partition("?")[0])


def _cause(error: Exception) -> str:
    """What the driver says, on one line; of PostgreSQL only the message: its details quote what is stored."""
    orig = getattr(error, "orig", None) or error
    message = getattr(getattr(orig, "diag", None), "message_primary", None) or str(orig)
    return " ".join(message.split())


def _is_away(error: sa.exc.SQLAlchemyError, cause: str) -> bool:
    """Whether to try again is right."""
    if not isinstance(error, sa.exc.DBAPIError):
        return True  # every connection of the pool was in use
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return error.connection_invalidated or state.startswith(_AWAY_STATES)
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return bool(name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")))
    return error.connection_invalidated or any(sign in cause for sign in _AWAY_SIGNS)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version
