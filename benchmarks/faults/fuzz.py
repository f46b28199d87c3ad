"""Foreign bytes at every place that eats them: ``python -m benchmarks.faults.fuzz``.

Samples of our own are cut, doubled, mixed and peppered with what has broken parsers. A target gives something
or the one error that it may raise; whatever else comes out of it is a finding, printed with the bytes that
brought it out. What goes into a report must be storable, and a list that is written must be read back: the
targets see to that too.
"""

from __future__ import annotations

import functools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from aggregator import configuration
from aggregator.errors import ConfigurationError, ParseError
from aggregator.normalise.report import normalise
from aggregator.parse import opml
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits
from aggregator.settings import FeedSource

TOP = Path(__file__).resolve().parents[2]
LONGEST = 20_000  # bytes of a body: what is larger is a matter of bounds, not of crashes

_UNFORESEEN = "no parser expected"  # the last net of `parse_here`: good to have, and never to be needed
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SOURCE = FeedSource(name="Fuzz", url="https://fuzz.example/feed")
_LIMITS = Limits(entries=50, text=20_000, title=500)
_PEPPER = (
    *(
        b"<",
        b">",
        b"&",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\x1b[2J",
        b"\r",
        b"\n\n",
    ),
    *(
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"-->",
        b"<item>",
        b"</item>",
        b"<entry>",
        b"&#x110000;",
        b"&#0;",
        b"&x;",
    ),
    *(
        b"<script>",
        b"<svg/onload=x>",
        b"javascript:",
        b"<base href='//x'>",
        b"<?xml version='1.0'?>",
        b"<x:y>",
    ),
    *(b"<!DOCTYPE x [", b"encoding='utf-16'", b"charset=x-nobody", b"data:", b"http://[::1/", b"//", b"%00"),
    *(b"{", b"}", b"[", b"]", b'"', b"\\ud800", b"1e999", b"-0", b"null", b"9" * 40, b"NaN", b"\\"),
    *(
        b"9999-12-31T23:59:59Z",
        b"1601-01-01",
        b"Mon, 31 Feb 2026 25:61:61 +9999",
        b"0000-00-00",
        b"1700000000",
    ),
    *(
        "\u202e".encode(),
        "\u2028".encode(),
        "e\u0301".encode(),
        "\U0001f600".encode(),
        b"=?utf-8?b?!!?=",
        b"=00",
    ),
    *(b": ", b"- ", b"&a *a", b"!!python/object:x", b"? ", b"|\n", b"%TAG", b"\t", b"---\n", b"<<: *a"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A place that eats foreign bytes.

    Attributes:
        samples: bodies to begin with.
        eat: gives them to it; raises what it must not.

    """

    samples: tuple[bytes, ...]
    eat: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Crash:
    """What should not have happened, and the bytes that brought it about."""

    error: BaseException
    body: bytes


def targets() -> dict[str, Target]:
    """The places, by name."""
    folder = TOP / "tests" / "parse" / "samples"
    samples = {path: path.read_bytes().partition(b"----\n")[2] for path in sorted(folder.iterdir())}
    made = {}
    for name, kinds in {
        "feed": {".feed": "feed"},
        "html": {".html": ".html"},
        "text": {".txt": ".txt", ".md": ".md"},
        "mail": {".eml": ".eml"},
        "records": {".json": ".json", ".jsonl": ".jsonl"},
    }.items():
        for suffix, kind in kinds.items():
            bodies = tuple(body for path, body in samples.items() if path.suffix == suffix)
            key = name if len(kinds) == 1 else f"{name} {suffix}"
            made[key] = Target(bodies, functools.partial(_parse, kind))
    pages = tuple(body for path, body in samples.items() if path.suffix == ".html")
    for kind in ("page", "article"):
        made[f"html as {kind}"] = Target(pages, functools.partial(_parse, kind))
    made["robots.txt"] = Target((_ROBOTS,), functools.partial(_parse, "robots"))
    made["opml"] = Target((_OPML,), _list)
    made["yaml"] = Target(((TOP / "config" / "aggregator.yaml").read_bytes(), _YAML), _configure)
    return made


def crashes(target: Target, rng: random.Random) -> Iterator[Crash | None]:
    """Feeds a target for ever: a crash, or nothing."""
    while True:
        body = _mutated(target.samples, rng)
        try:
            target.eat(body)
        except Exception as error:  # that is what is looked for
            yield Crash(error, body)
        else:
            yield None


def _parse(kind: str, body: bytes) -> None:
    try:
        parsed = parse_here(body, kind, limits=_LIMITS, url=_SOURCE.url)
    except ParseError as error:
        if _UNFORESEEN in error.message:
            raise error.__cause__ or error from None
        str(error).encode()
        return
    for report in normalise(parsed, _SOURCE, _NOW):
        assert report.keys
        assert len(report.title) <= _LIMITS.title
        assert report.url is None or report.url.lower().startswith(("http://", "https://"))
        "".join([report.title, report.text, report.url or "", *report.links, *report.tags]).encode()


def _list(body: bytes) -> None:
    try:
        found = opml.read(body)
    except ParseError:
        return
    assert [each.url for each in opml.read(opml.write(found, "x"))] == [each.url or None for each in found]


def _configure(body: bytes) -> None:
    file = Path(_scratch(), "aggregator.yaml")
    file.write_bytes(body)
    try:
        configuration.load(file, {}, folders_must_exist=False)
    except ConfigurationError as error:
        str(error).encode()


@functools.cache
def _scratch() -> str:
    made = tempfile.TemporaryDirectory()
    _KEPT.append(made)
    return made.name


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # until the process ends

_OPML = b"""<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body><outline text="News">
<outline type="rss" text="A &amp; B" title="A" xmlUrl="https://a.example/feed?x=1&amp;y=2" category="/b/c,d"/>
</outline><outline text="C" xmlUrl="https://c.example/" language="de"/></body></opml>"""

_ROBOTS = b"""User-agent: *
Disallow: /private/*.html$
Allow: /
Crawl-delay: 10
Sitemap: https://a.example/map.xml
"""

_YAML = b"""database: sqlite:///var/a.db
dedup: {window: 14d}
sources:
  - &a {name: A, url: https://a.example/feed, every: 15m, tags: [x, y]}
  - {name: B, folder: drop, every: 10s}
"""


def _mutated(samples: tuple[bytes, ...], rng: random.Random) -> bytes:
    body = bytearray(rng.choice(samples)[:LONGEST])
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 13))):
        _CHANGES[rng.randrange(len(_CHANGES))](body, samples, rng)
    return bytes(body[:LONGEST])


def _cut(body: bytearray, _: tuple[bytes, ...], rng: random.Random) -> None:
    start, end = _span(body, rng)
    del body[start:end]


def _double(body: bytearray, _: tuple[bytes, ...], rng: random.Random) -> None:
    start, end = _span(body, rng)
    body[end:end] = body[start:end] * rng.choice((1, 1, 2, 50))


def _pepper(body: bytearray, _: tuple[bytes, ...], rng: random.Random) -> None:
    start, end = _span(body, rng)
    body[start : rng.choice((start, end))] = rng.choice(_PEPPER) * rng.choice((1, 1, 1, 2, 100))


def _flip(body: bytearray, _: tuple[bytes, ...], rng: random.Random) -> None:
    if body:
        body[rng.randrange(len(body))] = rng.randrange(256)


def _mix(body: bytearray, samples: tuple[bytes, ...], rng: random.Random) -> None:
    other = bytearray(rng.choice(samples))
    (start, end), (here, there) = _span(other, rng), _span(body, rng)
    body[here:there] = other[start:end]


_CHANGES = (_cut, _double, _pepper, _pepper, _flip, _mix)


def _span(body: bytearray, rng: random.Random) -> tuple[int, int]:
    """A piece of it, mostly a short one."""
    start = rng.randint(0, len(body))
    return start, min(len(body), start + int(rng.expovariate(1 / 40)))


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long each target is fed.")
@click.option("--seed", default=1, show_default=True, help="Of what is fed.")
def main(seconds: float, seed: int) -> None:
    """Feed every target, and print what should not have happened."""
    good = True
    for name, target in targets().items():
        found: dict[str, Crash] = {}
        fed, slowest, ended = 0, 0.0, time.monotonic() + seconds
        feeding = crashes(target, random.Random(seed))
        while (began := time.monotonic()) < ended:
            crash = next(feeding)
            fed, slowest = fed + 1, max(slowest, time.monotonic() - began)
            if crash:
                found.setdefault(repr(crash.error)[:80], crash)
        click.echo(f"{name:16} {fed:8} bodies, slowest {slowest:.2f} s, {len(found)} findings")
        for crash in found.values():
            click.echo(f"    {crash.error!r}\n    {crash.body!r}")
        good &= not found
    sys.exit(not good)


if __name__ == "__main__":
    main()
