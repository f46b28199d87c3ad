"""Stories are told once to each target, in order, and tried again: real servers for HTTP and mail."""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import aiosmtpd.controller
import aiosmtpd.smtp
import pytest
from aiohttp import web
from events import BUDGET, FIRE, FIRE_AGAIN, NOON, made

from aggregator.errors import PushError
from aggregator.fetch.fetcher import Fetcher
from aggregator.push import mail
from aggregator.push.outbox import Outbox
from aggregator.settings import Dedup, Fetching, FolderSource, Mail, Push, Serve, Settings, Target
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker

PEM = Path(__file__).resolve().parents[1] / "fetch" / "self_signed.pem"


class Desk:
    """A service that is told of stories: what came, and what it answers."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.address = ""

    @asynccontextmanager
    async def open(self) -> Any:
        async def take(request: web.Request) -> web.Response:
            self.came.append((dict(request.headers), await request.read()))
            return web.Response(status=self.status)

        app = web.Application()
        app.add_routes([web.post("/{tail:.*}", take)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield self
        finally:
            await runner.cleanup()

    def titles(self) -> list[str]:
        return [json.loads(body)["title"] for _, body in self.came]


class Teller:
    """A database into which reports come, and an outbox whose clock is set by hand."""

    def __init__(self, database: Any, fetcher: Fetcher, *targets: Target, post: Mail | None = None) -> None:
        self.database, self.now, self.linker, self.number = database, NOON, Linker(Dedup()), 0
        settings = Settings(
            sources=(FolderSource(name="Inbox", folder=Path()),),
            push=Push(targets=targets, mail=post or Mail()),
            serve=Serve(public_url="https://stories.example.org"),
        )
        self.outbox = Outbox(settings, database, fetcher, self.write, lambda: self.now)

    async def write(self, work: Callable[[Any], Any]) -> Any:
        with self.database.writing() as tx:
            return work(tx)

    def take(self, *words: tuple[str, str]) -> None:
        self.now += timedelta(seconds=1)
        reports = []
        for each in words:
            self.number += 1
            reports.append(made(each, self.number, seen=self.now))
        with self.database.writing() as tx:
            ingest(tx, self.linker, reports, self.now)

    async def after(self, **wait: int) -> int:
        self.now += timedelta(**wait)
        return await self.outbox.turn()


def play(database: Any, act: Callable[[Teller, Desk], Any], *targets: dict[str, Any]) -> None:
    """Act with an outbox that has these targets, at a desk."""

    async def go() -> None:
        async with Desk().open() as desk, Fetcher(Fetching(), "test") as fetcher:
            made = [
                Target(name="desk", webhook=desk.address, allow_private=True, **asked) for asked in targets
            ]
            teller = Teller(database, fetcher, *made)
            assert await teller.after(minutes=0) == 0
            await act(teller, desk)

    asyncio.run(go())


def test_a_story_is_told_once_and_signed(database):
    """What grows later is not told again; what was there before the first look is not told at all."""

    async def act(teller: Teller, desk: Desk) -> None:
        teller.take(FIRE)
        assert await teller.after(seconds=5) == 1
        teller.take(FIRE_AGAIN)
        assert await teller.after(seconds=5) == 0
        assert await teller.after(hours=1) == 0
        headers, body = desk.came[0]
        told = json.loads(body)
        assert told["title"].startswith("Ferry Aurelia")
        assert told["url"] == f"https://stories.example.org/stories/{told['id']}"
        assert told["reports"][0]["publisher"] == "Paper 1"
        expected = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
        assert headers["X-Aggregator-Signature-256"] == f"sha256={expected}"
        assert headers["Content-Type"] == "application/json"
        assert len(desk.came) == 1

    play(database, act, {"secret": "hush"})


def test_it_is_told_when_enough_publishers_have_it(database):
    """Not before; and a story that never fits is never told."""

    async def act(teller: Teller, desk: Desk) -> None:
        teller.take(FIRE, BUDGET)
        assert await teller.after(seconds=5) == 0
        teller.take(FIRE_AGAIN)
        assert await teller.after(seconds=5) == 1
        assert len(desk.came) == 1

    play(database, act, {"min_publishers": 2})


def test_a_target_that_fails_is_told_later_and_in_order(database):
    """The first that waits holds up the rest, so that they come as they happened."""

    async def act(teller: Teller, desk: Desk) -> None:
        desk.status = 500
        teller.take(FIRE)
        assert await teller.after(seconds=5) == 0
        teller.take(BUDGET)
        assert await teller.after(seconds=5) == 0
        assert len(desk.came) == 1, "the second was tried before the first was told"
        desk.status = 200
        assert await teller.after(seconds=5) == 0, "it was tried before its wait was over"
        assert await teller.after(minutes=2) == 2
        assert desk.titles()[1:] == [FIRE[0], BUDGET[0]]

    play(database, act, {})


def test_what_fails_for_a_day_is_given_up(database):
    """So that what is new can be told."""

    async def act(teller: Teller, desk: Desk) -> None:
        desk.status = 500
        teller.take(FIRE)
        for _ in range(3):
            assert await teller.after(hours=13) == 0
        desk.status = 200
        teller.take(BUDGET)
        assert await teller.after(hours=1) == 1
        assert desk.titles()[-1] == BUDGET[0]

    play(database, act, {})


def test_an_address_within_the_house_needs_leave(database):
    """As it does for a feed."""

    async def go() -> None:
        async with Desk().open() as desk, Fetcher(Fetching(), "test") as fetcher:
            teller = Teller(database, fetcher, Target(name="desk", webhook=desk.address))
            await teller.after(minutes=0)
            teller.take(FIRE)
            assert await teller.after(seconds=5) == 0
            assert desk.came == []

    asyncio.run(go())


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise imports it, and does without it later
def test_another_service_is_told_through_apprise(database):
    """By the URL of the service alone."""
    pytest.importorskip("apprise", reason="needs the extra 'notify'")

    async def go() -> None:
        async with Desk().open() as desk, Fetcher(Fetching(), "test") as fetcher:
            address = desk.address.replace("http://", "json://")
            teller = Teller(database, fetcher, Target(name="phone", notify=address))
            await teller.after(minutes=0)
            teller.take(FIRE)
            assert await teller.after(seconds=5) == 1
            told = json.loads(desk.came[0][1])
            assert told["title"] == FIRE[0]
            assert "Paper 1" in told["message"]

    asyncio.run(go())


# ---- mail ----


class Letters:
    """What a mail server took."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextmanager
