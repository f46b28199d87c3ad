"""Sources that are added while the service runs: found, tried once, written, read again."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator import configuration
from aggregator.configuration import load
from aggregator.errors import AddressRefused, AggregatorError, ConfigurationError, ParseError
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll import pipeline as subject
from aggregator.poll.discover import SeveralFeeds
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.subscriber import NotWritten, Subscriber
from storage.database import Database

CONFIG = """\
# mine
database: sqlite:///{folder}/a.db
fetch: {{host_spacing: 0s}}
sources: {sources}
"""
INBOX = "\n  - name: Inbox   # stays\n    folder: {folder}/drop"
FEED = (
    "<rss version='2.0'><channel><title>Harbour &lt;b&gt;Gazette</title><item><title>Ferry</title>"
    "<link>https://a.example/1</link></item></channel></rss>"
)
PAGE = (
    "<html><head><link rel=alternate type=application/rss+xml href=/news.xml title=News>"
    "<link rel=alternate type=application/rss+xml href=/talk.xml title='Talk'></head></html>"
)
LIST = (
    "<opml version='2.0'><body><outline text='sea'><outline text='Coast' xmlUrl='https://coast.example/feed'/>"
    "</outline><outline text='Bad' xmlUrl='ftp://bad.example/'/></body></opml>"
)


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "drop").mkdir()
    path = tmp_path / "aggregator.yaml"
    path.write_text(CONFIG.format(folder=tmp_path, sources=INBOX.format(folder=tmp_path)), "utf-8")
    return path


@pytest.fixture
def at_home(monkeypatch) -> None:
    """The publisher is at this machine, and may be asked for once."""
    real = subject.Discovery
    monkeypatch.setattr(
        subject, "Discovery", lambda *given, **more: real(*given, **(more | {"allow_private": True}))
    )


def subscribed(config: Path, *calls):
    """What came of each call (or its error), and how often the configuration was to be read again."""
    outcomes, changes = [], []

    async def go() -> None:
        settings = load(config, {})
        with contextlib.closing(Database(settings.database)) as database:
            async with Fetcher(settings.fetch, "1") as fetcher, Parser(settings.parse) as parser:
                made = Pipeline(settings, database, fetcher, parser, lambda: NOW)

                def changed() -> None:
                    changes.append(1)
                    made.adopt(load(config, {}))

                subscriber = Subscriber(made, config, changed, {})
                for call in calls:
                    try:
                        outcomes.append(await call(subscriber))
                    except AggregatorError as error:
                        outcomes.append(error)

    asyncio.run(go())
    return outcomes, len(changes)


def add(url: str, name: str = "", tags: tuple[str, ...] = (), choice: int | None = None):
    return lambda subscriber: subscriber.add(url, name, tags, choice)


def take(body: str):
    return lambda subscriber: subscriber.take(body.encode())


def names(config: Path) -> list[str]:
    return [source.name for source in load(config, {}).sources]


def test_a_feed_is_added_by_its_title(config, origin, at_home):
    """What a person wrote stays; the same one again, by whatever name, is there already."""
    origin.pages["/feed.xml"] = FEED.encode()
    url = f"{origin.url}/feed.xml"
    outcomes, changes = subscribed(
        config, add(url, tags=("sea", "world")), add(url, "Another"), add("https://b.example/", "Inbox")
    )
    assert outcomes[0] == "Harbour <b>Gazette"
    assert "is there already: it is the source 'Harbour <b>Gazette'" in str(outcomes[1])
    assert "there is a source called 'Inbox' already" in str(outcomes[2])
    assert changes == 1
    added = load(config, {}).sources[1]
    assert (added.name, added.url, added.tags) == ("Harbour <b>Gazette", url, ("sea", "world"))
    assert "# mine" in config.read_text("utf-8")
    assert "name: Inbox   # stays" in config.read_text("utf-8")


def test_a_page_offers_its_feeds(config, origin, at_home):
    origin.pages["/"], origin.kinds["/"] = PAGE.encode(), "text/html"
    (outcome,), changes = subscribed(config, add(f"{origin.url}/"))
    assert isinstance(outcome, SeveralFeeds)
    assert [each.title for each in outcome.offers] == ["News", "Talk"]
    assert (changes, names(config)) == (0, ["Inbox"])


def test_no_private_network_is_reached_from_a_page(config, origin):
    origin.pages["/"] = FEED.encode()
    (outcome,), changes = subscribed(config, add(f"{origin.url}/"))
    assert isinstance(outcome, AddressRefused)
    assert (changes, origin.asked) == (0, [])


def test_a_list_is_taken(config):
    """Without asking anybody; what is wrong in it is named, and read again it adds nothing."""
    (first, again, wrong), changes = subscribed(config, take(LIST), take(LIST), take("<html/>"))
    assert [(plan.name, plan.refused) for plan in first] == [("Coast", False), ("Bad", True)]
    assert [plan.item is None for plan in again] == [True, True]
    assert isinstance(wrong, ParseError)
    assert (changes, names(config)) == (1, ["Inbox", "Coast"])
    assert load(config, {}).sources[1].tags == ("sea",)


def test_a_configuration_that_is_wrong_is_not_to_be_written_by_hand(config, tmp_path):
    """Somebody has broken it since the service read it: that is what is said."""

    async def broken(subscriber):
        config.write_text(config.read_text("utf-8") + "colour: red\n", "utf-8")
        return await subscriber.take(LIST.encode())

    (outcome,), changes = subscribed(config, broken)
    assert isinstance(outcome, ConfigurationError)
    assert not isinstance(outcome, NotWritten)
    assert "colour: unknown key" in str(outcome)
    assert changes == 0


def test_what_cannot_be_written_is_given_to_the_person(config, monkeypatch):
    """Nothing is written, and the lines are there to be put in by hand. (Root, who tests, may write all.)"""

    def refused(file: Path, _: str) -> None:
        raise ConfigurationError(f"{file} cannot be written: Permission denied")

    monkeypatch.setattr(configuration.writing, "replace", refused)
    before = config.read_text("utf-8")
    (outcome,), changes = subscribed(config, take(LIST))
    assert isinstance(outcome, NotWritten)
    assert "Permission denied" in str(outcome)
    assert outcome.lines == "- name: Coast\n  url: https://coast.example/feed\n  tags: [sea]\n"
    assert (changes, config.read_text("utf-8")) == (0, before)
