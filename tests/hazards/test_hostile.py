"""Everything hostile at once, through the whole pipeline: each ends within its limit, nobody else notices.

A source ends in one clear error, or in clean text. Beside them all a good feed and a good file are taken in.
"""

import asyncio
import gzip
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser

import pytest

from aggregator.errors import FetchError, ParseError, SourceError, TooLarge, TooSlow

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"
LIMIT = 60.0  # seconds for all of it; a safety net: nearly all of them are waited for at the same time
RIGHT_TO_LEFT = "\u202egnorw si gnihton\u202c \u2066\u200f"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)></svg>"
ESCAPED = SCRIPT.replace("<", "&lt;")


def sent(body: bytes, *fields: bytes) -> Callable:
    """An honest answer with this body."""
    length = b"Content-Length: %d" % len(body)
    return raw(HEAD + b"\r\n".join((length, *fields)) + b"\r\n\r\n" + body)


def raw(said: bytes) -> Callable:
    """These bytes, then the end of the connection."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    return talk


def again_and_again(start: bytes, piece: bytes, pause: float = 0) -> Callable:
    """A start, and then the same for ever."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


def rss(items: str, *, prolog: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    """A feed of these items."""
    return f'{prolog}<rss version="2.0"><channel><title>F</title>{items}</channel></rss>'.encode()


def item(title: str = "A seal in the harbour", text: str = "It was seen at noon.", more: str = "") -> str:
    """An item with a title; whatever stands in it is not escaped."""
    return f"<item><title>{title}</title><description>{text}</description>{more}</item>"


@cache
def bomb() -> bytes:
    """A hundred megabytes in a hundred kilobytes."""
    return gzip.compress(bytes(100_000_000), 5)


TENFOLD = "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
LAUGHS = f"<!DOCTYPE rss [<!ENTITY a 'ha'>{TENFOLD}]>"
QUADRATIC = f"<!DOCTYPE rss [<!ENTITY a '{'ha' * 50_000}'>]>"
EXTERNAL = "<!DOCTYPE rss [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
PAGE = (
    b"<!doctype html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
)

ERRORS: dict[str, tuple[Callable, type[SourceError], str]] = {
    "billion laughs": (sent(rss(item("&j;"), prolog=LAUGHS)), ParseError, "entities"),
    "quadratic blow-up": (sent(rss(item("&a;" * 5000), prolog=QUADRATIC)), ParseError, "entities"),
    "external entity": (sent(rss(item("&a;"), prolog=EXTERNAL)), ParseError, "entities"),
    "100,000 levels": (sent(b"<rss><channel><item>" + b"<x>" * 100_000), ParseError, "nested|processor time"),
    "100,000 levels of JSON": (sent(b'{"version": "x", "items": ' + b"[" * 100_000), ParseError, ""),
    "gzip bomb": (sent(bomb(), b"Content-Encoding: gzip"), TooLarge, "8,000,000 bytes"),
    "endless stream": (again_and_again(HEAD + b"\r\n", b"<item/>" * 10_000), TooLarge, "bytes"),
    "slow drip": (again_and_again(HEAD + b"\r\n", b"x", 0.05), TooSlow, "not done"),
    "slow drip of the head": (again_and_again(HEAD, b"X: y\r\n", 0.05), TooSlow, ""),
    "a length too long": (
        raw(HEAD + b"Content-Length: 9000\r\n\r\n" + rss(item())),
        FetchError,
        "incomplete",
    ),
    "a length too short": (raw(HEAD + b"Content-Length: 99\r\n\r\n" + rss(item())), FetchError, "HTTP"),
    "a length of nonsense": (raw(HEAD + b"Content-Length: -1\r\n\r\n" + rss(item())), FetchError, "HTTP"),
    "truncated chunks": (
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + rss(item())[:50]),
        FetchError,
        "incomplete",
    ),
    "truncated gzip": (
        sent(gzip.compress(rss(item()))[:60], b"Content-Encoding: gzip"),
        FetchError,
        "cut off",
    ),
    "an error page with status 200": (sent(PAGE), ParseError, "an HTML page titled 'Error', not a feed"),
    "an empty body": (sent(b""), ParseError, "empty"),
    "the name of a file": (sent(b"/etc/passwd"), ParseError, ""),
    "an address": (sent(b"http://127.0.0.1/feed"), ParseError, ""),
    "noise": (sent(bytes(range(256)) * 40), ParseError, ""),
}
"""Feeds of which nothing can be taken: what they send, the error, and what it says."""

