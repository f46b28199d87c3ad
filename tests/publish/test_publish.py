"""From stories to files."""

import json
import os
from uuid import UUID

import feedparser
import pytest

from aggregator.errors import PublishError
from aggregator.publish import publish
from aggregator.settings import Publish, PublishedFeed


@pytest.fixture
def settings(tmp_path):
    return Publish(
        directory=tmp_path / "feeds",
        home="https://stories.example/feeds/",
        title="The wire",
        feeds=(
            PublishedFeed(name="all", formats=("rss", "atom", "json")),
            PublishedFeed(name="big", formats=("json",), title="Big news", min_publishers=3),
        ),
    )


def load(settings, name):
    return json.loads((settings.directory / name).read_bytes())


def test_each_feed_is_written_in_each_of_its_formats(settings, story, namespace):
    """The files are named after feed and format, and returned in that order."""
    changed = publish(settings, [story(1), story(2, reports=3)], namespace)
    assert [path.name for path in changed] == ["all.rss", "all.atom", "all.json", "big.json"]
    assert sorted(path.name for path in settings.directory.iterdir()) == sorted(path.name for path in changed)
    assert all(path.parent == settings.directory for path in changed)


def test_each_feed_takes_its_own_stories(settings, story, namespace):
    """What one feed leaves out, another may show."""
    publish(settings, [story(1), story(2, reports=3)], namespace)
    shown = {
        name: [item["title"][:7] for item in load(settings, name)["items"]]
        for name in ("all.json", "big.json")
    }
    assert shown == {"all.json": ["Ferry 2", "Ferry 1"], "big.json": ["Ferry 2"]}


def test_only_what_changed_is_written(settings, story, namespace):
    """Again with the same stories nothing is; with a new one only the feeds that show it are."""
    stories = [story(1), story(2, reports=3)]
    publish(settings, stories, namespace)
    assert publish(settings, list(reversed(stories)), namespace) == []
    changed = publish(settings, [*stories, story(3, reports=2)], namespace)
    assert [path.name for path in changed] == ["all.rss", "all.atom", "all.json"]


def test_titles_and_addresses_come_from_the_settings(settings, namespace):
    """A feed without a title has the common one and its name; it lives in the home, under its file name."""
    publish(settings, [], namespace)
    assert (load(settings, "all.json")["title"], load(settings, "big.json")["title"]) == (
        "The wire: all",
        "Big news",
    )
    assert load(settings, "big.json")["feed_url"] == "https://stories.example/feeds/big.json"
    assert load(settings, "big.json")["home_page_url"] == "https://stories.example/feeds"


def test_a_feeds_id_is_its_own_and_stays(settings, tmp_path, namespace):
    """Ids differ between feeds and installations, not between homes, titles and runs."""

    def atom_ids(changes, space):
        feeds = (PublishedFeed(name="a", formats=("atom",)), PublishedFeed(name="b", formats=("atom",)))
        published = settings.model_copy(update={"feeds": feeds, **changes})
        publish(published, [], space)
        return [
            feedparser.parse((published.directory / f"{name}.atom").read_bytes()).feed.id for name in "ab"
        ]

    first = atom_ids({}, namespace)
    assert len(set(first)) == 2
    assert atom_ids({"home": None, "title": "Moved", "directory": tmp_path / "there"}, namespace) == first
    assert not set(atom_ids({}, UUID(int=1))) & set(first)


def test_an_empty_database_publishes_empty_feeds(settings, namespace):
    """The files are there from the first run on, so that readers can subscribe."""
    assert len(publish(settings, [], namespace)) == 4
    assert load(settings, "all.json")["items"] == []
    assert publish(settings, [], namespace) == []


def test_a_full_disk_is_one_error(settings, story, namespace, monkeypatch):
    """The error comes through with the file's name; what was published before stands."""
    publish(settings, [story(1)], namespace)
    before = {path.name: path.read_bytes() for path in settings.directory.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublishError, match=r"all\.rss"):
        publish(settings, [story(1), story(2)], namespace)
    assert {path.name: path.read_bytes() for path in settings.directory.iterdir()} == before
