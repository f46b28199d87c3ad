"""Point 3: an interval that follows the feed, with jitter; one connection a host, spaced; a global bound."""

import threading
import time
from datetime import timedelta

import pytest

from aggregator.schedule.host_queue import HostQueue

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_often_while_it_publishes_and_seldom_while_it_sleeps(service, publisher, fresh, said):
    """Fresh items keep it at `every`; without any it is asked ever more seldom, and again often after one."""
    waits = []

    def poll_when_due() -> None:
        service.poll()
        waits.append(service.wait())
        service.now += service.wait()

    publisher.say(*map(fresh, range(4)))
    for _ in range(4):
        poll_when_due()
    assert waits == [15 * MINUTE] * 4
    publisher.say(said(304))
    publisher.pages["/feed"] = [fresh(3)]
    for _ in range(35):
        poll_when_due()
    assert waits[4:] == sorted(waits[4:])
    assert waits[-1] > 2 * HOUR
    publisher.say(*(fresh(number) for number in range(10, 16)))
    for _ in range(6):
        poll_when_due()
    assert waits[-1] < 20 * MINUTE


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 15), (0.5, 15.75), (0.999, 16.4985)])
def test_jitter_only_puts_off(service, publisher, fresh, monkeypatch, chance, minutes):
    """By up to a tenth, so that feeds that were added together are not polled together for ever."""
    monkeypatch.setattr("aggregator.poll.pipeline.random.random", lambda: chance)
    publisher.say(fresh())
    service.poll()
    assert service.wait() == timedelta(minutes=minutes)


class Crowd:
    """Counts the requests that are being answered at a time, by host."""

    def __init__(self, publisher) -> None:
        self.lock, self.active, self.most, self.most_of_a_host = threading.Lock(), [], 0, 0
        answer = publisher.answer

        def slowly(request) -> None:
            host = request.headers["Host"]
            with self.lock:
                self.active.append(host)
                self.most = max(self.most, len(self.active))
                self.most_of_a_host = max(self.most_of_a_host, self.active.count(host))
            time.sleep(0.02)
            with self.lock:
                self.active.remove(host)
            answer(request)

        publisher.answer = slowly


def test_one_connection_a_host_and_a_global_bound(service, publisher, fresh):
    """Thirty feeds of ten hosts that are all due: four at a time, and never two of one host."""
    crowd = Crowd(publisher)
    publisher.say(fresh())
    feeds = [{"name": f"{n}", "url": publisher.url(f"/feed?{n}", f"host{n % 10}.example")} for n in range(30)]
    for feed in feeds:
        publisher.say(fresh(), path="/" + feed["url"].rpartition("/")[2])
    service.configure(*feeds, concurrency=4)
    outcomes = service.run(service.tick)
    assert [polled.error for polled in outcomes] == [None] * 30
    assert (crowd.most, crowd.most_of_a_host) == (4, 1)


def test_requests_to_one_host_are_spaced(service, publisher, fresh, monkeypatch):
    """The pause is kept between feeds of one host, and nobody else waits for it."""
    slept: list[float] = []
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    def host_queue(concurrency, spacing):
        return HostQueue(concurrency, spacing, clock=lambda: clock[0], sleep=sleep)

    monkeypatch.setattr("aggregator.fetch.fetcher.HostQueue", host_queue)
    names = ["a", "a", "a", "b"]
    feeds = [
        {"name": f"{n}", "url": publisher.url(f"/{n}", f"{host}.example")} for n, host in enumerate(names)
    ]
    for number in range(4):
        publisher.say(fresh(), path=f"/{number}")
    service.configure(*feeds, host_spacing="7s")
    service.run(service.tick)
    assert len(publisher.asked) == 4
    assert slept == [7.0, 7.0]


def test_spacing_by_the_wall_clock(service, publisher, fresh):
    """The same with real waiting, once."""
    for number in range(2):
        publisher.say(fresh(), path=f"/{number}")
    service.configure(*({"name": f"{n}", "url": publisher.url(f"/{n}")} for n in range(2)), host_spacing=0.2)
    at = []
    publisher.now = lambda: at.append(time.monotonic()) or service.now
    service.run(service.tick)
    first, second = at
    assert second - first >= 0.2
