"""What is true of PostgreSQL alone: its driver, its server, its comments."""

import sys
from contextlib import closing

import pytest
import sqlalchemy as sa

from aggregator.errors import StoreBusy, StoreError
from storage import engines, reports, schema
from storage.database import Database


@pytest.fixture
def address(postgresql):
    """The address of an empty store on PostgreSQL."""
    with postgresql() as found:
        yield found


def process(tx: sa.Connection) -> int:
    """The server's process behind a connection."""
    return tx.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()


def kill(address: str, pid: int) -> None:
    """What a restart of the server does to a connection."""
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_terminate_backend(pid, 5000)))
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://h/n", "postgresql+psycopg://h/n"])
def test_both_ways_to_write_the_address_take_one_driver(url):
    """Psycopg 3 is the driver, named or not."""
    assert engines.make(sa.make_url(url)).driver == "psycopg"


def test_a_missing_driver_is_named_with_its_remedy(monkeypatch):
    """Who changes the address only is told what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"driver.*psycopg.*pip install 'story-aggregator\[postgresql\]'"):
        Database("postgresql://somebody@127.0.0.1:1/news")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:secret@127.0.0.1:1/news",
        "postgresql://somebody@127.0.0.1:1/news?password=secret",
        "postgresql://somebody:secret@/news?host=/nonexistent",
        "postgresql://somebody:secret@no-such-host.invalid/news",
    ],
)
def test_a_server_that_is_away_is_busy(url):
    """Trying again is right; one line says where and what, and shows no password."""
    with pytest.raises(StoreBusy, match="try again") as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_login_is_an_error(address):
    """A user that the server refuses is refused at the next try too; no password is shown."""
    url = sa.make_url(address).set(username="no-such-user", password="secret")
    with pytest.raises(StoreError, match=r"no-such-user.*correct") as caught:
        Database(url.render_as_string(hide_password=False))
    assert not isinstance(caught.value, StoreBusy)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_is_an_error(address):
    """The remedy says to create it."""
    url = sa.make_url(address).set(database="no_such_database")
    with pytest.raises(StoreError, match=r"no_such_database.*create"):
        Database(url.render_as_string(hide_password=False))


def test_a_server_that_goes_away_in_the_middle_is_busy(address, report):
    """Nothing of the transaction stays, and the next one finds the server again by itself."""

    def interrupted() -> None:
        with database.writing() as tx:
            reports.add(tx, [report(1)])
            kill(address, process(tx))
            reports.add(tx, [report(2)])

    with closing(Database(address)) as database:
        with pytest.raises(StoreBusy, match=r"terminating.*try again"):
            interrupted()
        with database.writing() as tx:
            assert reports.count(tx) == 0
            reports.add(tx, [report(1)])


def test_a_server_that_was_restarted_meanwhile_costs_nothing(address):
    """A connection that died while nobody used it is replaced."""
    with closing(Database(address)) as database:
        with database.reading() as tx:
            idle = process(tx)
        kill(address, idle)
        with database.reading() as tx:
            assert process(tx) != idle


def test_a_reader_cannot_write(address, report):
    """The database itself holds readers to reading."""
    with (
        closing(Database(address)) as database,
        pytest.raises(StoreError, match="read-only"),
        database.reading() as tx,
    ):
        reports.add(tx, [report(1)])


def test_the_reasons_are_the_columns_comments(address):
    """Who looks at the tables with a client reads why each column is there."""
    with closing(Database(address)) as database, database.reading() as tx:
        looked_at = sa.inspect(tx)
        kept = {
            f"{name}.{column['name']}": column["comment"]
            for name in schema.metadata.tables
            for column in looked_at.get_columns(name)
        }
    said = {str(c): c.comment for table in schema.metadata.tables.values() for c in table.columns}
    assert kept == said


def test_times_of_the_views_are_instants(address):
    """Each reader of the views sees them in a zone of his own."""
    with closing(Database(address)) as database, database.reading() as tx:
        kinds = {column["name"]: column["type"] for column in sa.inspect(tx).get_columns("story_reports")}
    assert all(kinds[name].timezone for name in ("published", "seen", "revised", "joined"))
