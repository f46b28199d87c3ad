"""Reports partitioned as a whole: by what they say, in no order, within bounds."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.dedup import partition as module
from aggregator.dedup.partition import agreement, partition
from aggregator.dedup.thresholds import Thresholds

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
CROWD = (FIRE, BUDGET, FIRE_AGAIN, BUDGET_AGAIN, FIRE_LATER, BUDGET)
FIRES, BUDGETS = frozenset({1, 3, 5}), frozenset({2, 4, 6})

Make = Callable[..., Any]


def crowd(profile: Make, numbers: Sequence[int]) -> list[Any]:
    """Profiles whose ids are these; each text has the same number in every order."""
    return [profile(CROWD[number - 1], number) for number in numbers]


def all_pairs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.combinations(numbers, 2))


@given(numbers=st.permutations(range(1, len(CROWD) + 1)))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # they hold no state
)
def test_in_whatever_order_they_are_given(profile: Make, thresholds: Thresholds, numbers: list[int]) -> None:
    """The two events come out, and every report is in one of them."""
    found = partition(crowd(profile, numbers), all_pairs(numbers), thresholds, {}, {})
    assert set(found) == {FIRES, BUDGETS}


@pytest.mark.parametrize("numbers", list(itertools.permutations((1, 2, 3))))
def test_a_tie_is_broken_by_what_they_say(profile: Make, thresholds: Thresholds, numbers: Any) -> None:
    """The one in the middle agrees with both alike, and they with each other not at all: the earlier two."""
    texts = [profile((*FIRE, "en", DAY + timedelta(hours=i)), numbers[i]) for i in range(3)]
    early, middle, late = numbers
    judged = {
        (min(pair), max(pair)): odds
        for pair, odds in [((early, middle), 0.9), ((middle, late), 0.9), ((early, late), 0.05)]
    }
    found = partition(sorted(texts, key=lambda each: each.id), all_pairs((1, 2, 3)), thresholds, judged, {})
    assert set(found) == {frozenset({early, middle}), frozenset({late})}


def test_what_is_no_candidate_is_not_joined(profile: Make, thresholds: Thresholds) -> None:
    """Not even the same text, as nobody has linked the two."""
    found = partition(crowd(profile, [1, 3]), [], thresholds, {}, {})
    assert sorted(found) == [frozenset({1}), frozenset({3})]


@pytest.mark.parametrize(
    ("largest", "expected"), [(3, {FIRES, BUDGETS}), (2, {frozenset({1}), frozenset({3, 5}), BUDGETS})]
)
def test_what_is_too_large_stays_as_it_is(
    profile: Make, thresholds: Thresholds, monkeypatch: pytest.MonkeyPatch, largest: int, expected: Any
) -> None:
    """A component beyond the bound keeps its stories: its time would grow with the cube."""
    monkeypatch.setattr(module, "_LARGEST", largest)
    present = {1: 10, 3: 11, 5: 11, 2: 12, 4: 12, 6: 12}
    numbers = range(1, len(CROWD) + 1)
    found = partition(crowd(profile, numbers), all_pairs(numbers), thresholds, {}, present)
    assert set(found) == expected


def test_agreement_is_high_within_an_event_and_low_across(profile: Make, thresholds: Thresholds) -> None:
    """It is a probability; of nobody it is 0."""
    reports = {each.id: each for each in crowd(profile, range(1, len(CROWD) + 1))}
    fires, budgets = ([reports[i] for i in sorted(event)] for event in (FIRES, BUDGETS))
    assert agreement(fires[:1], fires[1:], thresholds, {}) > thresholds.story
    assert agreement(fires, budgets, thresholds, {}) < 0.05
    assert agreement(fires, [], thresholds, {}) == 0.0
