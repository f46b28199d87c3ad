"""The database opens, migrates itself, and keeps all of a transaction or nothing."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from aggregator.errors import StoreBusy, StoreError
from storage import database as module
from storage import schema
from storage.database import HEAD, Database
from storage.migrations import scripts


def test_migrations_lead_to_the_schema(database):
    """What the migrations build is what ``schema`` says."""
    with database.reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []


def test_head_is_the_newest_migration():
    """The code expects the newest migration there is."""
    assert scripts().get_current_head() == HEAD


def test_views_are_those_of_the_schema(database):
    """The migrated views select what ``schema.VIEWS`` says."""
    with database.reading() as tx:
        kept = {name: tx.exec_driver_sql(f"SELECT * FROM {name}").keys() for name in schema.VIEWS}
        said = {name: tx.exec_driver_sql(query).keys() for name, query in schema.VIEWS.items()}
    assert {name: list(keys) for name, keys in kept.items()} == {n: list(keys) for n, keys in said.items()}


def test_every_column_says_why_it_is_there():
    """There is a reason beside each column."""
    assert [str(c) for table in schema.metadata.tables.values() for c in table.columns if not c.comment] == []


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
def test_sqlite_survives_a_power_cut(database, pragma, value):
    """WAL with FULL synchronisation: what was committed stays."""
    with database.reading() as tx:
        assert tx.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_opening_twice_migrates_once_and_keeps_the_uuid(tmp_path: Path):
    """A second start finds the same database."""
    first = Database(f"sqlite:///{tmp_path}/a.db")
    second = Database(f"sqlite:///{tmp_path}/a.db")
    assert first.uuid == second.uuid
    assert not second.migrate()
    first.close()
    second.close()


def test_a_failed_transaction_leaves_nothing(database):
    """What went wrong in the middle was never there."""

    def half_done():
        with database.writing() as tx:
            tx.execute(sa.insert(schema.meta).values(key="half", value="done"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    with database.reading() as tx:
        assert tx.execute(sa.select(schema.meta.c.key)).scalars().all() == ["uuid"]


def test_a_newer_database_is_refused(tmp_path: Path):
    """A schema of the future is named, with the remedy, and left alone."""
    Database(f"sqlite:///{tmp_path}/a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=r"9999.*newer version"):
        Database(f"sqlite:///{tmp_path}/a.db")


def test_a_locked_database_is_busy(tmp_path: Path, monkeypatch):
    """Waiting has an end, and the error says what to do."""
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.01)
    database = Database(f"sqlite:///{tmp_path}/a.db")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="locked"), database.writing():
        pass
    other.execute("ROLLBACK")
    other.close()
    with database.writing():
        pass
    database.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////proc/no/such/a.db", "proc"),
        ("nosuchbase://x", "nosuchbase"),
        ("postgresql+nosuchdriver://u:secret@h/d", "nosuchdriver"),
    ],
)
def test_a_useless_address_is_an_error_without_its_password(url, said):
    """The address is named, its password is not."""
    with pytest.raises(StoreError, match=said) as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    """Somebody else's file is refused."""
    (tmp_path / "a.db").write_bytes(b"something else " * 200)
    with pytest.raises(StoreError, match="not a database"):
        Database(f"sqlite:///{tmp_path}/a.db")


def test_times_keep_their_moment(database):
    """A time in any zone comes back as the same moment, in UTC; one without a zone is refused."""
    written = datetime(2026, 11, 20, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    row = {"name": "a", "address": "b", "reason": "c", "due": written, "stopped": False}
    zeros = {c.name: 0 for c in schema.source.c if not c.nullable and isinstance(c.type, sa.Integer)}
    with database.writing() as tx:
        tx.execute(sa.insert(schema.source).values(row | zeros))
        read = tx.execute(sa.select(schema.source.c.due)).scalar_one()
    assert (read, read.tzinfo) == (written, UTC)
    with pytest.raises(StoreError, match="without a zone"), database.writing() as tx:
        tx.execute(sa.insert(schema.source).values(row | zeros | {"name": "z", "due": datetime(2026, 1, 1)}))  # noqa: DTZ001
