"""The service as the daemon wires it, a feed and its hub: real HTTP between them, and a real database."""

import hashlib
import hmac
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from aggregator.errors import SourceError
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.service import daemon
from aggregator.service.jobs import Jobs
from aggregator.settings import Settings
from storage import sources
from storage.database import Database

PUBLIC = "https://hooks.example/websub"
TOPIC = "https://gazette.example/feed"


def feed(hub: str | None, *titles: str, topic: str = TOPIC) -> bytes:
    links = f'<link rel="hub" href="{hub}"/><link rel="self" href="{topic}"/>' if hub else ""
    entries = "".join(
        f"<entry><id>tag:{title}</id><title>{title} makes itself heard</title>"
        f'<updated>2026-11-20T10:00:00Z</updated><link href="https://gazette.example/{title}"/>'
        f"<summary>{title} news from the harbour.</summary></entry>"
        for title in titles
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Gazette</title>{links}{entries}</feed>'.encode()


@dataclass
class World:
    """The service as the daemon wires it, a feed and a hub; the clock is the test's."""

    folder: Path
    given: dict[str, Any] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)
    forms: list[dict[str, str]] = field(default_factory=list)
    hub_says: int = 202
    feed: bytes = b""
    hub: str = ""
    ours: str = ""
    settings: Any = None
    pipeline: Any = None
    jobs: Any = None
    client: Any = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            outside = await stack.enter_async_context(self._outside())
            source = {"name": "A", "url": f"{outside}/feed", "allow_private": True}
            settings = Settings.model_validate(
                {
                    "database": f"sqlite:///{self.folder}/a.db",
                    "sources": [source | self.given.get("source", {})],
                    "fetch": {"host_spacing": "0s", "max_body_bytes": 5000},
                    "publish": {"directory": self.folder / "feeds"} | self.given.get("publish", {}),
                    "serve": {"port": 0} | self.given.get("serve", {}),
                    "websub": {"callback": PUBLIC} | self.given.get("websub", {}),
                }
            )
            database = stack.enter_context(closing(Database(settings.database)))
            fetcher = await stack.enter_async_context(Fetcher(settings.fetch, "1"))
            parser = await stack.enter_async_context(Parser(settings.parse))
            self.pipeline = Pipeline(settings, database, fetcher, parser, lambda: self.now)
            self.jobs = Jobs(self.pipeline, lambda: self.now, lambda: None)
            serving = daemon._serving(settings, database, self.pipeline, self.jobs)
            (self.ours,) = await stack.enter_async_context(serving)
            self.client = await stack.enter_async_context(aiohttp.ClientSession())
            self.settings, self.source = settings, settings.sources[0]
            yield

    @asynccontextmanager
    async def _outside(self) -> AsyncIterator[str]:
        """The publisher and the hub, on one server."""

        async def show(_: web.Request) -> web.Response:
            return web.Response(body=self.feed, content_type="application/atom+xml")

        async def subscribe(request: web.Request) -> web.Response:
            self.forms.append({name: str(value) for name, value in (await request.post()).items()})
            return web.Response(status=self.hub_says)

        app = web.Application()
        app.add_routes([web.get("/feed", show), web.post("/hub", subscribe)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            outside = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self.hub = f"{outside}/hub"
            self.feed = self.feed or feed(self.hub, "Harvest")
            yield outside
        finally:
            await runner.cleanup()

    async def poll(self) -> PollResult:
        polled: PollResult = await self.pipeline.poll(self.source)
        return polled

    async def ask(self) -> list[SourceError | None]:
        """What the tick does."""
        return [await self.pipeline.ask_hub(wanted) for wanted in self.pipeline.hubs.due()]

    async def call(
        self, method: str, form: int = -1, path: str | None = None, **given: Any
    ) -> tuple[int, str]:
        """What the web server in front passes on to us; status and body of our answer."""
        end = path or self.forms[form]["hub.callback"].removeprefix(PUBLIC)
        headers = {"Host": "hooks.example"} | given.pop("headers", {})
        async with self.client.request(
            method, f"{self.ours}/websub{end}", headers=headers, **given
        ) as answer:
            return answer.status, await answer.text()

    async def confirm(self, **change: str) -> tuple[int, str]:
        """The hub asks back."""
        query = {
            "hub.mode": "subscribe",
            "hub.topic": TOPIC,
            "hub.challenge": "c",
            "hub.lease_seconds": "864000",
        }
        return await self.call("GET", params=query | {f"hub.{name}": value for name, value in change.items()})

    async def send(self, body: bytes, secret: str | None = None, **headers: str) -> int:
        """The hub sends something, signed with the secret that it was given, or with another one."""
        key = (secret or self.forms[-1]["hub.secret"]).encode()
        signature = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        status, _ = await self.call("POST", data=body, headers={"X-Hub-Signature": signature} | headers)
        return status

    async def subscribed(self) -> None:
        """Polled, asked and confirmed."""
        await self.poll()
        assert await self.ask() == [None]
        assert await self.confirm() == (200, "c")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            return connection.execute(query).fetchall()

    def titles(self) -> list[str]:
        return sorted(title.split()[0] for (title,) in self.rows("SELECT title FROM report"))

    def rhythm(self) -> tuple[timedelta, str]:
        """How long until the next poll, and why then."""
        with self.pipeline._database.reading() as tx:
            state = sources.states(tx)["A"]
        assert state.due is not None
        return state.due - self.now, state.reason
