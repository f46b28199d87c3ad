"""The JSON API as a program uses it: pages of a list, marks, corrections, tokens, faults."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, chain, made
from shop import Shop, opened

from aggregator.errors import StoreBusy
from aggregator.serve import visitors
from storage import readers
from storage.database import Database


@dataclass
class Said:
    """An answer; its body as JSON, where it has one."""

    status: int
    headers: Any
    body: Any


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    """Story 1 of a fire, by three publishers, and story 2 of a budget, by two."""
    desk = Desk(database)
    desk.take(*(made(each, n) for n, each in enumerate((FIRE, FIRE_AGAIN, BUDGET, BUDGET_AGAIN, FIRE_LATER))))
    with opened(desk) as served:
        yield served


@pytest.fixture
def call(shop):
    """Calls an operation as a program at this machine does."""

    def called(way: str, path: str, body: Any = None, **fields: str) -> Said:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            given = {"Content-Type": "application/json"} | given
        request = urllib.request.Request(f"{shop.url}/api/v1{path}", data, given, method=way)
        try:
            answer = urllib.request.build_opener(Stay).open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            raw = answer.read()
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert json.loads(raw).keys() >= {"type", "title", "status", "detail"}
            assert json.loads(raw)["status"] == answer.status
        return Said(answer.status, answer.headers, json.loads(raw) if raw else None)

    return called


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a test looks at it."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ids(said: Said) -> list[int]:
    return [each["id"] for each in said.body["stories"]]


def pages(call, query: str) -> list[int]:
    """All pages of a list."""
    found, cursor = [], ""
    for _ in range(50):
        said = call("GET", f"/stories?{query}&cursor={cursor}")
        found += ids(said)
        if not (cursor := said.body["next"]):
            return found
    raise AssertionError("it never ends")


def test_a_story_has_every_report_and_why_it_is_there(call):
    story = call("GET", "/stories/1").body
    assert [each["publisher"] for each in story["reports"]] == ["Paper 0", "Paper 1", "Paper 4"]
    assert (story["title"], story["voices"], story["publishers"]) == (
        *(FIRE[0], 3),
        ["Paper 0", "Paper 1", "Paper 4"],
    )
    assert story["reports"][1]["evidence"]["matched"] == story["reports"][0]["id"]
    assert call("GET", "/stories/1/reports").body["reports"] == story["reports"]
    assert call("GET", f"/reports/{story['reports'][2]['id']}").body == story["reports"][2]
    why = call("GET", "/reports/1/explain?other=2").body
    assert why["probability"] > why["bar"]
    assert why["rows"][0]["signal"] == "intercept"


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize("show", ["all", "unread"])
def test_a_list_goes_on_where_it_was_whatever_comes_meanwhile(shop, call, limit, show):
    """No story twice, and none left out, though what is listed already gains something."""
    for n, words in enumerate(chain(1)[:7], 10):
        shop.desk.take(made(words, n))
    call("POST", "/marks/read", {"stories": [4, 5]})
    before = pages(call, f"limit={limit}&show={show}")
    assert before == [n for n in (9, 8, 7, 6, 5, 4, 3, 2, 1) if show == "all" or n not in (4, 5)]
    first = call("GET", f"/stories?limit={limit}&show={show}")
    shop.desk.take(made(chain(1)[8], 30))
    rest, cursor = ids(first), first.body["next"]
    while cursor:
        said = call("GET", f"/stories?limit={limit}&show={show}&cursor={cursor}")
        rest, cursor = rest + ids(said), said.body["next"]
    assert rest == before


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("publisher=Paper%203", [2]),
        ("q=smoke", [1]),
        ("q=smoke%20-hospital", []),
        ("tag=sea", []),
        ("source=Paper%204&order=weight", [1]),
        ("corroborated=true&order=weight", [1, 2]),
        ("language=de", []),
        ("show=starred", [2]),
        ("show=muted", []),
    ],
)
def test_filters(call, query, found):
    call("PATCH", "/stories/2/marks", {"starred": True})
    assert ids(call("GET", f"/stories?{query}")) == found


def test_what_is_marked_shows(shop, call):
    """Read until it says something new; muted until it has grown; what was not named stays."""
    assert call("PATCH", "/stories/1/marks", {"read": True, "muted": True, "muted_growth": 1}).body == {
        "read": True,
        "grown": 0,
        "starred": False,
        "muted": True,
        "muted_until": None,
        "muted_voices": 4,
    }
    assert ids(call("GET", "/stories?show=unread")) == [2]
    assert ids(call("GET", "/stories?show=muted")) == [1]
    later = (
        "Harbour master Tom Brel quits over Aurelia fire",
        "Tom Brel has resigned as harbour master of Port Sallow, days after the ferry Aurelia burnt. Ines "
        "Marrow of the coastguard, whose boats took all 214 passengers aboard, thanked him.",
    )
    shop.desk.take(made(later, 9))
    marks = call("GET", "/stories/1/marks").body
    assert (marks["read"], marks["grown"], marks["muted"]) == (False, 1, False)
    assert call("PATCH", "/stories/1/marks", {"starred": True}).body["starred"]
    assert call("PATCH", "/stories/1/marks", {}).body["starred"]
    assert not call("PATCH", "/stories/1/marks", {"starred": False, "read": False}).body["starred"]
    assert call("POST", "/muted-words", {"word": " Passes  budget "}).body == {"words": ["passes budget"]}
    assert ids(call("GET", "/stories")) == [1]
    assert call("DELETE", "/muted-words?word=passes%20budget").body == {"words": []}
    assert call("POST", "/marks/read", {"stories": [1, 2, 99]}).status == 204
    assert ids(call("GET", "/stories?show=unread")) == []


def test_corrections_hold_and_are_taken_back(call):
    """A merged id leads on, in every operation; what is undone is as it was."""
    assert call("POST", "/corrections", {"what": "merge", "stories": [1, 2]}).status == 201
    for path in ("/stories/2", "/stories/2/reports", "/stories/2/marks"):
        moved = call("GET", path)
        assert (moved.status, moved.headers["Location"]) == (308, f"/api/v1{path.replace('2', '1')}")
    assert call("PATCH", "/stories/2/marks", {"starred": True}).status == 200
    assert call("GET", "/stories/1/marks").body["starred"]
    assert call("POST", "/corrections/undo").body["stories"].keys() == {"1", "2"}
    assert call("POST", "/corrections/undo").status == 409
    split = call("POST", "/corrections", {"what": "split", "story": 1, "reports": [5]})
    assert len(split.body["stories"]) == 2
    assert len(call("GET", "/stories/1").body["reports"]) == 2
    said = call("GET", "/corrections").body["corrections"]
    assert [(each["what"], each["undone"] is None) for each in said] == [("split", True), ("merge", False)]


@pytest.mark.parametrize(
    ("way", "path", "body", "status"),
    [
        ("GET", "/stories/99", None, 404),
        ("GET", "/stories/0", None, 422),
        ("GET", "/stories?limit=201", None, 422),
        ("GET", "/stories?colour=red", None, 422),
        ("GET", "/stories?q=%22open", None, 422),
        ("GET", "/stories?cursor=bm8", None, 422),
        ("GET", "/stories?cursor=____", None, 422),
        ("GET", "/stories?tag=%00", None, 422),
        ("GET", "/search?q=", None, 422),
        ("GET", "/reports/99", None, 404),
        ("GET", "/reports/1/explain?other=99", None, 404),
        ("GET", "/nothing", None, 404),
        ("PUT", "/stories/1", {}, 405),
        ("PATCH", "/stories/99/marks", {}, 404),
        ("PATCH", "/stories/1/marks", {"stared": True}, 422),
        ("PATCH", "/stories/1/marks", b"{", 422),
        ("POST", "/corrections", {"what": "merge", "stories": [1, 1]}, 409),
        ("POST", "/corrections", {"what": "merge", "stories": [1, 99]}, 404),
        ("POST", "/corrections", {"what": "split", "story": 1, "reports": [3]}, 404),
        ("POST", "/corrections", {"what": "mend"}, 422),
        ("POST", "/muted-words", {"word": " "}, 422),
        ("POST", "/muted-words", {"word": "\ud800"}, 422),
    ],
)
def test_faults_say_what_is_wrong(call, way, path, body, status):
    said = call(way, path, body)
    assert said.status == status
    assert len(said.body["detail"]) > 5
    if status == 422 and "errors" in said.body:
        assert all(each["where"] and each["what"] for each in said.body["errors"])


def test_what_has_not_changed_is_not_sent_again(call):
    first = call("GET", "/stories/1")
    assert call("GET", "/stories/1", If_None_Match=first.headers["ETag"]).status == 304
    call("PATCH", "/stories/1/marks", {"starred": True})
    assert call("GET", "/stories/1", If_None_Match=first.headers["ETag"]).status == 200


def test_a_token_may_do_what_it_is_for(shop, call):
    """None, a wrong one, one for reading, one for writing; as a bearer's, or as a password."""
    with shop.desk.database.writing() as tx:
        who = readers.add(tx, "ines", "no password fits this", shop.desk.now)
        for secret, scope in (("looks", "read"), ("marks", "write")):
            readers.give(tx, who, visitors.digest(secret), secret, scope, shop.desk.now)
    assert call("GET", "/health").status == 200
    unknown = call("GET", "/stories")
    assert (unknown.status, unknown.headers["WWW-Authenticate"]) == (401, "Bearer")
    basic = base64.b64encode(b"ines:looks").decode()
    for given, reading, writing in (
        ("Bearer wrong", 401, 401),
        ("Bearer looks", 200, 403),
        (f"Basic {basic}", 200, 403),
        ("Bearer marks", 200, 200),
    ):
        assert call("GET", "/stories", Authorization=given).status == reading
        said = call("PATCH", "/stories/1/marks", {"starred": True}, Authorization=given)
        assert said.status == writing
    elsewhere = {"Authorization": "Bearer marks", "Origin": "https://elsewhere.example"}
    assert call("PATCH", "/stories/1/marks", {}, **elsewhere).status == 200, "it has shown that it knows"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_no_other_site_writes_through_a_browser(call, fields, status):
    """At this machine nobody has to log in, so a page from anywhere could have the browser do it."""
    assert call("PATCH", "/stories/1/marks", {"starred": True}, **fields).status == status
    assert call("GET", "/stories/1/marks").body["starred"] == (status == 200)


