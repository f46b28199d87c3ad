"""Feeds over HTTP, as feed readers ask for them: validators, codings, ids that lead on, names and tokens."""

import base64
import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

import brotli
import feedparser
import pytest
from desk import Desk
from events import BUDGET, FIRE, FIRE_AGAIN, NOON, made
from shop import Shop, opened

from aggregator.serve.visitors import digest
from storage import readers


@pytest.fixture
def shop(database) -> Iterator[Shop]:
    """Story 1 of a fire, by two papers; story 2 of a budget."""
    desk = Desk(database)
    desk.take(made(FIRE, 0, tags=("Sea",)), made(FIRE_AGAIN, 1), made(BUDGET, 2))
    with opened(desk) as served:
        yield served


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(shop: Shop, path: str, **fields: str) -> Answer:
    """Ask once, and follow nothing."""
    request = urllib.request.Request(
        shop.url + path, headers={k.replace("_", "-"): v for k, v in fields.items()}
    )
    try:
        answer = urllib.request.build_opener(_Stay).open(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(answer.status, answer.headers, answer.read())


@pytest.mark.parametrize("kind", ["rss", "atom"])
@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("/feeds/all.{}", {FIRE[0], BUDGET[0]}),
        ("/feeds/query.{}?q=", {FIRE[0], BUDGET[0]}),
        ("/feeds/query.{}?q=aurelia", {FIRE[0]}),
        ("/feeds/query.{}?q=voices:%3E5", set()),
        ("/stories/1.{}", {FIRE[0], FIRE_AGAIN[0]}),
    ],
)
def test_a_feed_holds_what_was_asked_for(shop, path, kind, titles):
    """Of the configuration, of any search, of one story."""
    answer = ask(shop, path.format(kind))
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(f"application/{kind}+xml")
    read = feedparser.parse(answer.body)
    assert not read.bozo
    assert {entry.title for entry in read.entries} == titles


def test_a_json_feed_says_the_same(shop):
    """With every report of the story."""
    answer = ask(shop, "/feeds/query.json?q=aurelia")
    (found,) = json.loads(answer.body)["items"]
    assert len(found["_story"]["reports"]) == 2


def test_who_asks_again_is_told_that_nothing_changed(shop):
    """Until something does; then the item has the id that it had."""
    first = ask(shop, "/feeds/query.atom?q=aurelia")
    again = ask(shop, "/feeds/query.atom?q=aurelia", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    shop.desk.take(made(FIRE, 7, title="Aurelia: again in the news"))
    later = ask(shop, "/feeds/query.atom?q=aurelia", If_None_Match=first.headers["ETag"])
    assert later.status == 200
    ids = [[entry.id for entry in feedparser.parse(each.body).entries] for each in (first, later)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("br, gzip", "br"), ("gzip;q=1.0", "gzip"), ("identity", None), ("br;q=0, gzip", "gzip"), ("", None)],
)
def test_codings(shop, accepted, coding):
    """The smallest that the client knows."""
    plain = ask(shop, "/feeds/all.rss", Accept_Encoding="identity").body
    answer = ask(shop, "/feeds/all.rss", Accept_Encoding=accepted)
    assert answer.headers["Content-Encoding"] == coding
    decode = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert decode(answer.body) == plain


def test_who_follows_a_story_is_told_of_each_report(shop):
    """Each text is an item with an id of its own, the newest first; a copy of one is none."""
    before = {each.id for each in feedparser.parse(ask(shop, "/stories/2.atom").body).entries}
    shop.desk.take(made(BUDGET, 8))
    assert {each.id for each in feedparser.parse(ask(shop, "/stories/2.atom").body).entries} == before
    shop.desk.merge(1, 2)
    after = [each.id for each in feedparser.parse(ask(shop, "/stories/1.atom").body).entries]
    assert before < set(after)
    assert len(after) == len(set(after)) == 3


def test_a_merged_story_leads_on(shop):
    """For ever."""
    shop.desk.merge(1, 2)
    answer = ask(shop, "/stories/2.atom")
    assert (answer.status, answer.headers["Location"]) == (301, "/stories/1.atom")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/feeds/nothing.rss", 404),
        ("/feeds/all.exe", 404),
        ("/stories/99.atom", 404),
        ("/stories/99999999999999999999.atom", 404),
        ("/feeds/query.rss?q=since:never", 422),
        ("/feeds/query.rss?q=" + "x" * 400, 422),
    ],
)
def test_what_is_not_there_is_said(shop, path, status):
    """And what cannot be understood."""
    assert ask(shop, path).status == status


def test_a_feed_reader_logs_in_with_a_token(shop):
    """Once somebody has a name: as the password beside it, or as a bearer."""
    with shop.desk.database.writing() as tx:
        ida = readers.add(tx, "Ida", "hash", NOON) or 0
        readers.give(tx, ida, digest("letmein"), "phone", "read", NOON)
    refused = ask(shop, "/feeds/all.rss")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    for given, status in (("Ida:letmein", 200), ("Ida:wrong", 401)):
        basic = base64.b64encode(given.encode()).decode()
        assert ask(shop, "/feeds/all.rss", Authorization=f"Basic {basic}").status == status
    assert ask(shop, "/feeds/all.rss", Authorization="Bearer letmein").status == 200
