"""WebSub from end to end: what a hub sends comes by itself, and who is no hub gets nowhere."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from hub import PUBLIC, TOPIC, World, feed

from aggregator.configuration import load
from aggregator.errors import ConfigurationError
from storage import paused_sources
from storage.paused_sources import PausedSource


@pytest.fixture
def live(tmp_path) -> Callable[..., None]:
    """Runs a test's steps in a running world."""

    def run(steps: Callable[[World], Awaitable[None]], **given: Any) -> None:
        world = World(tmp_path, given)

        async def all_of_it() -> None:
            async with world.running():
                await steps(world)

        asyncio.run(all_of_it())

    return run


def test_what_is_new_comes_by_itself(live):
    """Asked, confirmed, sent, taken in, published, and there once; polled once a day from then on."""

    async def steps(world: World) -> None:
        assert (await world.poll()).new == 1
        assert world.rhythm()[0] < timedelta(minutes=17), "nobody has confirmed anything yet"
        assert await world.ask() == [None]
        form = world.forms[0]
        assert form["hub.mode"] == "subscribe"
        assert form["hub.topic"] == TOPIC
        assert len(form["hub.callback"]) == len(f"{PUBLIC}/") + 43
        assert await world.confirm() == (200, "c")
        world.now += timedelta(minutes=20)
        await world.poll()
        wait, why = world.rhythm()
        assert timedelta(hours=23) < wait <= timedelta(days=1)
        assert why.startswith("a hub tells what is new until ")
        world.jobs._changed = False
        assert await world.send(feed(world.hub, "Tunnel")) == 202
        assert world.titles() == ["Harvest", "Tunnel"]
        assert world.jobs._changed
        world.feed = feed(world.hub, "Tunnel", "Harvest")
        polled = await world.poll()
        assert (polled.new, polled.revised) == (0, 0)
        assert await world.send(feed(world.hub, "Tunnel")) == 202
        assert len(world.titles()) == 2

    live(steps)


def test_what_nobody_has_signed_is_dropped(live, caplog):
    """Another secret, no signature, a weak one: taken without a word, and nothing of it is kept."""

    async def steps(world: World) -> None:
        await world.subscribed()
        body = feed(world.hub, "Forged")
        weak = hmac.new(world.forms[-1]["hub.secret"].encode(), body, hashlib.sha1).hexdigest()
        assert await world.send(body, secret="guessed") == 202
        assert await world.call("POST", data=body) == (202, "")
        assert await world.send(body, **{"X-Hub-Signature": f"sha1={weak}"}) == 202
        assert world.titles() == ["Harvest"]

    with caplog.at_level(logging.WARNING):
        live(steps)
    assert sum("its hub has not signed" in record.getMessage() for record in caplog.records) == 3


def test_a_reload_says_how_long_a_body_may_be(live):
    """What a hub may send is bound by the settings of now, not by those of the start."""

    async def story(world: World) -> None:
        await world.subscribed()
        body = feed(world.hub, "Harvest", "Regatta") + b" " * 6000
        assert await world.send(body) == 413
        fetch = world.settings.fetch.model_copy(update={"max_body_bytes": 9000})
        world.pipeline.adopt(world.settings.model_copy(update={"fetch": fetch}))
        assert await world.send(body) == 202

    live(story)


def test_nobody_learns_anything_without_the_address(live):
    """What is not known is not found; other methods, sizes and codings are refused; the rest stays closed."""

    async def steps(world: World) -> None:
        await world.subscribed()
        unknown = f"/{'x' * 43}"
        assert (await world.call("GET", path=unknown, params={"hub.mode": "subscribe"}))[0] == 404
        assert (await world.call("POST", path=unknown, data=b"x" * 100_000))[0] == 410
        assert (await world.call("PUT"))[0] == 405
        assert await world.send(b"x" * 5001) == 413

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b"x" * 1000

        assert (await world.call("POST", data=endless()))[0] == 413
        assert await world.send(feed(world.hub, "Bomb"), **{"Content-Encoding": "gzip"}) in (400, 415)
        async with world.client.get(f"{world.ours}/healthz", headers={"Host": "hooks.example"}) as answer:
            assert answer.status == 421
        assert world.titles() == ["Harvest"]

    live(steps)


@pytest.mark.parametrize(
    "change", [{"topic": "https://other.example/"}, {"mode": "unsubscribe"}, {"challenge": ""}]
)
def test_only_what_we_meant_is_confirmed(live, change):
    """Everything else is not found, and changes nothing."""

    async def steps(world: World) -> None:
        await world.poll()
        await world.ask()
        assert (await world.confirm(**change))[0] == 404
        assert world.rows("SELECT until FROM subscription") == [(None,)]
        world.now += timedelta(days=2)
        assert (await world.confirm())[0] == 404, "we asked too long ago"

    live(steps)


