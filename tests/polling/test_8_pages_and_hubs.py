"""Point 8, and hubs: what a server asks of a poller, it asks of everything that we send there."""

import contextlib
import sqlite3
from datetime import timedelta

import pytest

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOST = "news.harbour.example"


@pytest.fixture
def site(service, publisher, rss, said):
    """A feed whose two items have pages, and a second feed at the same host."""
    items = [
        {"title": f"Item {n}", "link": publisher.url(f"/{n}", HOST), "description": f"Bell number {n}."}
        for n in (1, 2)
    ]
    publisher.say(said(200, body=rss(*items)), path="/feed")
    publisher.say(said(200, body=rss({"title": "Item 3", "description": "Bell number 3."})), path="/b")
    service.configure(
        {"name": "A", "url": publisher.url("/feed", HOST), "full_text": True},
        {"name": "B", "url": publisher.url("/b", HOST)},
    )
    service.run(service.tick)
    return said


def read(service):
    """Read the pages that are due; what was asked for, in order."""
    before = len(service.publisher.asked)

    async def each(pipeline):
        pipeline.waiting()  # as each tick does: it learns who is paused
        for source in pipeline.with_pages():
            await pipeline.read_pages(source)

    service.run(each)
    return [asked.path for asked in service.publisher.asked[before:]]


def polled(service):
    """Poll what is due; what was asked for, sorted."""
    before = len(service.publisher.asked)
    service.run(service.tick)
    return sorted(asked.path for asked in service.publisher.asked[before:])


@pytest.mark.parametrize("path", ["/robots.txt", "/2"])
def test_a_429_of_a_page_pauses_its_host(service, publisher, site, path):
    """Neither its pages nor its feeds are asked until the time that was asked for."""
    publisher.say(site(429, {"Retry-After": "7200"}), path=path)
    assert read(service)[-1] == path
    service.now += 2 * HOUR - MINUTE
    assert (read(service), polled(service)) == ([], [])
    assert service.overview("B").condition == "paused"
    service.now += MINUTE
    assert polled(service) == ["/b", "/feed"]
    assert read(service)[-1] == path


@pytest.mark.parametrize("path", ["/robots.txt", "/2"])
def test_a_503_of_a_page_names_the_time(service, publisher, site, path):
    """As long as of a feed, and not cut to a day."""
    publisher.say(site(503, {"Retry-After": str(3 * 86_400)}), path=path)
    assert read(service)[-1] == path
    service.now += 3 * DAY - MINUTE
    assert read(service) == []
    service.now += MINUTE
    assert read(service)[-1] == path


def test_the_last_try_of_a_page_is_no_leave_for_the_next(service, publisher, site):
    """A page is given up after four tries; its host is left alone all the same."""
    publisher.say(site(503, {"Retry-After": "43200"}), path="/2")
    publisher.say(site(503, {"Retry-After": "43200"}), path="/1")
    asked = []
    for _ in range(8):
        asked.append(read(service)[-1])
        assert read(service) == []
        service.now += 12 * HOUR - MINUTE
        assert read(service) == []
        service.now += MINUTE
    assert asked == ["/2"] * 4 + ["/1"] * 4


def test_a_page_that_leads_to_a_paused_host_is_not_asked_for_again_and_again(service, publisher, site):
    """It waits with the host that it leads to."""
    publisher.say(site(302, {"Location": publisher.url("/x", "other.example")}), path="/2")
    service.configure(
        {"name": "A", "url": publisher.url("/feed", HOST), "full_text": True},
        {"name": "B", "url": publisher.url("/x", "other.example")},
    )
    publisher.say(site(429, {"Retry-After": "7200"}), path="/x")
    assert polled(service) == ["/x"]
    assert read(service) == ["/robots.txt", "/2"]
    service.now += 2 * HOUR - MINUTE
    assert read(service) == []
    service.now += MINUTE
    assert read(service)[-2:] == ["/2", "/x"]


@pytest.mark.parametrize("rule", ["Disallow:", "Disallow: /"])
def test_where_a_page_leads_robots_are_asked_too(service, publisher, site, rule):
    """What another site keeps from robots is not taken through a redirect."""
    whole = "<p>Bell number 2. " + "The harbour master of Port Sallow counted it twice, and once more. " * 9
    publisher.say(site(302, {"Location": publisher.url("/x", "other.example")}), path="/2")
    publisher.say(site(200, {"Content-Type": "text/html"}, f"<h1>Item 2</h1>{whole}".encode()), path="/x")
    publisher.say(site(200, body=f"User-agent: *\n{rule}".encode()), path="//other.example/robots.txt")
    assert read(service)[:4] == ["/robots.txt", "/2", "/x", "/robots.txt"]
    with contextlib.closing(sqlite3.connect(service.folder / "a.db")) as connection:
        ((text,),) = connection.execute("SELECT text FROM report WHERE title = 'Item 2'")
    assert ("harbour master" in text) is (rule == "Disallow:")


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_names_the_time(service, publisher, said, rss, status):
    """It is asked again when it said, and a second subscription there waits too if it said 429."""
    for path in ("/a", "/b"):
        links = {"Link": f'<{publisher.url("/hub", HOST)}>; rel=hub, <{publisher.url(path)}>; rel="self"'}
        publisher.say(said(200, links, rss({"title": f"Item {path}"})), path=path)
    publisher.say(said(status, {"Retry-After": str(2 * 86_400)}), path="/hub")
    feeds = [{"name": path, "url": publisher.url(path)} for path in ("/a", "/b")]
    service.configure(*feeds, callback="https://reader.example/websub")

    async def ask(pipeline):
        for wanted in pipeline.hubs.due():
            await pipeline.ask_hub(wanted)
            pipeline.waiting()

    service.run(service.tick)
    before = len(publisher.asked)
    service.run(ask)
    times = 1 if status == 429 else 2
    assert len(publisher.asked) == before + times
    service.now += 2 * DAY - MINUTE
    service.run(ask)
    assert len(publisher.asked) == before + times
    service.now += HOUR
    service.run(ask)
    assert len(publisher.asked) > before + times
