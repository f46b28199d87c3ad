"""Disks that fail and databases that go away: one clear line, and all is well when they are back."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aggregator.errors import StoreBusy, StoreError
from benchmarks.faults import powercut
from storage import engines, reports
from storage.database import Database


def numbers(database: Database) -> list[int]:
    """The reports that are there."""
    with database.reading() as tx:
        return sorted(int(each.title.split()[1]) for each in reports.get(tx, range(1000)).values())


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program is writing, and does not end."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def folder_moved(file: Path) -> Iterator[None]:
    """Somebody moves the folder away, and back."""
    away = file.parent.with_name("away")
    file.parent.rename(away)
    yield
    assert not file.parent.exists(), "a folder was made anew"
    away.rename(file.parent)


@contextlib.contextmanager
def file_moved(file: Path) -> Iterator[None]:
    """Somebody moves the file away, and back."""
    away = file.with_name("away.db")
    file.rename(away)
    yield
    assert not file.exists(), "an empty database was made in its place"
    away.rename(file)


@contextlib.contextmanager
def another(file: Path) -> Iterator[None]:
    """A copy takes its place, and gives way again."""
    away = file.with_name("away.db")
    file.rename(away)
    file.write_bytes(away.read_bytes())
    yield
    away.replace(file)


FAULTS = [
    pytest.param(locked, StoreBusy, "locked .*try again", id="locked"),
    pytest.param(folder_moved, StoreError, "the file has gone .*bring it back", id="folder moved"),
    pytest.param(file_moved, StoreError, "the file has gone .*bring it back", id="file moved"),
    pytest.param(another, StoreError, "the file is another one now .*restart", id="another file"),
]


@pytest.mark.parametrize(("fault", "kind", "said"), FAULTS)
@pytest.mark.parametrize("connections", ["kept", "new"])
def test_what_goes_away_and_comes_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    report: Callable,
    fault: Callable,
    kind: type[StoreError],
    said: str,
    connections: str,
) -> None:
    """Each try is one line with a remedy, none is kept anywhere, and the first one afterwards is."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    file = tmp_path / "var/a.db"
    database = Database(f"sqlite:///{file}")
    _take(database, report(1))
    with fault(file):
        if connections == "new":
            database.engine.dispose()
        for _ in range(2):
            with pytest.raises(kind, match=said) as error:
                _take(database, report(2))
            assert error.type is kind
            assert "\n" not in str(error.value)
    _take(database, report(3))
    assert numbers(database) == [1, 3]
    database.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM report").fetchone() == (2,)


def test_a_full_database_keeps_what_it_had(tmp_path: Path, report: Callable) -> None:
    """What does not fit is not there at all; when there is room again it goes on."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    _take(database, report(1))
    _bound_pages(database, "(SELECT page_count FROM pragma_page_count)")
    with pytest.raises(StoreError, match="full") as error:
        _take(database, report(2, text="word " * 100_000))
    assert "free some disk space" in str(error.value)
    assert numbers(database) == [1]
    _bound_pages(database, "1000000")
    _take(database, report(3))
    assert numbers(database) == [1, 3]
    database.close()


def test_a_file_that_may_only_be_read(tmp_path: Path, report: Callable) -> None:
    """Whose permissions are missing is said with what to look at; when they are there again it goes on."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    _pragma(database, "query_only=1")  # answers as such a file does; root may write to any
    with pytest.raises(StoreError, match="readonly") as error:
        _take(database, report(1))
    assert "may this user write" in str(error.value)
    _pragma(database, "query_only=0")
    _take(database, report(2))
    assert numbers(database) == [2]
    database.close()


# ---- disks of their own: they need root and a loop device ----


def test_a_full_disk(disk: powercut.Disk, report: Callable) -> None:
    """A disk without room is said to be full; when there is room again it goes on."""
    database = Database(f"sqlite:///{disk.place}/a.db")
    _take(database, report(1))
    with (disk.place / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
        os.posix_fallocate(ballast.fileno(), 0, 30 * 2**20)
        while True:
            ballast.write(bytes(4096))
            ballast.flush()
    with pytest.raises(StoreError, match="full") as error:
        _take(database, report(2, text="word " * 500_000))
    assert "free some disk space" in str(error.value)
    (disk.place / "ballast").unlink()
    _take(database, report(3))
    assert numbers(database) == [1, 3]
    database.close()


def test_a_disk_that_fails(disk: powercut.Disk, report: Callable) -> None:
    """After an I/O error nothing is believed that was open; once the disk is there again it goes on."""
    database = Database(f"sqlite:///{disk.place}/a.db")
    _take(database, report(1))
    disk.cut()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"I/O error|unable to open|has gone") as error:
            _take(database, report(2))
        assert error.value.hint
    disk.restore()
    _take(database, report(3))
    assert numbers(database) == [1, 3]
    database.close()


def test_a_disk_that_becomes_read_only(disk: powercut.Disk, report: Callable) -> None:
    """A disk that nothing can be written to is one line; once it is writable again it goes on."""
    database = Database(f"sqlite:///{disk.place}/a.db")
    _take(database, report(1))
    database.engine.dispose()
    _remount(disk, "ro")
    for _ in range(2):
        with pytest.raises(StoreError) as error:
            _take(database, report(2))
        assert error.value.hint
        assert "\n" not in str(error.value)
    database.engine.dispose()
    _remount(disk, "rw")
    _take(database, report(3))
    assert numbers(database) == [1, 3]
    database.close()


def _take(database: Database, report: object) -> None:
    with database.writing() as tx:
        reports.add(tx, [report])  # type: ignore[list-item]  # what `report` makes


def _bound_pages(database: Database, most: str) -> None:
    """Give the connection so many pages; a full disk answers as this does."""
    with database.engine.connect() as connection:
        count = connection.exec_driver_sql(f"SELECT {most}").scalar()
    _pragma(database, f"max_page_count={count}")


def _pragma(database: Database, what: str) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA {what}")


def _remount(disk: powercut.Disk, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk.place], check=True)
