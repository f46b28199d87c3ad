"""A whole copy of an SQLite database while others work on it, by SQLite's own online backup."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from aggregator.errors import StoreError
from storage.database import Database


def backup(database: Database, file: Path) -> int:
    """Copy a database as it stands at one moment; nobody has to wait for it.

    The copy is made under another name, checked, and then given its own: a file that has it is whole.

    Args:
        database: what to copy.
        file: the copy; nothing may stand there.

    Returns:
        Bytes of the copy.

    Raises:
        StoreError: it is no SQLite file, or the copy cannot be made, or is not whole.

    """
    if database.engine.dialect.name != "sqlite":
        raise StoreError(
            "only an SQLite database is copied into a file here",
            hint="pg_dump --format=custom --file=FILE NAME backs PostgreSQL up while it runs",
        )
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    with _explained(file), _removed(unfinished):
        if os.path.lexists(file):
            raise FileExistsError(file)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it holds what was read
        _copy(database, unfinished)
        _to_disk(unfinished)
        os.link(unfinished, file)  # unlike a rename, it replaces nothing
        _to_disk(file.parent)
        return file.stat().st_size


def _copy(database: Database, file: Path) -> None:
    with (
        database.errors(),
        database.engine.connect() as source,
        contextlib.closing(sqlite3.connect(file)) as copy,
    ):
        driver = source.connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):  # the one driver that `engines` opens SQLite with
            raise TypeError(driver)
        driver.backup(copy)  # in one go: a step that lets others write in between would begin again
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise StoreError(
            f"the copy is not whole: {found}",
            hint="the database is damaged; look at the disk, and at old copies",
        )


@contextlib.contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise StoreError(
            f"{file} is there already", hint="nothing is overwritten; name another file"
        ) from error
    except (OSError, sqlite3.Error) as error:
        cause = getattr(error, "strerror", None) or error
        raise StoreError(
            f"cannot write {file}: {cause}", hint="is there a folder, room, and permission?"
        ) from error


@contextlib.contextmanager
def _removed(file: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for name in (file, file.with_name(file.name + "-journal")):
            name.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