def test_a_subscription_is_renewed_before_it_ends_and_else_the_feed_is_polled_as_before(live):
    """Under the same address and secret; when the lease is over the hub counts no more."""

    async def steps(world: World) -> None:
        await world.subscribed()
        assert await world.ask() == []
        world.now += timedelta(days=8, minutes=1)
        assert await world.ask() == [None]
        first, second = world.forms
        assert first == second
        world.now += timedelta(days=3)
        await world.poll()
        assert "hub" not in world.rhythm()[1]
        assert await world.ask() == [None]
        await world.confirm()
        world.now += timedelta(hours=1)
        await world.poll()
        assert "hub" in world.rhythm()[1]

    live(steps)


def test_a_restart_remembers_it(live):
    """Nothing of it is in memory alone."""

    async def first(world: World) -> None:
        await world.subscribed()
        world_forms.extend(world.forms)

    async def second(world: World) -> None:
        world.forms = world_forms
        assert await world.ask() == []
        assert await world.send(feed(world.hub, "Tunnel")) == 202
        assert world.titles() == ["Harvest", "Tunnel"]

    world_forms: list[dict[str, str]] = []
    live(first)
    live(second)


def test_a_hub_that_fails_is_asked_again_later(live):
    """Ever more rarely; the feed is polled as if there were none."""

    async def steps(world: World) -> None:
        world.hub_says = 500
        await world.poll()
        waits = []
        for _ in range(8):
            (error,) = await world.ask()
            assert "500" in str(error)
            started = world.now
            while not world.pipeline.hubs.due():
                world.now += timedelta(minutes=30)
            waits.append((world.now - started) / timedelta(hours=1))
        assert waits == [1, 2, 4, 8, 16, 24, 24, 24]
        assert (await world.poll()).error is None
        assert "hub" not in world.rhythm()[1]

    live(steps)


def test_a_refusal_is_kept_and_the_feed_polled(live):
    """A hub may end what it began."""

    async def steps(world: World) -> None:
        await world.subscribed()
        assert await world.confirm(mode="denied", reason="too many") == (200, "")
        assert world.rows("SELECT until, said FROM subscription") == [(None, "the hub has refused: too many")]
        await world.poll()
        assert "hub" not in world.rhythm()[1]

    live(steps)


def test_another_hub_is_another_subscription(live):
    """With a new address and secret; the old ones open nothing. Without a hub there is none."""

    async def steps(world: World) -> None:
        await world.subscribed()
        world.feed = feed(world.hub, "Harvest", topic=f"{TOPIC}2")
        await world.poll()
        await world.ask()
        old, new = world.forms
        assert old["hub.callback"] != new["hub.callback"]
        assert old["hub.secret"] != new["hub.secret"]
        assert (await world.call("POST", form=0, data=b"x"))[0] == 410
        world.feed = feed(None, "Harvest")
        await world.poll()
        assert world.rows("SELECT * FROM subscription") == []
        assert (await world.call("POST", form=1, data=b"x"))[0] == 410

    live(steps)


def test_what_is_no_feed_costs_nothing(live):
    """The hub is told that it came; a later poll will tell."""

    async def steps(world: World) -> None:
        await world.subscribed()
        assert await world.send(b"<html>hello</html>") == 202
        assert world.titles() == ["Harvest"]
        assert (await world.poll()).error is None

    live(steps)


def test_without_a_public_address_no_hub_is_asked(live):
    """Nothing is written down either."""

    async def steps(world: World) -> None:
        await world.poll()
        assert world.rows("SELECT * FROM subscription") == []
        assert world.pipeline.hubs.due() == []

    live(steps, websub={"callback": None})


def test_a_callback_wants_somebody_who_answers(tmp_path):
    """The two settings contradict each other, and `check` says so."""
    file = tmp_path / "a.yaml"
    file.write_text(f"sources: [{{name: A, url: '{TOPIC}'}}]\nwebsub: {{callback: '{PUBLIC}'}}\n")
    assert load(file, {}).websub.callback == PUBLIC
    with pytest.raises(ConfigurationError, match=r"nothing answers there while serve.enabled is false"):
        load(file, {"AGGREGATOR_SERVE__ENABLED": "false"})


def test_a_feed_cannot_send_us_into_a_private_network(tmp_path):
    """A hub is dialled under the rule of its source."""

    async def steps() -> None:
        world = World(tmp_path)
        async with world.running():
            await world.poll()
        guarded = World(tmp_path, {"source": {"allow_private": False}})
        async with guarded.running():
            (error,) = await guarded.ask()
            assert "127.0.0.1 is this machine" in str(error)
            assert (world.forms, guarded.forms) == ([], [])

    asyncio.run(steps())


def test_what_a_hub_sends_of_a_paused_source_is_dropped(live):
    """A person paused it: nothing comes in until they resume it."""

    async def steps(world: World) -> None:
        await world.subscribed()
        with world.pipeline._database.writing() as tx:
            paused_sources.put(tx, PausedSource("A", world.now), world.now)
        await world.send(feed(world.hub, "Harvest", "Tempest"))
        assert world.titles() == ["Harvest"]
        with world.pipeline._database.writing() as tx:
            paused_sources.drop(tx, ["A"])
        await world.send(feed(world.hub, "Harvest", "Tempest"))
        assert world.titles() == ["Harvest", "Tempest"]

    live(steps)
