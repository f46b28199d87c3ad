"""Pages over a real store, served on loopback from a thread, for tests that look at them as browsers do."""

import asyncio
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

from desk import Desk

from aggregator.serve import api, feeds, pages, pictures, site
from aggregator.serve.visitors import Visitors
from aggregator.settings import Serve, Settings


@dataclass
class Shop:
    """A served store.

    Attributes:
        url: of its front page, without the slash at the end.
        desk: takes in what the pages show.

    """

    url: str
    desk: Desk


@contextmanager
def opened(desk: Desk, *, writable: bool = True, sources: Any = ()) -> Iterator[Shop]:
    """Serve what the desk has taken in."""
    visitors = Visitors(desk.database, lambda: desk.now)
    settings = Settings.model_validate({"database": "sqlite://", "sources": list(sources) or [PAPER]})
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []
    stop = asyncio.Event()

    async def go() -> None:
        shown = pictures.Pictures(desk.database, settings.fetch, settings.serve.pictures)
        served = pages.Desk(
            desk.database, lambda: settings, lambda: desk.now, visitors, shown, writable=writable
        )
        routers, mounted = [feeds.router(served), pages.router(served)], {api.PREFIX: api.application(served)}
        async with shown, site.listening(Serve(port=0), routers, mounted) as (address,):
            found.append(address)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(go(),))
    thread.start()
    try:
        assert ready.wait(20), "it does not listen"
        yield Shop(found[0], desk)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


PAPER = {"name": "Paper 0", "url": "https://paper0.example/feed", "tags": ["sea"]}


class Visitor:
    """A browser without script: it keeps cookies, follows redirects and sends forms.

    Args:
        url: of the front page.
        fields: of every request, beside the usual ones.

    """

    def __init__(self, url: str, **fields: str) -> None:
        self.url, self.at, self.status, self.text = url, url, 0, ""
        self.headers = Message()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self._opener.addheaders = list(fields.items())

    def get(self, path: str) -> str:
        """Go to a page; its text."""
        return self._ask(urllib.request.Request(self.url + path))

    def send(self, path: str, **values: object) -> str:
        """Send a form with the word of the page where the visitor is, unless it is given."""
        word = re.search('name="csrf" value="([^"]+)"', self.text)
        given = {"csrf": word[1] if word else ""} | values
        body = urllib.parse.urlencode(given, doseq=True).encode()
        return self._ask(urllib.request.Request(self.url + path, body))

    def post(self, path: str, body: bytes, kind: str) -> str:
        """Send a body of a kind as it is."""
        return self._ask(urllib.request.Request(self.url + path, body, {"Content-Type": kind}))

    def _ask(self, request: urllib.request.Request) -> str:
        try:
            answer = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.status, self.headers, self.at = answer.status, answer.headers, answer.url
            self.text = answer.read().decode()
        return self.text
