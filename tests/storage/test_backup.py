"""A copy of the database, made while others write."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from storage import backup as subject
from storage import reports
from storage.backup import backup
from storage.database import Database


@pytest.fixture
def store(tmp_path):
    opened = Database(f"sqlite:///{tmp_path}/a.db")
    yield opened
    opened.close()


def test_a_copy_is_whole_while_others_write(store, tmp_path, report):
    """It holds one moment: as many reports as keys say, and the writer did not wait for it."""
    with store.writing() as tx:
        reports.add(tx, [report(n, text="x" * 5000) for n in range(300)])
    ended, written = threading.Event(), []

    def write() -> None:
        number = 1000
        while not ended.is_set():
            with store.writing() as tx:
                written.extend(reports.add(tx, [report(number), report(number + 1)]))
            number += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        size = backup(store, tmp_path / "copy.db")
    finally:
        ended.set()
        writer.join()
    assert written
    copy = Database(f"sqlite:///{tmp_path}/copy.db")
    assert copy.uuid == store.uuid
    with copy.reading() as tx:
        found = reports.count(tx)
        keys = tx.exec_driver_sql("SELECT count(*) FROM report_key").scalar_one()
    copy.close()
    assert found >= 300
    assert (found % 2, keys) == (0, 2 * found)
    assert size >= 300 * 5000


def test_a_copy_is_one_file_for_its_owner_alone(store, tmp_path):
    """Nothing lies beside it, and nobody else reads it."""
    (tmp_path / "copies").mkdir()
    backup(store, tmp_path / "copies/a.db")
    assert [file.name for file in (tmp_path / "copies").iterdir()] == ["a.db"]
    assert stat.S_IMODE((tmp_path / "copies/a.db").stat().st_mode) == 0o600
    with closing(sqlite3.connect(tmp_path / "copies/a.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_overwritten(store, tmp_path, dangling):
    """Neither a file nor a symbolic link."""
    file = tmp_path / "precious"
    if dangling:
        file.symlink_to(tmp_path / "nowhere")
    else:
        file.write_text("precious")
    with pytest.raises(StoreError, match="is there already"):
        backup(store, file)
    assert dangling or file.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_comes_meanwhile_is_not_overwritten(store, tmp_path, monkeypatch):
    """Whoever was quicker keeps what he has."""
    copied = subject._copy

    def slowly(database: Database, file: Path) -> None:
        copied(database, file)
        (tmp_path / "copy.db").write_text("precious")

    monkeypatch.setattr(subject, "_copy", slowly)
    with pytest.raises(StoreError, match="is there already"):
        backup(store, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    assert list(tmp_path.glob(".*")) == []


def test_a_missing_folder_is_said(store, tmp_path):
    """With its cause."""
    with pytest.raises(StoreError, match="No such file or directory"):
        backup(store, tmp_path / "nowhere/copy.db")


def test_a_damaged_database_gives_no_copy(store, tmp_path, report):
    """A copy that is not whole would be found out on the day that it is needed."""
    with store.writing() as tx:
        reports.add(tx, [report(n, text="x" * 3000) for n in range(50)])
    store.close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'report_key'"
        ).fetchone()
    with (tmp_path / "a.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    again = Database(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(StoreError, match=r"not whole|malformed"):
        backup(again, tmp_path / "copy.db")
    again.close()
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_has_its_own(postgresql, tmp_path):
    """Which is said, with the command."""
    with postgresql() as address:
        database = Database(address)
        with pytest.raises(StoreError, match="pg_dump"):
            backup(database, tmp_path / "copy")
        database.close()
