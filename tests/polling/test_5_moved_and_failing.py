"""Point 5: what moved for good, what is gone, what fails, and for whom a 429 is meant."""

from datetime import timedelta

import pytest

from aggregator.errors import BadStatus, LeftAlone
from aggregator.schedule import backoff, next_poll

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def redirects(publisher, said, fresh, status):
    """/feed sends to /new, which is a feed."""
    publisher.say(said(status, {"Location": "/new"}))
    publisher.say(fresh(), path="/new")


@pytest.mark.parametrize("status", [301, 308])
def test_moved_for_good(service, publisher, said, fresh, status):
    """After three equal answers on three days only the new address is asked, and a person is told."""
    redirects(publisher, said, fresh, status)
    service.poll(3, apart=DAY)
    assert [asked.path for asked in publisher.asked] == ["/feed", "/new"] * 3
    assert service.overview().condition == "moved"
    assert f"moved for good to {publisher.url('/new')}" in service.overview().troubles[0]
    service.now += DAY
    service.poll()
    assert [asked.path for asked in publisher.asked[6:]] == ["/new"]


@pytest.mark.parametrize(
    ("status", "apart"),
    [(302, DAY), (303, DAY), (307, DAY), (301, HOUR)],
    ids=str,
)
def test_not_moved(service, publisher, said, fresh, status, apart):
    """A temporary redirect never moves a feed, nor do three permanent ones on one day."""
    redirects(publisher, said, fresh, status)
    service.poll(4, apart=apart)
    assert [asked.path for asked in publisher.asked] == ["/feed", "/new"] * 4
    assert service.overview().condition == "good"


def test_not_moved_when_the_answers_differ(service, publisher, said, fresh):
    """Another target, or none, in between starts the count again."""
    publisher.say(
        *(said(301, {"Location": path}) for path in ("/new", "/new", "/other", "/new", "/new")), fresh()
    )
    publisher.say(fresh(), path="/new")
    publisher.say(fresh(), path="/other")
    service.poll(6, apart=DAY)
    assert service.overview().condition == "good"


def test_gone(service, publisher, said):
    """410 stops a source, says so, and is not asked again."""
    publisher.say(said(410))
    service.run(service.tick)
    service.now += 400 * DAY
    service.run(service.tick)
    assert len(publisher.asked) == 1
    overview = service.overview()
    assert (overview.condition, overview.next_poll) == ("stopped", None)
    assert "take the source out" in overview.troubles[0]


@pytest.mark.parametrize("status", [301, 302])
def test_what_a_redirect_leads_to_may_be_gone(service, publisher, said, fresh, status):
    """The source is not stopped for it: its own address leads somewhere else the day after."""
    publisher.say(said(status, {"Location": "/new"}))
    publisher.say(fresh(), path="/new")
    service.poll(4, apart=DAY)  # after a 301 the new address is polled straight away
    publisher.say(said(410), path="/new")
    service.poll()
    assert service.overview().condition == "failing"
    publisher.say(fresh())
    service.live(7 * DAY, step=6 * HOUR)
    assert service.overview().condition == "good"


@pytest.mark.parametrize("status", [404, 500])
def test_slower_and_slower_and_never_given_up(service, publisher, said, fresh, status):
    """Each failure doubles the wait, up to the ceiling; an answer makes all good again."""
    publisher.say(said(status))
    waits = []
    for _ in range(9):
        service.poll()
        waits.append(service.wait())
        service.now += service.wait()
    assert waits[:3] == [15 * MINUTE, 30 * MINUTE, HOUR]
    assert waits[-2:] == [DAY, DAY]
    assert service.overview().condition == "failing"
    assert f"the server answered {status}" in service.overview().troubles[0]
    publisher.say(fresh())
    service.poll()
    assert (service.wait(), service.overview().condition) == (15 * MINUTE, "good")


# ---- for whom a 429 is meant ----


