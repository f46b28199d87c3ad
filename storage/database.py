"""Open the database, bring its schema up to date, and give transactions.

SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut. A writing
transaction begins with ``BEGIN IMMEDIATE``, so that it waits for its turn at once and never fails half-way.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from aggregator.errors import StoreBusy, StoreError
from storage import schema

HEAD = "0001"
"""The migration that this code expects; a test holds it equal to the newest in ``migrations/``."""

_BUSY_SECONDS = 30.0


class Database:
    """A database at the newest schema.

    Args:
        url: any SQLAlchemy URL; ``sqlite://`` alone is a store in memory.

    Raises:
        StoreError: the URL, the file or the server cannot be used.

    """

    def __init__(self, url: str) -> None:
        try:
            self.engine = _engine(sa.make_url(url))
        except OSError as error:
            raise StoreError(
                f"database {_shown(url)}: its folder cannot be made: {error.strerror}",
                hint="name a folder that this user may write to",
            ) from error
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
            raise StoreError(
                f"database: {_shown(url)} cannot be used: {error}",
                hint="write an SQLAlchemy URL such as sqlite:///var/aggregator.db, and install its driver",
            ) from error
        self._url = _shown(url)
        with self._errors():
            self.migrate()
            with self.engine.connect() as connection:
                found = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.key == "uuid"))
                self.uuid = uuid.UUID(found.scalar_one())

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
        """One writing transaction: all of it is kept, or nothing.

        Raises:
            StoreBusy: the database stayed locked or away.
            StoreError: it refused.

        """
        with self._errors(), self.engine.execution_options(write=True).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view for reading; raises as `writing` does."""
        with self._errors(), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            cause = str(error.orig).strip().replace("\n", " ")
            if "locked" in cause or "busy" in cause or error.connection_invalidated:
                raise StoreBusy(
                    f"database {self._url}: {cause}",
                    hint="another process holds it, or it is away; try again",
                ) from error
            raise StoreError(f"database {self._url}: {cause}", hint=_remedy(cause)) from error
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"database {self._url}: {error}") from error


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return repr(url.rsplit("@", maxsplit=1)[-1])


def _remedy(cause: str) -> str | None:
    remedies = {
        "unable to open": "is its folder there, and may this user write to it?",
        "readonly": "may this user write to the file and its folder?",
        "full": "free some disk space; nothing was lost",
        "not a database": "the file is something else; name another in the configuration",
    }
    return next((remedy for sign, remedy in remedies.items() if sign in cause), None)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, json_serializer=_json)
    options: dict[str, Any] = {
        "json_serializer": _json,
        "connect_args": {"timeout": _BUSY_SECONDS, "check_same_thread": False},
    }
    if url.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool  # one connection, or every one would see a store of its own
    else:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, **options)
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # people read the database


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _on_begin
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version
