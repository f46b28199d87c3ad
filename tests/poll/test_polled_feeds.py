"""Feeds, from real HTTP into a real database file: nothing is doubled, nothing is lost."""

import pytest
from workbench import failing, item, poison

from aggregator.errors import StoreError
from aggregator.poll import ingestion
from aggregator.poll import pipeline as subject
from aggregator.poll.pipeline import Pipeline


def test_a_second_poll_is_conditional_and_doubles_nothing(feed, origin, rss):
    """The entity tag goes back byte for byte, a 304 comes, and everything is there once."""
    origin.pages["/a"] = rss(item(1), item(2))
    polled = feed.poll(2)
    assert (polled.new, polled.unchanged, polled.error) == (0, True, None)
    (_, first, asked_first), (_, second, asked_again) = origin.asked
    assert (first, second) == (200, 304)
    assert asked_first["If-None-Match"] is None
    assert asked_again["If-None-Match"] == feed.state("A").etag
    assert feed.titles() == sorted([item(1)["title"], item(2)["title"]])
    assert feed.parsed == ["feed"]
    assert (feed.state("A").fresh, feed.state("A").unchanged) == (1, 1)


def test_an_unchanged_body_is_not_parsed_again(feed, origin, rss):
    """A server without validators sends the same bytes, and they are known by their digest."""
    origin.tags = False
    origin.pages["/a"] = rss(item(1))
    polled = feed.poll(3)
    assert polled.unchanged
    assert [status for _, status, _ in origin.asked] == [200, 200, 200]
    assert feed.parsed == ["feed"]


def test_a_damaged_feed_gives_its_good_entries_and_stores_no_validator(feed, origin, rss):
    """What was cut off is asked for again, without a condition; what was saved is there once."""
    whole = rss(item(1), item(2), item(3))
    origin.pages["/a"] = whole[: whole.index(b"<item>", whole.index(b"tag:2")) + 30]
    polled = feed.poll()
    assert polled.warning
    assert polled.new == 2
    state = feed.state("A")
    assert (state.etag, state.last_modified, state.body_hash) == (None, None, None)
    origin.pages["/a"] = whole
    assert feed.poll().new == 1
    assert origin.asked[-1][2]["If-None-Match"] is None
    assert len(feed.titles()) == 3


def test_what_a_feed_no_longer_shows_stays(feed, origin, rss):
    """Absence is no deletion, not even that of everything."""
    origin.pages["/a"] = rss(item(0), item(1))
    feed.poll()
    for shown in ([item(1)], []):
        origin.pages["/a"] = rss(*shown)
        assert feed.poll().error is None
        assert feed.titles() == sorted([item(0)["title"], item(1)["title"]])


def test_an_entry_that_changes_is_a_revision(feed, origin, rss):
    """The same guid with other words is the same report."""
    origin.pages["/a"] = rss(item(1), item(2))
    feed.poll()
    origin.pages["/a"] = rss(item(1, title="Tunnel 1 is flooded"), item(2))
    polled = feed.poll()
    assert (polled.new, polled.revised) == (0, 1)
    assert "Tunnel 1 is flooded" in feed.titles()
    assert len(feed.titles()) == 2


@pytest.mark.parametrize("with_links", [True, False])
def test_a_new_guid_at_every_poll_doubles_nothing(feed, origin, rss, with_links):
    """Their entries are known by address, and without one by what they say and when."""
    for poll in range(3):
        items = [item(number, guid=f"{poll}-{number}") for number in range(3)]
        if not with_links:
            items = [{name: text for name, text in each.items() if name != "link"} for each in items]
        origin.pages["/a"] = rss(*items)
        feed.poll()
    assert feed.titles() == sorted(item(number)["title"] for number in range(3))


@pytest.mark.parametrize("size", [100, 3])
@pytest.mark.parametrize("poisoned", [None, 3])
def test_who_is_who_is_decided_with_the_whole_body_in_view(feed, origin, rss, monkeypatch, size, poisoned):
    """Today's news stands where yesterday's was, which has moved: in one transaction or in several."""
    monkeypatch.setattr(ingestion, "_BATCH", size)
    front = "https://gazette.example/front"
    origin.pages["/a"] = rss(item(0, link=front))
    feed.poll()
    feed.clock.later(hours=2)
    today = item(9, link=front, pubDate="Fri, 20 Nov 2026 11:30:00 GMT")
    origin.pages["/a"] = rss(item(0), *map(item, range(1, 7)), today)
    if poisoned is not None:
        poison(monkeypatch, item(poisoned)["title"])
    polled = feed.poll()
    expected = {item(n)["title"] for n in (*range(7), 9)}
    if poisoned is not None:
        expected.remove(item(poisoned)["title"])
    assert set(feed.titles()) == expected
    assert polled.new == len(expected) - 1


def test_reports_come_before_validators(feed, origin, rss, monkeypatch):
    """A crash in the last transaction loses the validators: all is asked for again, and none doubled."""
    monkeypatch.setattr(ingestion, "_BATCH", 3)
    origin.pages["/a"] = rss(*map(item, range(8)))
    failing(monkeypatch, subject.sources, "save", StoreError("the power is gone"))
    with pytest.raises(StoreError):
        feed.poll()
    assert len(feed.titles()) == 6, "two of three transactions stand"
    polled = feed.poll()
    assert polled.new == 2
    assert [asked["If-None-Match"] for _, _, asked in origin.asked] == [None, None]
    assert feed.titles() == sorted(item(number)["title"] for number in range(8))
    assert feed.state("A").etag


def test_a_feed_is_polled_when_it_is_due(feed, origin, rss):
    """Due times live in the database: a restart polls nothing early."""
    origin.pages["/a"] = rss(item(1))

    async def names(pipeline: Pipeline) -> list[str]:
        return [source.name for source in pipeline.waiting()]

    assert feed.run(names) == [["A"]]
    feed.run(lambda pipeline: pipeline.poll(feed.settings.sources[0]))
    assert feed.run(names) == [[]]
    feed.clock.later(minutes=20)
    assert feed.run(names) == [["A"]]


def test_what_is_gone_is_polled_no_more_and_nobody_may(feed, origin):
    """410: not by its due time, not by a person."""
    origin.pages["/a"] = 410
    feed.poll()
    feed.clock.later(days=300)

    async def chosen(pipeline: Pipeline) -> tuple[object, ...]:
        return pipeline.waiting(), pipeline.allowed(), pipeline.next_wait()

    assert feed.run(chosen) == [([], [], None)]
