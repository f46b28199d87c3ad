"""The database opens, migrates itself, and keeps all of a transaction or nothing."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.errors import StoreBusy, StoreError
from storage import engines, meta, migrations, reports, schema, sources
from storage.database import HEAD, Database
from storage.migrations import scripts


def test_migrations_lead_to_the_schema(database):
    """What the migrations build is what ``schema`` says."""
    with database.reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": False, "include_name": _of_the_schema})
        assert compare_metadata(context, schema.metadata) == []


def _of_the_schema(name: str | None, kind: str, _: object) -> bool:
    """Not what the full-text search stands on: each database has its own, which no schema can say."""
    return not (kind in ("table", "index") and (name or "").startswith(("report_words", "report_signs")))


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
def test_sqlite_survives_a_power_cut(tmp_path: Path, pragma, value):
    """WAL with FULL synchronisation: what was committed stays."""
    with closing(Database(f"sqlite:///{tmp_path}/a.db")) as database, database.reading() as tx:
        assert tx.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_opening_twice_migrates_once_and_keeps_the_uuid(address):
    """A second start finds the same database."""
    with closing(Database(address)) as first, closing(Database(address)) as second:
        assert first.uuid == second.uuid
        assert not second.migrate()


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


def test_a_newer_database_is_refused(database, address):
    """A schema of the future is named, with the remedy, and left alone."""
    with database.writing() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"9999.*newer version"):
        Database(address)


def test_writers_wait_for_their_turn_but_not_for_ever(database, address, monkeypatch):
    """While one writes, another process waits, gives up with a remedy, and has its turn afterwards."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.01)
    with closing(Database(address)) as other:
        with database.writing(), pytest.raises(StoreBusy, match=r"lock.*try again"), other.writing():
            pass
        with other.writing():
            pass


def test_two_schemas_of_one_server_do_not_wait_for_each_other(postgresql, monkeypatch):
    """Each schema is a store of its own, and so is the turn of its writers."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.01)
    with (
        postgresql() as one,
        postgresql() as two,
        closing(Database(one)) as first,
        closing(Database(two)) as second,
    ):
        with first.writing() as tx, second.writing() as other:
            meta.keep(tx, meta.LOOKED, "1")
            meta.keep(other, meta.LOOKED, "2")
        with first.reading() as tx, second.reading() as other:
            assert (meta.times(tx, meta.LOOKED), meta.times(other, meta.LOOKED)) == (1, 2)


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


def test_a_reader_sees_one_moment(database, address, report):
    """What is committed while somebody reads does not show before he reads again."""
    with closing(Database(address)) as other:
        with database.reading() as tx:
            assert reports.count(tx) == 0
            with other.writing() as elsewhere:
                reports.add(elsewhere, [report(1)])
            assert reports.count(tx) == 0
        with database.reading() as tx:
            assert reports.count(tx) == 1


def test_first_starts_at_once_make_one_database(address):
    """Services that start together on an empty database all work, on one and the same."""
    opened, failed = [], []

    def start():
        try:
            opened.append(Database(address))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({one.uuid for one in opened}) == 1
    for one in opened:
        one.close()


def test_a_migration_that_fails_leaves_nothing(address, monkeypatch):
    """All of it happens in one transaction: a start that was cut short is done again from the beginning."""

    def broken(_: object) -> None:
        raise StoreError("cut short")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_say_why", broken)
        with pytest.raises(StoreError, match="cut short"):
            Database(address)
    engine = sa.create_engine(address)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    Database(address).close()


@pytest.fixture(scope="module")
def moments(empty):
    """One store for many examples."""
    with empty() as address, closing(Database(address)) as database:
        yield database


@given(moment=st.datetimes(timezones=st.just(UTC)))
@example(moment=datetime.min.replace(tzinfo=UTC))
@example(moment=datetime.max.replace(tzinfo=UTC))
@settings(max_examples=20, deadline=None)
def test_any_moment_comes_back(moments, moment):
    """From the year 1 to 9999, to the microsecond, whatever zone the server lives in."""
    with moments.writing() as tx:
        tx.execute(sa.delete(schema.taken))
        sources.take(tx, "Inbox", b"digest", "a.txt", moment)
        assert tx.execute(sa.select(schema.taken.c.at)).scalar_one() == moment


def test_half_a_character_is_refused_in_one_line(database, report):
    """A lone surrogate is no text; intake mends it before, and nothing of the transaction stays."""
    with pytest.raises(StoreError, match="surrogates") as caught, database.writing() as tx:
        reports.add(tx, [report(1), report(2, title="half \ud83d")])
    assert "\n" not in str(caught.value)
    with database.reading() as tx:
        assert reports.count(tx) == 0


def test_a_nul_is_kept_or_refused_but_cuts_no_text(database, report):
    """SQLite keeps it and PostgreSQL refuses it, with all of the transaction; intake takes it out before."""
    one = report(1, text="before\0after")
    if database.engine.dialect.name == "postgresql":
        with pytest.raises(StoreError, match="NUL"), database.writing() as tx:
            reports.add(tx, [report(2), one])
        with database.reading() as tx:
            assert reports.count(tx) == 0
    else:
        with database.writing() as tx:
            (found,) = reports.add(tx, [one])
            assert reports.get(tx, [found])[found].text == one.text


def test_an_error_does_not_quote_what_is_stored(database):
    """One line: no SQL, no parameters, no texts."""
    again = {"key": "confidential", "value": "confidential"}
    with database.writing() as tx:
        tx.execute(sa.insert(schema.meta), again)
    with pytest.raises(StoreError) as caught, database.writing() as tx:
        tx.execute(sa.insert(schema.meta), again)
    assert "confidential" not in str(caught.value)
    assert "\n" not in str(caught.value)