TAKEN: dict[str, tuple[Callable, list[str] | None]] = {
    "a million entries": (sent(rss(item() + "<item/>" * 500_000)), None),
    "many entries": (sent(rss("".join(item(f"Seal {n} of many seals") for n in range(1000)))), None),
    "a megabyte of title": (sent(rss(item("seal " * 200_000))), None),
    "a megabyte of author": (sent(rss(item(more=f"<author>{'a' * 1_000_000}</author>"))), None),
    "a quadratic author": (sent(rss(item(more=f"<author>{'(' * 64_000}</author>"))), None),
    "a quadratic style": (sent(rss(item(text=f"&lt;p style='{'url(' * 30_000}'>x"))), None),
    "newlines before it": (sent(b"\n" * 200_000 + rss(item())), ["A seal in the harbour"]),
    "another encoding": (
        sent(rss(item("Robben im Käfig")).decode().encode("latin-1")),
        ["Robben im Käfig"],
    ),
    "UTF-16 that is UTF-8": (
        sent(rss(item("Robben im Käfig"), prolog='<?xml version="1.0" encoding="utf-16"?>')),
        ["Robben im Käfig"],
    ),
    "an encoding that nobody knows": (
        sent(rss(item("Robben im Käfig"), prolog='<?xml version="1.0" encoding="x-nobody"?>')),
        ["Robben im Käfig"],
    ),
    "NUL bytes": (sent(rss(item("A sea\0l in the har\0bour"))), ["A seal in the harbour"]),
    "cut off in the middle": (sent(rss(item("The first seal") + item("The sec"))[:-60]), None),
    "dates of 1601 and 9999": (
        sent(
            rss(
                item("The seal of 1601", more="<pubDate>Mon, 01 Jan 1601 00:00:00 GMT</pubDate>")
                + item("The seal of 9999", more="<pubDate>Fri, 31 Dec 9999 23:59:59 GMT</pubDate>")
            )
        ),
        ["The seal of 1601", "The seal of 9999"],
    ),
    "script in every field": (
        sent(
            rss(
                item(
                    f"{ESCAPED}Seal one",
                    f"{ESCAPED}It was seen.",
                    f"<author>{ESCAPED}</author><category>{ESCAPED}</category><guid>{ESCAPED}</guid>"
                    "<link>javascript:alert(1)</link><enclosure url='javascript:alert(1)'/>",
                )
                + item("Seal two", more="<link>data:text/html,&lt;script>alert(1)&lt;/script></link>")
            )
        ),
        ["Seal one", "Seal two"],
    ),
    "half a character": (
        sent(
            rb'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "\ud800", '
            rb'"title": "A \ud83dseal", "url": "https://x.example/\ud800", "tags": ["\udfff"]}]}'
        ),
        ["A \ufffdseal"],
    ),
    "right to left": (
        sent(rss(item(f"{RIGHT_TO_LEFT} The seal", RIGHT_TO_LEFT + "was seen"))),
        ["gnorw si gnihton The seal"],
    ),
}
"""Feeds that are taken as far as they go; with their titles, where these are known."""

