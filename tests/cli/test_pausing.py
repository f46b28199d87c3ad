"""Sources that a person has paused: by nobody polled, until they said, and said so."""

from datetime import UTC, datetime, timedelta

import pytest
from events import FIRE
from prepared import configure, drop

from aggregator.poll.poll_queue import PollQueue
from aggregator.service import daemon
from aggregator.settings import Settings
from storage import paused_sources
from storage.paused_sources import PausedSource

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch) -> list[datetime]:
    """The present time; a test changes it."""
    moments = [NOON]
    monkeypatch.setattr(daemon, "now", lambda: moments[0])
    return moments


def asked(origin, path: str) -> int:
    return [each for each, _, _ in origin.asked].count(path)


def test_a_paused_source_is_left_alone_until_it_is_resumed(aggregator, tmp_path, origin, rss, clock):
    """Not even `once --all` asks it; `sources` says why; resumed it is polled as soon as it is due."""
    origin.pages |= {"/a": rss({"guid": "1", "title": "One"}), "/b": rss({"guid": "2", "title": "Two"})}
    configure(tmp_path, *({"name": n, "url": f"{origin.url}/{n}", "allow_private": True} for n in ("a", "b")))
    assert aggregator("pause", "a").out == "1 source paused until `aggregator resume`\n"
    aggregator("once", "--all")
    assert (asked(origin, "/a"), asked(origin, "/b")) == (0, 1)
    (said,) = aggregator("sources", "a", "--json").objects
    assert (said["state"], said["next_poll"]) == ("paused", None)
    assert said["why"] == "paused by a person until it is resumed"
    assert aggregator("resume", "a", "b").out == "1 source resumed\n"
    assert aggregator("resume", "a").out == "not paused; nothing was changed\n"
    aggregator("once")
    assert asked(origin, "/a") == 1


def test_a_pause_ends_by_itself(aggregator, clock):
    """A drop folder too can be paused: its files wait."""
    drop(FIRE)
    assert aggregator("pause", "Inbox", "--for", "2h").out == "1 source paused until 2026-11-20 14:00 UTC\n"
    clock[0] += timedelta(minutes=119)
    assert "nothing polled" in aggregator("once").out
    clock[0] += timedelta(minutes=1)
    assert "1 new report" in aggregator("once").out


def test_a_name_that_is_none_is_refused(aggregator):
    """With the one that was meant, and nothing is paused."""
    done = aggregator("pause", "Inbox", "Inbux")
    assert (done.status, done.err.strip()) == (
        1,
        "aggregator: no source is called 'Inbux' (did you mean 'Inbox'?)",
    )
    aggregator("once")
    (said,) = aggregator("sources", "--json").objects
    assert said["state"] == "good"


def test_a_running_service_learns_of_it(database):
    """The queue looks into the database each time: what another process paused waits."""
    feeds = [{"name": name, "url": f"https://{name}.example/"} for name in ("a", "b")]
    queue = PollQueue(
        Settings.model_validate({"database": "sqlite://", "sources": feeds}), database, lambda: NOON
    )
    assert [source.name for source in queue.waiting()] == ["a", "b"]
    with database.writing() as tx:
        paused_sources.put(tx, PausedSource("a", NOON, NOON + timedelta(seconds=1)), NOON)
        paused_sources.put(tx, PausedSource("b", NOON - timedelta(1), NOON), NOON)
    assert [source.name for source in queue.waiting()] == [source.name for source in queue.allowed()] == ["b"]
    with database.writing() as tx:
        paused_sources.put(tx, PausedSource("b", NOON), NOON)
    assert queue.next_wait() is None