@pytest.fixture
def hosts(service, publisher, fresh):
    """Feeds at two hosts of one domain and at a foreign one, each due; by path."""
    feeds = {
        "/a": "news.harbour.example",
        "/b": "news.harbour.example",
        "/c": "sport.harbour.example",
        "/d": "harbour-news.example",
    }
    for path in feeds:
        publisher.say(fresh(), path=path)
    service.configure(*({"name": path, "url": publisher.url(path, host)} for path, host in feeds.items()))
    return feeds


def paths(publisher, since=0):
    """What was asked for since, sorted."""
    return sorted(asked.path for asked in publisher.asked[since:])


def test_a_429_pauses_its_host(service, publisher, said, hosts):
    """The other feed there is not asked: not in the same tick, not after a restart, until the time asked."""
    publisher.say(said(429, {"Retry-After": "7200"}), path="/a")
    (_, second, *_) = service.run(service.tick)
    assert second.left_alone
    assert paths(publisher) == ["/a", "/c", "/d"]
    for name in ("/a", "/b"):
        assert service.wait(name) == 2 * HOUR
    overview = service.overview("/b")
    assert overview.condition == "paused"
    assert overview.why == (
        "429: /a was asked to wait; all of news.harbour.example is left alone until Fri 2026-11-20 14:00 GMT"
    )
    service.live(2 * HOUR - MINUTE, step=30 * MINUTE)
    assert set(paths(publisher, 3)) == {"/c", "/d"}
    service.now = publisher.asked[0].at + 2 * HOUR
    service.run(service.tick)
    assert {"/a", "/b"} & set(paths(publisher, 3))


def test_a_429_without_a_time(service, publisher, said, hosts):
    """It pauses for twice the floor, and for a person not at all."""
    publisher.say(said(429), path="/a")
    service.run(service.tick)
    assert service.wait("/b") == 30 * MINUTE

    async def person(pipeline):
        for source in pipeline.allowed():
            if source.name == "/b":
                await pipeline.poll(source)

    service.run(person)
    assert paths(publisher, 3) == ["/b"]


def test_a_person_does_not_pass_a_pause_that_was_asked_for(service, publisher, said, hosts):
    """`once --all` leaves the whole host alone."""
    publisher.say(said(429, {"Retry-After": "7200"}), path="/a")
    service.run(service.tick)

    async def allowed(pipeline):
        return sorted(source.name for source in pipeline.allowed())

    assert service.run(allowed) == ["/c", "/d"]


def test_a_redirect_to_a_paused_host_is_not_asked_for_again_and_again(service, publisher, said, hosts):
    """The host that redirects there is asked once, and not once a tick as long as the other's pause lasts."""
    publisher.say(said(429, {"Retry-After": "7200"}), path="/a")
    publisher.say(said(302, {"Location": publisher.url("/b", "news.harbour.example")}), path="/d")
    service.run(service.tick)
    asked = len(publisher.asked)
    assert service.wait("/d") == 2 * HOUR
    assert "all of news.harbour.example is left alone until" in service.overview("/d").why
    for _ in range(5):
        service.run(service.tick)
        service.now += MINUTE
    assert paths(publisher, asked) == []
    service.now = publisher.asked[0].at + 2 * HOUR
    service.run(service.tick)
    assert "/d" in paths(publisher, asked)


def test_two_limited_hosts_of_a_domain_pause_all_of_it(service, publisher, said, fresh, hosts):
    """A third host of that domain waits too; one that only looks alike does not."""
    publisher.say(said(429, {"Retry-After": "7200"}), path="/a")
    publisher.say(said(429, {"Retry-After": "7200"}), path="/c")
    feeds = hosts | {"/e": "www.harbour.example"}
    service.run(service.tick)
    publisher.say(fresh(), path="/e")
    service.configure(*({"name": path, "url": publisher.url(path, host)} for path, host in feeds.items()))
    asked = len(publisher.asked)
    service.now += 30 * MINUTE
    service.run(service.tick)
    assert paths(publisher, asked) == ["/d"]
    assert "; all of harbour.example is left alone until Fri" in service.overview("/e").why


