"""What all tests share."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from storage.database import Database

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and archived feeds beside the checkout; a user's clone has none."""
    if not SHARED.is_dir():
        pytest.skip("needs the corpora in ../shared, which stand beside the project's own checkout only")
    return SHARED


@pytest.fixture(scope="session")
def postgresql() -> Callable[[], AbstractContextManager[str]]:
    """Gives the address of an empty store on a PostgreSQL server as often as it is called."""
    server = os.environ.get("AGGREGATOR_TEST_POSTGRESQL")
    if not server:
        pytest.skip("needs AGGREGATOR_TEST_POSTGRESQL=postgresql://user@host/name, a database to play with")
    return lambda: _schema_of_its_own(server)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def empty(request, tmp_path_factory) -> Callable[[], AbstractContextManager[str]]:
    """Gives the address of an empty store as often as it is called; on each kind of database in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    folder = tmp_path_factory.mktemp("sqlite")
    return lambda: nullcontext(f"sqlite:///{folder}/{uuid4()}.db")


@pytest.fixture
def address(empty) -> Iterator[str]:
    """The address of an empty store."""
    with empty() as found:
        yield found


@pytest.fixture
def database(address) -> Iterator[Database]:
    """An empty store."""
    opened = Database(address)
    yield opened
    opened.close()


@contextmanager
def _schema_of_its_own(server: str) -> Iterator[str]:
    """An address that finds, and leaves, nothing there."""
    name, url = f"test_{uuid4().hex}", sa.make_url(server)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        here = url.update_query_dict({"options": f"-c search_path={name} -c client_min_messages=warning"})
        try:
            yield here.render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    engine.dispose()
