"""What reader apps find: a few stories behind the Google Reader API, served on loopback from a thread."""

import asyncio
import functools
import json
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request

from aggregator.model import Report
from aggregator.serve import greader, passwords, site
from aggregator.serve.visitors import Visitors, digest
from aggregator.settings import Serve, Settings
from storage import readers, reports, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASSWORD = "correct horse"
GOOGLE = "GoogleLogin auth="
STATE = "user/-/state/com.google/"
FIRST = {"layer": "first", "score": 0.0, "bar": 0.6}

hashed = functools.cache(passwords.hashed)  # a third of a second each

SETTINGS = Settings.model_validate(
    {
        "database": "sqlite://",
        "sources": [
            {"name": "Harbour News", "url": "https://harbour.example/feed", "tags": ["Sea"]},
            {"name": "Hill Post", "url": "https://u:secret@hill.example/rss", "tags": ["Land", "sea"]},
        ],
        "publish": {"feeds": [{"name": "all"}, {"name": "two", "title": "Told twice", "min_publishers": 2}]},
    }
)


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def ids(self) -> list[int]:
        """The stories of a list of items, or of ids."""
        found = self.json
        if "itemRefs" in found:
            return [int(each["id"]) for each in found["itemRefs"]]
        return [int(each["id"].rpartition("/")[2], 16) for each in found["items"]]


@dataclass
class Served:
    """A served store, and an app that asks it.

    Attributes:
        url: without the slash at the end.
        database: with the stories.
        secret: of the app, once it has logged in.
        now: the time at the server.
        passed_on: fields that a web server in front adds.
        asked: paths of the requests that have been answered, in order.
    """

    database: Database
    url: str = ""
    secret: str = ""
    now: datetime = NOON
    count: int = 0
    passed_on: dict[str, str] = field(default_factory=dict)
    asked: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def story(self, *given: dict[str, Any], at: datetime | None = None, tags: Any = ()) -> int:
        """A new story of these reports; what is not given is plausible."""
        at = at or self.now
        with self.database.writing() as tx:
            ids = reports.add(tx, [self._report(at, tags, each) for each in given or ({},)])
            title = str((given or ({},))[0].get("title", f"Title {self.count}"))
            found = stories.found(tx, title=title, best=ids[0], now=at)
            stories.join(tx, [stories.NewMembership(found, i, i, FIRST, at) for i in ids])
            return found

    def grow(self, story: int, *, copy_of: int | None = None, source: str = "Hill Post") -> int:
        """A further report of a story, a minute later; a copy of another one, or a text of its own."""
        self.now += timedelta(minutes=1)
        with self.database.writing() as tx:
            (new,) = reports.add(tx, [self._report(self.now, (), {"source": source, "publisher": source})])
            stories.join(tx, [stories.NewMembership(story, new, copy_of or new, FIRST, self.now)])
            (loaded,) = stories.load(tx, [story], self.database.uuid)
            stories.show_best(tx, [stories.BestReport(story, loaded.title, loaded.members[0].id, self.now)])
            return new

    def _report(self, at: datetime, tags: Any, given: dict[str, Any]) -> Report:
        self.count += 1
        values: dict[str, Any] = {
            **{"source": "Harbour News", "publisher": "Harbour News"},
            **{"title": f"Title {self.count}", "text": f"Text {self.count}.", "language": "en"},
            **{"published": at, "dated": True, "seen": at, "url": f"https://harbour.example/{self.count}"},
            **{"authors": (), "tags": tuple(tags), "keys": (f"url:harbour.example/{self.count}",)},
        }
        return Report(**(values | given))

    def ask(self, path: str, data: str | None = None, **fields: str) -> Answer:
        """GET a path below the API's root, or POST a body to it."""
        query = f"?{urllib.parse.urlencode(fields)}" if fields else ""
        headers = dict(self.passed_on)
        if self.secret:
            headers["Authorization"] = f"{GOOGLE}{self.secret}"
        body = None if data is None else data.encode()
        request = urllib.request.Request(f"{self.url}{path}{query}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers)

    def api(self, path: str, data: str | None = None, **fields: str) -> Answer:
        """The same below ``/reader/api/0/``."""
        return self.ask(f"/reader/api/0/{path}", data, **fields)

    def waits_for(self, path: str) -> None:
        """Until a request of this path has been answered."""
        while self.asked.get(timeout=12) != path:
            pass

    def named(self, name: str = "ida") -> None:
        """Give a reader a name, and the app a session of theirs."""
        self.secret = f"session of {name}"
        with self.database.writing() as tx:
            reader = readers.add(tx, name, hashed(PASSWORD), self.now) or 0
            readers.begin(tx, reader, digest(self.secret), self.now + timedelta(days=1), self.now)

    def log_in(self, name: str, password: str = PASSWORD) -> Answer:
        """Log the app in."""
        said = urllib.parse.urlencode({"Email": name, "Passwd": password})
        answer = self.ask("/accounts/ClientLogin", said)
        self.secret = dict(line.partition("=")[::2] for line in answer.text.splitlines()).get("Auth", "")
        return answer


@contextmanager
def opened(database: Database) -> Iterator[Served]:
    """Serve a store."""
    served = Served(database)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    def noted(request: Request) -> Iterator[None]:
        yield
        served.asked.put(request.url.path)

    watched = APIRouter(dependencies=[Depends(noted)])
    service = greader.Service(
        database, lambda: SETTINGS, Visitors(database, lambda: served.now), lambda: served.now
    )

    watched.include_router(greader.router(service))

    async def go() -> None:
        try:
            async with site.listening(Serve(port=0), [watched]) as (address,):
                served.url = address
                ready.set()
                await stop.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(go(),))
    thread.start()
    try:
        ready.wait(20)
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
