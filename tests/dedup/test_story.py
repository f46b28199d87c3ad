"""A report finds its story, whatever came before, after and in which order."""

import itertools
import json
import lzma
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.dedup.story import Neighbourhood, place
from aggregator.dedup.thresholds import Thresholds

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
SITE_A = (
    "Night shift at Korvald mine walks out after roof fall",
    "Forty-one miners at the Korvald copper mine refused to go underground on Wednesday "
    "night, two days after a "
    "roof fall in gallery nine killed the foreman, Anders Myhre. Their spokeswoman, Liv Sandbakk, said the "
    "bolts there had been reported loose in August. Nordmalm, which owns the mine, called "
    "the stoppage unlawful.",
)
SITE_B = (
    "",
    "“We will not bury another Anders,” said Liv Sandbakk, and forty-one lamps stayed on "
    "their hooks. Since the "
    "ceiling of gallery nine came down upon foreman Myhre on Monday, Korvald's night crew no "
    "longer trusts what "
    "Nordmalm tells it about bolts. The company speaks of breach of contract.",
)
NOUNS = [
    "bridge",
    "orchard",
    "museum",
    "tram",
    "quarry",
    "library",
    "stadium",
    "bakery",
    "reservoir",
    "chapel",
]
VERBS = ["opens", "closes", "floods", "expands", "moves", "burns", "celebrates", "hires", "sues", "rebuilds"]
NAMES = [
    a + b
    for a in ("Bel", "Dor", "Fen", "Gal", "Hul", "Jor", "Kes", "Lam")
    for b in ("mar", "tow", "rik", "dal")
]


def unrelated(count: int) -> list[tuple[str, str]]:
    """Short reports of events that have nothing to do with each other."""
    rng = random.Random(11)
    cases = list(itertools.product(NAMES, NOUNS, VERBS))
    return [
        (
            f"{name} {noun} {verb}",
            f"The {noun} of {name} {verb} after {rng.randint(2, 90)} years, said {rng.choice(NAMES)} "
            f"{rng.choice(NAMES)}son on {rng.choice(('Monday', 'Tuesday', 'Friday'))}.",
        )
        for name, noun, verb in rng.sample(cases, count)
    ]


PLACES = [(0, 0, 0), (150, 0, 150), (100, 100, 100)]
CROWD = [SITE_A, SITE_A, *unrelated(6)]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("before", "between", "after"), PLACES)
def test_one_event_is_one_story_from_the_first_day(
    swapped: bool, before: int, between: int, after: int, stream: Callable[..., Any]
) -> None:
    """Two reports without a common phrase are one story of exactly these two, whatever else arrives."""
    pair = [SITE_B, SITE_A] if swapped else [SITE_A, SITE_B]
    crowd = unrelated(before + between + after)
    reports = [
        *crowd[:before],
        pair[0],
        *crowd[before : before + between],
        pair[1],
        *crowd[before + between :],
    ]
    found = stream(reports)
    assert {before + 1, before + between + 2} in found.stories()


def test_a_chain_does_not_swallow_the_day(stream: Callable[..., Any]) -> None:
    """Reports of which each resembles only the next are not one story."""
    words = [f"{name}{noun}" for name in NAMES for noun in NOUNS]
    reports = [("", " ".join(words[4 * i : 4 * i + 12])) for i in range(40)]
    assert max(len(story) for story in stream(reports).stories()) <= 6


def test_a_serial_item_opens_a_story_each_day(stream: Callable[..., Any]) -> None:
    """A daily column differs in its date only, and that parts it."""
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    reports = [
        (
            f"Tarnvik harbour bulletin for {day} {16 + i} November",
            "Tides, moorings and lights at Tarnvik harbour.",
        )
        for i, day in enumerate(days)
    ]
    assert [len(story) for story in stream(reports).stories()] == [1] * len(days)


def test_copies_share_a_group(stream: Callable[..., Any]) -> None:
    """A reprint joins story and copy group of its original; a report in other words the story only."""
    found = stream([SITE_A, SITE_A, SITE_B])
    assert found.stories() == [{1, 2, 3}]
    assert found.copy_group == {1: 1, 2: 1, 3: 3}


def test_a_newcomer_says_what_it_was_closest_to(stream: Callable[..., Any], thresholds: Thresholds) -> None:
    """The plan names the story, a score at the bar or above, and the closest report."""
    found = stream([SITE_A, *unrelated(20)])
    plan = found.take(SITE_B)
    assert (plan.story, plan.matched) == (1, 1)
    assert plan.score >= thresholds.story


def test_what_is_out_of_the_window_does_not_speak(stream: Callable[..., Any]) -> None:
    """A story that goes on takes what suits its last days; one that ended takes nothing more."""
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    ongoing = stream([(*SITE_A, "en", begin + timedelta(days=10 * step)) for step in range(4)])
    assert ongoing.stories() == [{1, 2, 3, 4}]
    ended = stream([(*SITE_A, "en", begin), (*SITE_A, "en", begin + timedelta(days=15))])
    assert ended.stories() == [{1}, {2}]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(8)))
def test_the_order_of_members_changes_nothing(
    order: list[int], profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """Neither the order of stories nor that of their members moves a score or a choice."""
    profiles = [profile(report, number) for number, report in enumerate(CROWD, 1)]
    newcomer = profile(SITE_B, 99)
    straight = {1: profiles[:3], 4: profiles[3:6], 7: profiles[6:8]}
    shuffled: dict[int, list[Any]] = {}
    for i in order:
        story = next(story for story, members in straight.items() if profiles[i] in members)
        shuffled.setdefault(story, []).append(profiles[i])
    one = place(newcomer, Neighbourhood(straight), thresholds)
    other = place(newcomer, Neighbourhood(shuffled), thresholds)
    assert (one.story, one.matched, one.merges) == (other.story, other.matched, other.merges)
    assert one.score == pytest.approx(other.score)


def test_placing_is_deterministic(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """The same question twice has the same answer, with and without what was judged before."""
    near = Neighbourhood({1: [profile(report, number) for number, report in enumerate(CROWD, 1)]})
    first = place(profile(SITE_B, 99), near, thresholds)
    assert place(profile(SITE_B, 99), near, thresholds) == first
    assert place(profile(SITE_B, 99), Neighbourhood(near.stories), thresholds) == first


def test_the_seeds_are_one_story(shared: Path, stream: Callable[..., Any]) -> None:
    """The two seeds end in one story of exactly these two: alone, and with 500 real items before or after."""
    pair = [_seed(path) for path in sorted((shared / "seeds").glob("0*.txt"))]
    real = _items(shared / "corpora" / "stream_2020_2021.jsonl.xz", 500)
    for seeds in (pair, pair[::-1]):
        assert stream(seeds).stories() == [{1, 2}]
        assert {1, 2} in stream([*seeds, *real]).stories()
        assert {501, 502} in stream([*real, *seeds]).stories()


def _seed(path: Path) -> tuple[str, str, str, datetime]:
    head, body = path.read_text("utf-8").split("\n", 1)
    match = re.match(r"\s*date (\S+) (.*)", head)
    assert match
    published = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return (
        (match[2], body, "en", published) if len(match[2]) < 150 else ("", match[2] + body, "en", published)
    )


def _items(path: Path, count: int) -> list[tuple[str, str, str, datetime]]:
    items = []
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, count):
            item = json.loads(line)
            seen = datetime.fromisoformat(item["first_seen"])
            items.append((item["title"] or "", item["text"] or "", item["lang"] or "und", seen))
    return items
