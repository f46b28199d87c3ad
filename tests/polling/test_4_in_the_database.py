"""Point 4: the next poll and its reason are in the database; no restart and no clock makes one early."""

import contextlib
import sqlite3
from datetime import timedelta
from itertools import pairwise

import pytest

from aggregator import metrics

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_the_next_poll_and_its_reason_are_in_the_database(service, publisher, fresh):
    """As another program reads them."""
    publisher.say(fresh(channel="<ttl>60</ttl>"))
    service.poll()
    with contextlib.closing(sqlite3.connect(service.folder / "a.db")) as connection:
        ((due, reason),) = connection.execute("SELECT due, reason FROM source").fetchall()
    assert due.startswith("2026-11-20 13:00:00")
    assert reason == "feed says ttl 60 min"


def test_how_late_a_poll_begins_is_measured(service, publisher, fresh):
    """From the moment that is in the database, also through a restart."""

    def late() -> float:
        return metrics.REGISTRY.get_sample_value("aggregator_poll_lateness_seconds_sum") or 0.0

    publisher.say(fresh(channel="<ttl>60</ttl>"))
    service.poll()
    before = late()
    service.now += 62 * MINUTE
    service.run(service.tick)
    assert late() - before == pytest.approx(120)


def test_a_restart_polls_nothing_early(service, publisher, fresh):
    """Four restarts an hour, for a day: no poll before its time."""
    publisher.say(fresh(Cache_Control="max-age=7200"))
    service.live(DAY, step=15 * MINUTE)
    moments = [asked.at for asked in publisher.asked]
    assert len(moments) > 8
    gaps = [after - before for before, after in pairwise(moments)]
    assert min(gaps) >= 2 * HOUR


@pytest.mark.parametrize("jump", [-3650 * DAY, -DAY, -HOUR, HOUR, DAY, 3650 * DAY])
def test_a_clock_that_jumps_does_no_harm(service, publisher, fresh, jump):
    """Nobody is polled twice for it, and nobody is forgotten once the clock is right again."""
    publisher.say(fresh(Cache_Control="max-age=1800"))
    service.run(service.tick)
    right = service.now
    service.now += jump
    for _ in range(3):
        service.run(service.tick)
    assert len(publisher.asked) <= 2, "one poll at most under the wrong clock"
    service.now = right + 31 * MINUTE
    service.run(service.tick)
    service.now += service.wait()
    service.run(service.tick)
    assert 2 <= len(publisher.asked) <= 4
    assert service.wait() <= DAY
