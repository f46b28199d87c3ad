"""A publisher's web server that says what it is told to, and a service that polls it on a virtual clock."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aggregator.fetch.fetcher import Fetcher
from aggregator.model import Parsed, SourceState
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.poll.source_status import SourceStatus, source_statuses
from aggregator.settings import FeedSource, Settings
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday


@dataclass(frozen=True)
class Said:
    """One answer: a status, fields and a body."""

    status: int = 200
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Asked:
    """One request: when (on the virtual clock), of which host and path, with which fields."""

    at: datetime
    host: str
    path: str
    fields: Message


class Publisher:
    """A web server on loopback: each path, or ``//host/path``, has its answers, the last of them stays."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = lambda: NOON
        self.pages: dict[str, list[Said]] = {}
        self.asked: list[Asked] = []
        self.port = 0

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def say(self, *said: Said, path: str = "/feed") -> None:
        """What the next polls of a path are answered."""
        self.pages[path] = list(said)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(Asked(self.now(), request.headers["Host"], request.path, request.headers))
        name = request.headers["Host"].partition(":")[0]
        page = self.pages.get(f"//{name}{request.path}") or self.pages.get(request.path, [Said(404)])
        said = page.pop(0) if len(page) > 1 else page[0]
        request.send_response_only(said.status)
        for name, value in said.fields.items():
            request.send_header(name, value)
        body = said.body if said.status != 304 else b""
        if "Transfer-Encoding" in said.fields:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        elif said.status != 304:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A running `Publisher`, on every address of this machine."""
    made = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # a poll may have given up
                made.answer(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *said: object) -> None:
            """Nothing: the test asks `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class Here:
    """A parser in this process: what the contained one does, without its start."""

    async def parse(self, body: bytes, kind: str, **about: Any) -> Parsed:
        return parse_here(body, kind, limits=Limits(entries=100, text=10_000, title=1000), **about)


class Service:
    """A service over a database file; every `run` is a restart."""

    def __init__(self, folder: Path, publisher: Publisher, resolver: Any) -> None:
        self.folder, self.publisher, self._resolver = folder, publisher, resolver
        self.now = NOON
        publisher.now = lambda: self.now
        self.configure({"name": "A", "url": publisher.url()})

    def configure(self, *feeds: dict[str, Any], callback: str | None = None, **fetch: Any) -> None:
        """These feeds, the public address for hubs, and these settings of `fetch`."""
        self.settings = Settings.model_validate(
            {
                "database": f"sqlite:///{self.folder}/a.db",
                "sources": [{"allow_private": True} | feed for feed in feeds],
                "fetch": {"host_spacing": "0s", "contact": "https://example.org/bot"} | fetch,
                "websub": {"callback": callback},
            }
        )

    def run(self, work: Callable[[Pipeline], Awaitable[Any]]) -> Any:
        """Start, do some work, stop."""

        async def started() -> Any:
            database = Database(self.settings.database)
            fetcher = Fetcher(self.settings.fetch, "1.2.3", resolver=self._resolver())
            try:
                async with fetcher:
                    parser: Any = Here()
                    return await work(Pipeline(self.settings, database, fetcher, parser, lambda: self.now))
            finally:
                database.close()

        return asyncio.run(started())

    def poll(self, times: int = 1, *, apart: timedelta = timedelta(hours=6), source: int = 0) -> PollResult:
        """Poll a feed so often, due or not, in one run; the last outcome. The clock stays after the last."""

        async def work(pipeline: Pipeline) -> PollResult:
            for number in range(times):
                self.now += apart if number else timedelta(0)
                polled = await pipeline.poll(self.settings.sources[source])
            return polled

        return self.run(work)

    def tick(self, pipeline: Pipeline) -> Awaitable[list[PollResult]]:
        """Poll what is due, all at once."""
        return asyncio.gather(*map(pipeline.poll, pipeline.waiting()))

    def live(self, lasts: timedelta, step: timedelta = timedelta(minutes=5)) -> None:
        """Poll what is due, with a restart at every step."""
        end = self.now + lasts
        while self.now <= end:
            self.run(self.tick)
            self.now += step

    def overview(self, name: str = "A") -> SourceStatus:
        """What `sources` says of one."""
        database = Database(self.settings.database)
        with database.reading() as tx:
            (found,) = source_statuses(tx, self.settings, self.now, name)
        database.close()
        return found

    def state(self, name: str = "A") -> SourceState:
        return self.overview(name).state

    def wait(self, name: str = "A") -> timedelta:
        """From now to the next poll."""
        moment = self.overview(name).next_poll
        assert moment is not None
        return moment - self.now

    @property
    def feed(self) -> FeedSource:
        (found, *_) = self.settings.sources
        assert isinstance(found, FeedSource)
        return found


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory) -> Path:
    """An empty database, to be copied: making one takes longer than most tests."""
    file: Path = tmp_path_factory.mktemp("empty") / "a.db"
    Database(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def service(tmp_path, publisher, monkeypatch, empty_file) -> Service:
    """A service with one feed, A; chance adds nothing, and every name leads to this machine."""
    from aggregator.fetch.dns import answer

    class Names:
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
            return [answer(host, "127.0.0.1", port, family)]

        async def close(self) -> None:
            """There is nothing to close."""

    shutil.copy(empty_file, tmp_path)
    monkeypatch.setattr("aggregator.poll.pipeline.random.random", lambda: 0.0)
    return Service(tmp_path, publisher, Names)


@pytest.fixture(scope="session")
def said() -> type[Said]:
    """The class `Said`."""
    return Said


@pytest.fixture(scope="session")
def fresh(rss) -> Callable[..., Said]:
    """Makes a 200 with a feed of one item; what belongs into the channel, and fields, may be given."""

    def make(number: int = 1, channel: str = "", **fields: str) -> Said:
        item = {"guid": f"tag:{number}", "title": f"Item {number}", "description": f"Bell number {number}."}
        body = rss(item).replace(b"<channel>", b"<channel>" + channel.encode(), 1)
        body = body.replace(b"<rss ", b"<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' ", 1)
        return Said(200, {name.replace("_", "-"): value for name, value in fields.items()}, body)

    return make