def post_office(**options: Any) -> Any:
    """A mail server on loopback; gives its port and its letters."""
    letters = Letters()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = aiosmtpd.controller.Controller(letters, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port, letters
    finally:
        controller.stop()


def test_a_digest_is_one_letter_at_its_time(database):
    """As text and as HTML, with nothing in it that a report could have put there."""
    evil = ("<script>alert(1)</script> on the ferry", FIRE[1])

    async def go(port: int) -> None:
        async with Fetcher(Fetching(), "test") as fetcher:
            target = Target(name="evening", email=("me@example.org", "you@example.org"), at=("18:00",))
            post = Mail(host="127.0.0.1", port=port, security="none", sender="stories@example.org")
            teller = Teller(database, fetcher, target, post=post)
            await teller.after(minutes=0)
            teller.take(evil, BUDGET)
            assert await teller.after(hours=1) == 0
            assert await teller.after(hours=5) == 2
            assert await teller.after(hours=24) == 0

    with post_office() as (port, letters):
        asyncio.run(go(port))
    (letter,) = letters.taken
    assert letter["To"] == "me@example.org, you@example.org"
    assert letter["Subject"].startswith("2 stories: ")
    text = letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    assert BUDGET[0] in text
    assert "https://stories.example.org/stories/" in text
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_letter_is_not_sent_in_the_clear():
    """Where TLS is asked for and the server has none, or has a certificate that nobody vouches for."""
    letter = mail.composed(Mail(), ("me@example.org",), "s", "t", "h", NOON)
    with post_office() as (port, letters):
        with pytest.raises(PushError, match="STARTTLS"):
            mail.send(Mail(host="127.0.0.1", port=port), letter)
        assert letters.taken == []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(PEM)
    with post_office(tls_context=context) as (port, letters):
        with pytest.raises(PushError, match="certificate"):
            mail.send(Mail(host="127.0.0.1", port=port), letter)
        assert letters.taken == []