def test_a_database_that_is_away_is_a_problem_too(shop, call, monkeypatch):
    def away(self: Any) -> None:
        raise StoreBusy("it is locked")

    monkeypatch.setattr(Database, "reading", away)
    said = call("GET", "/health")
    assert (said.status, said.headers["Retry-After"]) == (503, "60")
    monkeypatch.undo()
    assert call("GET", "/health").status == 200


def test_the_pages_alone_change_nothing(database):
    """`serve` mounts what reads, and says of the rest that it is not there."""
    desk = Desk(database)
    desk.take(made(FIRE, 1))
    with opened(desk, writable=False) as served:
        document = json.load(urllib.request.urlopen(f"{served.url}/api/v1/openapi.json"))
    assert {way for path in document["paths"].values() for way in path} == {"get"}


def test_a_source_is_paused_and_polled_again(call):
    """The list says so; a source that is none is not found, and a time that cannot be is no fault of ours."""
    until = "2031-01-01T00:00:00+02:00"
    assert call("POST", "/sources/pause", {"source": "Paper 0", "until": until}).status == 204
    (said,) = call("GET", "/sources").body["sources"]
    assert (said["state"], said["next_poll"]) == ("paused", "2030-12-31T22:00:00+00:00")
    assert call("POST", "/sources/resume", {"source": "Paper 0"}).status == 204
    assert call("GET", "/sources").body["sources"][0]["state"] == "new"
    assert call("POST", "/sources/pause", {"source": "Paper 9"}).status == 404
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        assert call("POST", "/sources/pause", {"source": "Paper 0", "until": edge}).status == 204
