"""robots.txt: read by RFC 9309, asked for once a day, and obeyed also when it cannot be had."""

import asyncio
from typing import Any

import pytest

from aggregator.errors import BadStatus, FetchError, TooSlow
from aggregator.model import Answer
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits
from aggregator.poll.robots import Robots

LIMITS = Limits(entries=10, text=1000, title=100)
PAGE = "https://a.example/news/1?x=2"


async def anybody(_: str) -> None:
    """Every host may be asked."""


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow: /news", False),
        ("User-agent: *\nDisallow: /new$", True),
        ("User-agent: *\nDisallow: /*?x=", False),
        ("User-agent: *\nDisallow: /\nAllow: /news/", True),
        ("User-agent: *\nAllow: /news/\nDisallow: /news/1", False),
        ("User-agent: Story-Aggregator\nDisallow: /\n\nUser-agent: *\nAllow: /", False),
        ("User-agent: story-aggregator\nAllow: /\n\nUser-agent: *\nDisallow: /", True),
        ("User-agent: otherbot\nDisallow: /", True),
        ("\ufeffUser-agent: *\r\nDisallow: /news # all of it", False),
        ("<html>not found</html>", True),
    ],
)
def test_rules_are_read_by_the_standard(robots, allowed):
    """The longest rule of our own group, else of all; with wildcards."""
    parsed = parse_here(robots.encode(), "robots", limits=LIMITS, url=PAGE)
    assert [entry.url for entry in parsed.entries] == ([PAGE] if allowed else [])


class Site:
    """A fetcher that gives one answer, and a parser that parses here."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.now = 0.0

    async def get(self, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Answer(200, url, body=self.answer)

    async def parse(self, body: bytes, kind: str, *, url: str) -> Any:
        return parse_here(body, kind, limits=LIMITS, url=url)

    def allow(self, *urls: str, after: float = 0) -> list[bool]:
        robots = Robots(self, self, clock=lambda: self.now)  # type: ignore[arg-type]  # as much of both as it uses

        async def each() -> list[bool]:
            found = []
            for url in urls:
                found.append(await robots.allow(url, allow_private=False, admit=anybody))
                self.now += after
            return found

        return asyncio.run(each())


def test_each_site_is_asked_once_a_day():
    """Scheme, host and port make a site."""
    site = Site(b"User-agent: *\nDisallow: /x")
    pages = ("https://a.example/1", "https://a.example/x", "http://a.example/1", "https://a.example:8443/1")
    assert site.allow(*pages) == [True, False, True, True]
    assert site.asked == [
        f"{origin}/robots.txt"
        for origin in ("https://a.example", "http://a.example", "https://a.example:8443")
    ]
    site = Site(b"User-agent: *\nDisallow: /x")
    site.allow("https://a.example/1", "https://a.example/1", "https://a.example/1", after=13 * 3600)
    assert len(site.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_who_has_none_lets_all_be_read(status):
    """As the standard has it for 4xx."""
    assert Site(BadStatus("x", status=status)).allow(PAGE) == [True]
    assert Site(b" \n").allow(PAGE) == [True]


@pytest.mark.parametrize(
    "error",
    [BadStatus("x", status=500), BadStatus("x", status=503), BadStatus("x", status=429), TooSlow("x")],
)
def test_while_it_cannot_be_had_nothing_is_read(error):
    """It is asked for again with the next page."""
    with pytest.raises(FetchError):
        Site(error).allow(PAGE)


def test_only_the_first_part_of_a_huge_one_is_read():
    """500 KiB, as the standard has it."""
    assert Site(b"#" * 600_000 + b"\nUser-agent: *\nDisallow: /").allow(PAGE) == [True]


def test_the_files_of_few_sites_are_kept():
    """However many sites the links of a feed lead to."""
    site = Site(b"User-agent: *\nDisallow: /x")
    robots = Robots(site, site)  # type: ignore[arg-type]  # as above

    async def many() -> None:
        for number in range(150):
            await robots.allow(f"https://{number}.example/", allow_private=False, admit=anybody)

    asyncio.run(many())
    assert len(robots._known) == 100
    assert len(site.asked) == 150
