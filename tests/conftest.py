"""What all tests share."""

import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from xml.sax.saxutils import escape

import pytest
import sqlalchemy as sa

from aggregator import cli
from storage.database import Database

os.environ.setdefault("AGGREGATOR_SERVE__PORT", "0")  # for services that tests start: any port that is free

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
    server = os.environ.get("TEST_POSTGRESQL")  # AGGREGATOR_… would be refused as a setting
    if not server:
        pytest.skip("needs TEST_POSTGRESQL=postgresql://user@host/name, a database to play with")
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


@pytest.fixture
def disk(tmp_path) -> Iterator[Any]:
    """A disk that can fill up and break: a `powercut.Disk`."""
    from benchmarks.faults import powercut  # a second to import

    if reason := powercut.impossible(tmp_path):
        pytest.skip(reason)
    (tmp_path / "disk").rmdir()
    with powercut.Disk(tmp_path) as made:
        yield made


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


# ---- feeds over real HTTP ----


@dataclass
class Origin:
    """A web server on loopback, as good as they come: entity tags, 304, and whatever it is told to say.

    Attributes:
        pages: body by path; a status stands for an answer without one, None for no answer ever.
        kinds: content type by path, where it is not that of a feed.
        fields: sent with every answer beside its own.
        tags: whether it gives entity tags, and compares those that it is asked about.
        asked: path, status and request fields of each answer, in order.
    """

    url: str = ""
    pages: dict[str, bytes | int | None] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    tags: bool = True
    asked: list[tuple[str, int | None, Message]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """What one request is answered."""
        page = self.pages.get(request.path, 404)
        if page is None:
            self.asked.append((request.path, None, request.headers))
            self.closing.wait()
            return
        body = page if isinstance(page, bytes) else b""
        tag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        known = self.tags and request.headers["If-None-Match"] == tag
        status = page if isinstance(page, int) else 304 if known else 200
        self.asked.append((request.path, status, request.headers))
        request.send_response(status)
        for name, value in self.fields.items():
            request.send_header(name, value)
        if self.tags and body:
            request.send_header("ETag", tag)
        if status != 304:
            request.send_header("Content-Type", self.kinds.get(request.path, "application/xml"))
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if status == 200:
            request.wfile.write(body)


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A running `Origin`; its `url` has no slash at the end."""
    made = Origin()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *said: object) -> None:
            """Nothing: the test asks `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def rss() -> Callable[..., bytes]:
    """Makes an RSS feed of items, each a mapping of element names to texts."""

    def make(*items: dict[str, str], title: str = "Harbour Gazette") -> bytes:
        shown = "".join(
            f"<item>{''.join(f'<{name}>{escape(text)}</{name}>' for name, text in item.items())}</item>"
            for item in items
        )
        return (
            f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
            f"<title>{escape(title)}</title>{shown}</channel></rss>"
        ).encode()

    return make


# ---- the command line ----


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """Its output, one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The one line that it said on standard error."""
        (line,) = self.err.splitlines()
        return line


@pytest.fixture
def aggregator(tmp_path, monkeypatch, capsys) -> Iterator[Callable[..., Done]]:
    """Runs a command line in a folder of its own, as a shell does; in this process, which is quicker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    levels = [(logger, logger.level) for logger in (logging.getLogger(), logging.getLogger("aggregator"))]

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["aggregator", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, captured.out, captured.err)

    yield run
    for logger, level in levels:  # a command sets them for a process that ends with it
        logger.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Captured output in UTF-8: half a surrogate pair that a test has logged cannot leave its process."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode("utf-8")) for name, text in report.sections
    ]
    return report