FILES = {
    "good.txt": b"The lighthouse of Tarnvik is for sale\n\nNobody lives in it any more.\n",
    "bomb.rss": rss(item("&j;"), prolog=LAUGHS),
    "deep.html": b"<div>" * 100_000 + b"x",
    "deep.json": b"[" * 100_000,
    "noise.eml": bytes(range(256)) * 40,
    "nul.txt": b"A sea\0l in the harbour\n\nIt was seen at noon.\n",
    "script.md": f"# {SCRIPT}A seal with a heading\n\n{SCRIPT}[It](javascript:alert(1)) was seen.\n".encode(),
    "script.html": f"<title>{ESCAPED}A seal of the page</title><p>{SCRIPT}It was seen at noon.".encode(),
    "half.json": rb'{"title": "A seal in half a character", "url": "https://x.example/\ud800seal"}',
    "lines.jsonl": b'{"title": "A seal of one line", "text": "seen", "url": "javascript:alert(1)"}\n{"ti',
}
FROM_FILES = [
    "",  # of noise.eml: a mail without a head is its text
    "<svg/onload=alert(1)>A seal with a heading",  # no markup by CommonMark's rules, so it is text
    "A seal in half a character",
    "A seal in the harbour",
    "A seal of one line",
    "A seal of the page",
    "The lighthouse of Tarnvik is for sale",
]
REFUSED = {"bomb.rss", "deep.html", "deep.json", "lines.jsonl"}
GOOD = sent(rss(item("The bridge of Kehl is closed", "A barge struck its second pillar.")))


class Alive(HTMLParser):
    """The tags and links of a fragment, as a browser finds them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.found.update(
            name for name, value in attrs if name != "href" or not re.match("https?://", value or "")
        )


@pytest.fixture
def met(meet):
    """What came of all of them at once."""
    talks = {name: talk for name, (talk, *_) in (ERRORS | TAKEN).items()}
    return meet({"good": GOOD, **talks}, FILES)


def test_everything_hostile_at_once(met) -> None:
    """Each ends in its error or in clean text within its limit; what is good is there, nothing is alive."""
    for name, (_, kind, said) in ERRORS.items():
        error = met.polled[name].error
        assert isinstance(error, kind), (name, error, met.titles(name))
        assert re.search(said, str(error)), (name, str(error))
        assert "\n" not in str(error), name
        assert str(error).isprintable(), name
        assert met.titles(name) == [], name
    for name, (_, titles) in TAKEN.items():
        polled = met.polled[name]
        assert titles is None or (polled.error, met.titles(name)) == (None, titles), (name, polled)
        assert not met.titles(name) or polled.error is None, name
    assert met.titles("good") == ["The bridge of Kehl is closed"]
    assert met.titles("folder") == FROM_FILES
    refused = {reason.partition(":")[0] for reason in met.polled["folder"].refused}
    assert refused == REFUSED
    assert len(met.titles("many entries")) == 50
    assert met.titles("cut off in the middle")[:1] == ["The first seal"]
    assert max(met.seconds.values()) < LIMIT
    assert [each.url for each in met.members("half a character")] == ["https://x.example/"]
    check_texts(met)
    check_dates(met)
    check_published(met)


def check_texts(met) -> None:
    """Titles and texts are text: bounded, without controls and directions; no link leads into a script."""
    for story in met.stories:
        for each in story.members:
            words = each.title + each.text
            assert len(each.title) <= 500
            assert len(each.text) <= 20_000
            kinds = {unicodedata.category(mark) for mark in words.replace("\n", "")}
            assert kinds.isdisjoint({"Cc", "Cs"}), each
            assert not re.search("[\u202a-\u202e\u2066-\u2069]", words)
            assert each.url is None or each.url.startswith(("http://", "https://"))


def check_dates(met) -> None:
    """A date that cannot be counts as none."""
    for each in met.members("dates of 1601 and 9999"):
        assert not each.dated
        assert abs(each.published - each.seen) < timedelta(days=1)


def check_published(met) -> None:
    """Each file is whole, and nothing in it is alive."""
    rss, atom = (list(ET.fromstring(met.published[f"all.{kind}"]).iter()) for kind in ("rss", "atom"))
    items = json.loads(met.published["all.json"])["items"]
    markup = [node.text for node in rss] + [node.text for node in atom if node.get("type") == "html"]
    for text in markup + [item["content_html"] for item in items]:
        assert Alive(text or "").found <= {*("p", "ul", "li", "a", "blockquote"), *("img", "src", "alt")}, (
            text
        )
    links = [node.text for node in rss if node.tag == "link"] + [node.get("href") for node in atom]
    links += [item.get("url") for item in items]
    assert {(link or "").partition(":")[0] for link in links} <= {"", "http", "https", "urn"}