def test_an_address_that_is_limited_alone(service, publisher, said, hosts):
    """If others of the host were answered well between two 429 of one feed, they need not wait again."""
    publisher.say(said(429, {"Retry-After": "1800"}), path="/a")
    service.run(service.tick)
    service.now += 31 * MINUTE
    service.poll(source=1)
    service.now += MINUTE
    service.poll(source=0)
    assert [asked.path for asked in publisher.asked[-2:]] == ["/b", "/a"]
    assert service.overview("/b").condition == "good"
    assert service.wait("/b") < 15 * MINUTE
    assert service.wait("/a") >= HOUR


@pytest.mark.parametrize("jump", [-3650 * DAY, 3650 * DAY])
def test_a_pause_under_a_wrong_clock_holds_nobody_up(service, publisher, said, hosts, jump):
    """Once the clock is right again, the host is polled."""
    service.now += jump
    publisher.say(said(429, {"Retry-After": "7200"}), path="/a")
    service.run(service.tick)
    service.now -= jump
    asked = len(publisher.asked)
    service.run(service.tick)
    assert {"/a", "/b"} & set(paths(publisher, asked))


def test_the_longest_pause_outlives_a_clock_that_is_set_back_a_little(service, publisher, said, hosts):
    """Every second that a time server takes back would else end it at once."""
    publisher.say(said(429, {"Retry-After": "99999999"}), path="/a")
    service.run(service.tick)
    asked = len(publisher.asked)
    service.now -= timedelta(seconds=1)
    service.run(service.tick)
    assert not {"/a", "/b"} & set(paths(publisher, asked))


def test_a_pause_holds_before_it_is_written(service, publisher, said, hosts):
    """A tick that reads an older one of the same host from the database meanwhile does not end it."""
    publisher.say(said(429, {"Retry-After": "60"}), path="/a")
    service.run(service.tick)
    service.now += HOUR

    async def work(pipeline):
        poll_queue, source = pipeline._poll_queue, service.settings.sources[0]
        error = BadStatus("429", status=429, host="news.harbour.example", retry_after="3600")
        before = poll_queue.state(source)
        after = next_poll.after_failure(before, poll_queue.bounds(source), error, service.now, 0)
        assert poll_queue.limited(source, before, after, error, service.now)
        poll_queue.waiting()
        with pytest.raises(LeftAlone):
            poll_queue.admit("news.harbour.example")

    service.run(work)


def test_pauses_that_are_over_are_forgotten(service):
    """A server that names a new host with each redirect fills no memory."""

    async def work(pipeline):
        poll_queue, source = pipeline._poll_queue, service.settings.sources[0]
        for number in range(50):
            error = BadStatus("429", status=429, host=f"h{number}.example", retry_after="60")
            before = poll_queue.state(source)
            after = next_poll.after_failure(before, poll_queue.bounds(source), error, service.now, 0)
            assert poll_queue.limited(source, before, after, error, service.now)
            poll_queue.waiting()
            service.now += HOUR
        return len(poll_queue._standing())

    assert service.run(work) == 1


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("feeds.bbc.co.uk", "bbc.co.uk"),
        ("bbc.co.uk", "bbc.co.uk"),
        ("www.port.gov.uk", "port.gov.uk"),
        ("a.b.harbour.example", "harbour.example"),
        ("harbour.example", "harbour.example"),
        ("localhost", None),
        ("127.0.0.1", None),
        ("2001:db8::1", None),
        ("", None),
    ],
)
def test_domains(name, domain):
    """The name that was registered; an IP address belongs to none."""
    assert backoff.domain(name) == domain


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://News.Harbour.example.:8443/x", "news.harbour.example"),
        ("https://user:secret@harbour.example/", "harbour.example"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("http://[broken/", ""),
        ("feed.xml", ""),
    ],
)
def test_hosts(url, host):
    """As they are asked for, whatever port, letters and names stand around them."""
    assert backoff.host(url) == host
