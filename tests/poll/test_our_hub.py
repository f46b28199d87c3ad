"""Our own hub from end to end: a real subscriber's server is confirmed and told; who is none gets nowhere."""

import asyncio
import base64
import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import feedparser
import pytest
from aiohttp import web
from hub import World, feed
from prepared import configure

from aggregator.poll.named_feeds import hub_of
from aggregator.serve import visitors
from storage import hub_subscriptions, readers

PUBLIC = "https://news.example"
TOPIC = f"{PUBLIC}/feeds/all.atom"
SOON = timedelta(seconds=16)


class Reader:
    """A server that subscribes: what it was asked and told, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.echoes, self.status, self.address = True, 200, ""
        self.fields: dict[str, str] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Reader"]:
        async def confirm(request: web.Request) -> web.Response:
            self.asked.append(dict(request.query))
            return web.Response(text=request.query["hub.challenge"] if self.echoes else "?")

        async def take(request: web.Request) -> web.Response:
            self.told.append((dict(request.headers), await request.read()))
            return web.Response(status=self.status, headers=self.fields)

        app = web.Application()
        app.add_routes([web.get("/told", confirm), web.post("/told", take)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.address = f"http://127.0.0.1:{runner.addresses[0][1]}/told?who=me"
            yield self
        finally:
            await runner.cleanup()


TOKEN = {"Host": "news.example", "Authorization": f"Basic {base64.b64encode(b'ida:token').decode()}"}


def ours(world: World) -> str:
    """The end of the address of our hub, as a feed names it."""
    return (hub_of(world.settings, world.pipeline._database) or f"{PUBLIC}/hub/{'0' * 32}").removeprefix(
        PUBLIC
    )


async def ask(world: World, reader: Reader, headers: Any = None, **fields: str) -> tuple[int, str]:
    """A subscriber asks our hub; status and body of our answer."""
    form = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": reader.address}
    form |= {f"hub.{name}": value for name, value in fields.items()}
    sent = {"Host": "news.example"} | (headers or {})
    async with world.client.post(f"{world.ours}{ours(world)}", data=form, headers=sent) as answer:
        return answer.status, await answer.text()


def standing(world: World) -> int:
    with world.pipeline._database.reading() as tx:
        return len(hub_subscriptions.standing(tx, world.now))


@pytest.fixture
def live(tmp_path) -> Callable[..., None]:
    """Runs a test's steps with a service that has one report, and with a subscriber's server."""

    def run(steps: Callable[[World, Reader], Awaitable[None]], hub: str = "private") -> None:
        given = {
            "websub": {"hub": hub},
            "serve": {"public_url": PUBLIC},
            "publish": {"feeds": [{"name": "all", "formats": ["atom"]}]},
        }
        world, reader = World(tmp_path, given), Reader()

        async def all_of_it() -> None:
            async with world.running(), reader.open():
                await world.poll()
                with world.pipeline._database.writing() as tx:
                    ida = readers.add(tx, "ida", "no password fits this", world.now)
                    readers.give(tx, ida, visitors.digest("token"), "reader", "read", world.now)
                await world.pipeline.tell_subscribers()
                await steps(world, reader)

        asyncio.run(all_of_it())

    return run


def test_a_subscriber_is_confirmed_and_told_what_is_new(live):
    """Asked back with a challenge; then the feed, signed, each time that it has changed and only then."""

    async def steps(world: World, reader: Reader) -> None:
        status, said = await ask(world, reader, secret="s3cret", lease_seconds="7200")
        assert (status, said, standing(world)) == (202, "", 0)
        assert await world.pipeline.tell_subscribers() == 1
        (asked,) = reader.asked
        assert asked.pop("hub.challenge")
        assert asked == {
            "who": "me",
            "hub.mode": "subscribe",
            "hub.topic": TOPIC,
            "hub.lease_seconds": "7200",
        }
        (fields, body), *_ = reader.told
        key = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert fields["X-Hub-Signature"] == f"sha256={key}"
        assert fields["Link"] == f'<{PUBLIC}{ours(world)}>; rel="hub", <{TOPIC}>; rel="self"'
        read = feedparser.parse(body)
        assert [each.title.split()[0] for each in read.entries] == ["Harvest"]
        assert {link.rel: link.href for link in read.feed.links}["hub"] == f"{PUBLIC}{ours(world)}"
        async with world.client.get(f"{world.ours}/feeds/all.atom", headers=TOKEN) as answer:
            assert (await answer.read(), answer.headers["Link"]) == (body, fields["Link"])
        world.now += SOON
        assert await world.pipeline.tell_subscribers() == 0
        world.feed = feed(world.hub, "Harvest", "Tempest")
        world.now += timedelta(hours=1)
        await world.poll()
        assert await world.pipeline.tell_subscribers() == 1
        assert b"Tempest" in reader.told[-1][1]
        world.now += timedelta(hours=1)
        assert standing(world) == 0, "the lease has ended"

    live(steps)


def test_what_fails_is_told_later_and_who_wants_no_more_is_left_alone(live):
    """A failure puts the subscriber off; a 410, or a request that it confirms, ends the subscription."""

    async def steps(world: World, reader: Reader) -> None:
        reader.status = 500
        await ask(world, reader)
        assert await world.pipeline.tell_subscribers() == 0
        world.now += SOON
        assert await world.pipeline.tell_subscribers() == 0
        assert len(reader.told) == 1, "not at once again"
        reader.status = 200
        world.now += timedelta(hours=1)
        assert await world.pipeline.tell_subscribers() == 1
        assert "X-Hub-Signature" not in reader.told[-1][0]
        await ask(world, reader, mode="unsubscribe")
        await world.pipeline.tell_subscribers()
        assert standing(world) == 0
        reader.status = 410
        await ask(world, reader)
        world.now += SOON
        await world.pipeline.tell_subscribers()
        assert standing(world) == 0

    live(steps)


def test_who_does_not_confirm_is_never_told(live):
    """It says something else than the challenge."""

    async def steps(world: World, reader: Reader) -> None:
        reader.echoes = False
        assert (await ask(world, reader))[0] == 202
        assert await world.pipeline.tell_subscribers() == 0
        assert (standing(world), reader.told) == (0, [])

    live(steps)


def test_private_networks_are_told_only_where_that_is_said(live):
    """Whoever asks: the guard of the network is in front of the callback too."""

    async def private(world: World, reader: Reader) -> None:
        assert (await ask(world, reader))[0] == 202
        assert await world.pipeline.tell_subscribers() == 0
        assert (standing(world), reader.asked) == (0, [])

    live(private, hub="public")


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"mode": "publish"}, 400, "hub.mode"),
        ({"topic": "https://elsewhere.example/feed"}, 400, "hub.topic"),
        ({"topic": f"{PUBLIC}/feeds/none.atom"}, 400, "hub.topic"),
        ({"callback": "ftp://a.example/"}, 400, "hub.callback"),
        ({"callback": "https://me:pass@a.example/"}, 400, "hub.callback"),
        ({"callback": "https://[a.example/"}, 400, "hub.callback"),
        ({"callback": "https://a.example/\r\nX: y"}, 400, "hub.callback"),
        ({"callback": "https://a.example/" + "a" * 2000}, 400, "hub.callback"),
        ({"secret": "s" * 201}, 400, "hub.secret"),
        ({"lease_seconds": "-1"}, 400, "hub.lease_seconds"),
        ({"lease_seconds": "9" * 12}, 202, ""),
    ],
)
def test_what_cannot_be_had_is_said(live, fields, status, said):
    """In words; and nothing is asked back."""

    async def steps(world: World, reader: Reader) -> None:
        answered, text = await ask(world, reader, **fields)
        assert answered == status
        assert text.startswith(said)

    live(steps)


def test_neither_browsers_nor_a_crowd_get_in(live):
    """A page of another site must not subscribe its server; and what waits is bounded."""

    async def steps(world: World, reader: Reader) -> None:
        for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
            assert (await ask(world, reader, {name: value}))[0] == 403
        files = {"hub.mode": io.BytesIO(b"a file")}
        async with world.client.post(f"{world.ours}{ours(world)}", data=files) as answer:
            assert answer.status == 400
        for number in range(50):
            assert (await ask(world, reader, callback=f"{reader.address}&n={number}"))[0] == 202
        assert (await ask(world, reader))[0] == 503

    live(steps)


@pytest.mark.parametrize(
    "taken", [("remove", "ida"), ("token", "ida", "reader", "--revoke")], ids=["reader", "token"]
)
def test_who_may_not_read_any_more_is_told_nothing(live, aggregator, tmp_path, monkeypatch, taken):
    """Their subscriptions end, and the address that they knew is none; strangers never learn it."""

    async def steps(world: World, reader: Reader) -> None:
        before = ours(world)
        await ask(world, reader)
        await world.pipeline.tell_subscribers()
        assert standing(world) == 1
        configure(tmp_path, database=f"sqlite:///{tmp_path}/a.db")
        monkeypatch.setenv("AGGREGATOR_CONFIG", f"{tmp_path}/a.yaml")
        done = await asyncio.to_thread(aggregator, "user", *taken)
        assert (done.status, standing(world)) == (0, 0)
        await world.pipeline.tell_subscribers()
        assert ours(world) != before
        here = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": reader.address}
        async with world.client.post(f"{world.ours}{before}", data=here) as answer:
            assert answer.status == 404
        async with world.client.get(
            f"{world.ours}/feeds/all.atom", headers={"Host": "news.example"}
        ) as answer:
            assert (answer.status, "Link" in answer.headers) == (401, False)

    live(steps)


def test_a_subscriber_who_asks_for_patience_gets_it(live):
    """A 429 holds for its host, as it does of every other server; not even a new request is confirmed."""

    async def steps(world: World, reader: Reader) -> None:
        await ask(world, reader)
        reader.status, reader.fields = 429, {"Retry-After": "7200"}
        await world.pipeline.tell_subscribers()
        world.now += timedelta(minutes=110)
        world.pipeline.waiting()  # each tick learns who is left alone
        await ask(world, reader, callback=f"{reader.address}&another=one")
        await world.pipeline.tell_subscribers()
        assert (len(reader.asked), len(reader.told)) == (1, 1)
        reader.status, reader.fields = 200, {}
        world.now += timedelta(minutes=11)
        assert await world.pipeline.tell_subscribers() == 1

    live(steps)


def test_there_is_no_hub_unless_it_is_wanted(live):
    """Not found, and no feed names one."""

    async def steps(world: World, reader: Reader) -> None:
        assert (await ask(world, reader))[0] == 404
        async with world.client.get(f"{world.ours}/feeds/all.atom", headers=TOKEN) as answer:
            assert (answer.status, "Link" in answer.headers) == (200, False)
            assert b'"hub"' not in await answer.read()

    live(steps, hub="none")
