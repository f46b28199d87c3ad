"""Some 1,600 odd feeds from the test suites of eight feed readers, through one parser process."""

import asyncio
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from aggregator.errors import ParseError
from aggregator.model import Parsed
from aggregator.parse.sandbox import Parser
from aggregator.settings import Parsing

# Of each project: how many samples gave entries when this was written. The others hold a feed without any, an
# entry without title, text and link, what is expected of another sample, or no feed at all.
FLOORS = {
    "danmactough__node-feedparser": 26,
    "feed-rs__feed-rs": 65,
    "feedjira__feedjira": 36,
    "mmcdole__gofeed": 159,
    "newsboat__newsboat": 17,
    "nkanaev__yarr": 17,
    "rometools__rome": 159,
    "rubys__venus": 76,
}


class Outcome(NamedTuple):
    """What became of one sample."""

    name: str
    seconds: float
    parsed: Parsed | None
    error: ParseError | None


def samples(shared: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(shared / "feeds" / "parser_samples.tar.xz") as archive:
        for member in archive:
            if stream := archive.extractfile(member):
                yield member.name.removeprefix("./"), stream.read()


async def parse_all(shared: Path) -> list[Outcome]:
    outcomes = []
    async with Parser(Parsing()) as parser:
        for name, body in samples(shared):
            started = time.monotonic()
            parsed = error = None
            try:
                parsed = await parser.parse(body, "feed", url="https://feeds.example/dir/feed.xml")
            except ParseError as raised:
                error = raised
            outcomes.append(Outcome(name, time.monotonic() - started, parsed, error))
    return outcomes


@pytest.fixture(scope="module")
def outcomes(shared: Path) -> list[Outcome]:
    """What became of each sample."""
    return asyncio.run(parse_all(shared))


def test_every_sample_is_entries_or_one_clear_error(outcomes: list[Outcome]) -> None:
    """No sample crashes or hangs the parser, and every error is one line with a remedy."""
    assert len(outcomes) > 1500
    for name, seconds, _, error in outcomes:
        assert seconds < 2, name
        if error:
            assert "\n" not in str(error), name
            assert error.hint, name
            assert "died" not in error.message, name
            assert "expected" not in error.message, name
            assert "survive" not in error.message, name


def test_most_samples_give_entries(outcomes: list[Outcome]) -> None:
    """No project's samples give fewer entries than when this was written."""
    found = Counter(
        outcome.name.partition("/")[0] for outcome in outcomes if outcome.parsed and outcome.parsed.entries
    )
    assert {project: count for project, count in FLOORS.items() if found[project] < count} == {}


def test_errors_are_for_what_is_no_feed(outcomes: list[Outcome]) -> None:
    """But for the files of expectations in JSON hardly any sample is an error."""
    errors = [outcome.name for outcome in outcomes if outcome.error and not outcome.name.endswith(".json")]
    assert len(errors) <= 25, errors


def test_entries_are_clean(outcomes: list[Outcome]) -> None:
    """Addresses are absolute, titles are one line, and nothing is empty altogether."""
    for name, _, parsed, _ in outcomes:
        for entry in parsed.entries if parsed else ():
            assert entry.title or entry.text or entry.url, name
            assert "\n" not in entry.title, name
            for address in (*entry.links, *([entry.url] if entry.url else [])):
                assert address.startswith(("http://", "https://")), (name, address)
