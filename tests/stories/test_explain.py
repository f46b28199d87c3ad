"""Why two reports are, or are not, one story: said of stored reports and of files, as it would be decided."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import NotFound, ParseError
from aggregator.model import Report
from aggregator.settings import Settings
from aggregator.stories import correct
from aggregator.stories.explain import Explanation, explain
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from storage import stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRE = (
    "The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under "
    "Captain Ines Marrow took all 214 passengers and crew aboard, the harbour office said. Twelve people "
    "were treated for smoke. The fire began in the engine room, according to harbour master Tom Brel."
)
FIRE_AGAIN = (
    "Every one of the 214 souls on the Aurelia is safe, Port Sallow's harbour master Tom Brel announced. "
    "Flames broke out below deck on Thursday evening; Ines Marrow, who led the coastguard's rescue, "
    "praised a calm crew. A dozen travellers breathed in smoke and went to hospital in Port Sallow."
)
BUDGET = (
    "After a night of debate the lower house in Verden adopted next year's budget with 153 votes to 150. "
    "Finance minister Olga Tenn spoke of a fair compromise, Karl Ostrow called it a disgrace."
)
REPORTS = (FIRE, FIRE_AGAIN, BUDGET, FIRE, FIRE)
"""By id, from 1; the fourth is a copy of the first, the fifth another year's."""


@pytest.fixture
def settings(tmp_path) -> Settings:
    """The shipped ones, with a database in a file of its own."""
    return Settings.model_validate(
        {"database": f"sqlite:///{tmp_path}/a.db", "sources": [{"name": "I", "folder": tmp_path}]}
    )


@pytest.fixture
def explained(settings) -> Callable[[str, str], Explanation]:
    """Explains two of `REPORTS`, or whatever is named."""

    def opened() -> Database:
        return Database(settings.database)

    database = opened()
    with database.writing() as tx:
        ingest(tx, Linker(settings.dedup), [_report(n, text) for n, text in enumerate(REPORTS, 1)], NOON)
    database.close()
    return lambda a, b: explain(a, b, settings, opened)


def _report(number: int, text: str) -> Report:
    url = f"https://paper{number}.example/news/{number}"
    return Report(
        source=f"Paper {number}",
        publisher=f"Paper {number}",
        title="",
        text=text,
        language="en",
        published=NOON - timedelta(days=400 if number == 5 else 0, minutes=number),
        dated=True,
        seen=NOON,
        url=url,
        keys=(f"url:{url}",),
    )


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("1", "2", "one event: probability "),
        ("2", "1", "one event: probability "),
        ("1", "3", "not one event: probability "),
        ("1", "4", "one text: resemblance 1.00 reaches the bar for copies"),
        ("1", "5", "not one event: "),
        ("3", "3", "A and B are one and the same report"),
        ("https://paper1.example/news/1", "2", "one event: probability "),
        ("http://www.paper1.example/news/1/?utm_source=mail", "2", "one event: probability "),
    ],
)
def test_the_verdict_is_a_sentence(explained, a, b, verdict):
    """By id or address, in either order, and however the address is written."""
    assert explained(a, b).verdict.startswith(verdict)


def test_the_terms_add_up(explained):
    """What is shown is the sum that decides, term by term."""
    found = explained("1", "2")
    assert all(row.adds == pytest.approx(row.value * row.weight, abs=1e-6) for row in found.rows)
    log_odds = sum(row.adds for row in found.rows)
    assert found.probability == pytest.approx(1 / (1 + 2.718281828459045**-log_odds), abs=1e-4)
    assert {"Aurelia", "Sallow", "Brel"} <= set(found.shared["names"])
    assert "214" in found.shared["numbers"]


def test_the_stories_are_named(explained):
    """Where both sit in one, and where they sit apart."""
    together, apart = explained("1", "2"), explained("1", "3")
    assert together.stories[0] == together.stories[1]
    assert f"Both are in story {together.stories[0]}" in together.verdict
    assert apart.stories[0] != apart.stories[1]
    assert f"They are in stories {apart.stories[0]} and {apart.stories[1]}" in apart.verdict


def test_what_keeps_them_apart_whatever_the_sum_says_is_told(explained):
    """A year lies between two equal texts: the reason is given, not a number."""
    found = explained("1", "5")
    assert found.veto
    assert found.veto in found.verdict


def test_a_file_is_weighed_as_if_it_were_dropped(explained, tmp_path):
    """Against a stored report or another file; nothing is stored by it."""
    (tmp_path / "fire.txt").write_text(f" date 2026-11-20 Rescue off Port Sallow\n\n{FIRE_AGAIN}\n")
    (tmp_path / "budget.md").write_text(f"# Budget passes\n\n{BUDGET}\n")
    fire, budget = str(tmp_path / "fire.txt"), str(tmp_path / "budget.md")
    assert explained("1", fire).verdict.startswith("one event: ")
    assert explained(fire, fire).verdict.startswith("one text: ")
    assert explained(fire, budget).verdict.startswith("not one event: ")
    assert explained(fire, budget).stories == (None, None)
    with pytest.raises(NotFound):
        explained("1", str(len(REPORTS) + 1))


def test_json_is_plain(explained):
    """Numbers have four decimals at most, and everything can be read back."""
    found = json.loads(json.dumps(explained("1", "2").as_json()))

    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [number for each in value.values() for number in numbers(each)]
        if isinstance(value, list):
            return [number for each in value for number in numbers(each)]
        return [value] if isinstance(value, float) else []

    assert numbers(found)
    assert all(round(number, 4) == number for number in numbers(found))


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("none.txt", None, NotFound),
        ("a.toml", b"x = 1", ParseError),
        ("empty.jsonl", b"\n\n", (NotFound, ParseError)),
        ("big.txt", b"x" * 10_000_001, NotFound),
    ],
)
def test_a_file_that_cannot_be_weighed_is_an_error_with_a_hint(explained, tmp_path, name, content, error):
    """Not there, no reader for it, nothing in it, too much in it."""
    path: Path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as raised:
        explained("1", str(path))
    assert name in raised.value.message
    assert raised.value.hint


def test_what_contradicts_is_listed(explained):
    """A title's numbers and names that the other report has nowhere; both sides, whichever is first."""
    ahead, back = explained("1", "3"), explained("3", "1")
    for kind in ("names", "numbers"):
        assert ahead.against[kind] == tuple(reversed(back.against[kind]))


def test_a_story_is_weighed_as_a_whole(explained, settings):
    """Apart although the pair reaches the bar: the score with the other's whole story is told."""
    database = Database(settings.database)
    with database.writing() as tx:
        story = stories.of_reports(tx, [3])[3]
        correct.merge(tx, Linker(settings.dedup), [story, stories.of_reports(tx, [1])[1]], NOON)
        correct.split(tx, Linker(settings.dedup), story, [2], NOON)
        before = stories.of_reports(tx, [1, 2])
    database.close()
    found = explained("1", "2")
    assert found.correction == "2: apart"
    assert "But a person said that they are apart (correction 2), and that decides" in found.verdict
    assert [(each.report, each.story) for each in found.whole] == [("A", before[2]), ("B", before[1])]
    together = explained("1", "3")
    assert together.correction == "1: together"
    assert "scores" in together.verdict
    assert explained("3", "5").correction is None
