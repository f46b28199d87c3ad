"""What a newcomer shows about the stories nearby is put right: merges, moves, and who leaves."""

import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER

from aggregator.dedup.corrections import Constraints
from aggregator.dedup.reassignment import ActiveConstraints, refine
from aggregator.dedup.thresholds import Thresholds, strictness

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
CROWD = [FIRE, FIRE, BUDGET, BUDGET_AGAIN, FIRE_AGAIN, FIRE_LATER, BUDGET, BUDGET_AGAIN]


def test_looking_again_comes_to_an_end(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """Once the stories nearby were put right, which takes two looks at the most, another one leaves them."""
    crowd = [profile(report, number) for number, report in enumerate(CROWD, 1)]
    partition = {1: [crowd[0]], 2: [crowd[1]], 3: crowd[2:5], 6: crowd[5:]}
    for look in range(3):
        merges, moves = refine(partition, {}, thresholds)
        if look == 0:
            assert {(2, 1), (1, 2)} & {(absorbed, survivor) for absorbed, survivor, _ in merges}
        for absorbed, survivor, _ in merges:
            partition[survivor] = partition[survivor] + partition.pop(absorbed)
        for report, origin, destination, _ in moves:
            moved = next(member for member in partition[origin] if member.id == report)
            partition[origin].remove(moved)
            partition.setdefault(destination, []).append(moved)
        partition = {story: members for story, members in partition.items() if members}
    assert (merges, moves) == ((), ())


def judged(odds: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """Pairs of reports by the log odds that they were judged with."""
    return {pair: 1.0 / (1.0 + math.exp(-each)) for pair, each in odds.items()}


@pytest.mark.parametrize(("better", "moves"), [(-0.1, []), (0.2, []), (0.4, [(2, 1, 3)])])
def test_a_report_moves_only_where_it_suits_clearly_better(
    better: float, moves: list[tuple[int, int, int]], profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """A little better is not enough: it would move back with the next report."""
    one, two, three, four = (profile(FIRE, number) for number in (1, 2, 3, 4))
    there = 1.0 + better + float(strictness(2))
    odds = {(1, 2): 1.0, (2, 3): there, (2, 4): there, (3, 4): 5.0, (1, 3): -6.0, (1, 4): -6.0}
    _, found = refine({1: [one, two], 3: [three, four]}, judged(odds), thresholds)
    assert [(report, origin, destination) for report, origin, destination, _ in found] == moves


@pytest.mark.parametrize(
    ("with_friend", "with_others", "origin"),
    [
        (0.1, -3.0, [(3, 1, -3)]),
        (0.9, -3.0, []),  # one friend is enough
        (0.83, 0.84, []),  # short of the bar by too little: it would come back with the next report
    ],
)
def test_a_report_leaves_where_it_agrees_with_nobody(
    with_friend: float,
    with_others: float,
    origin: list[tuple[int, int, int]],
    profile: Callable[..., Any],
    thresholds: Thresholds,
) -> None:
    """The mean must be clearly under the bar (0.85 in log odds), and no member reach it alone."""
    profiles = [profile(FIRE, number) for number in (1, 2, 3)]
    odds = {(1, 2): 6.0, (1, 3): with_friend, (2, 3): with_others}
    _, moves = refine({1: profiles}, judged(odds), thresholds)
    assert [(report, left, joined) for report, left, joined, _ in moves] == origin


def test_of_two_strangers_the_newer_leaves(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """One of them keeps the story, and who a person has put there stays."""
    pair = [profile(FIRE, number) for number in (1, 2)]
    _, moves = refine({7: pair}, judged({(1, 2): -2.0}), thresholds)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(2, 7, -2)]
    together = Constraints(together=dict.fromkeys((1, 2), frozenset({1, 2})))
    assert refine({7: pair}, judged({(1, 2): -2.0}), thresholds, ActiveConstraints(together)) == ((), ())


def test_two_that_leave_go_together_if_they_agree(
    profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """From two stories into one new one; unless a person told them apart."""
    profiles = [profile(FIRE, number) for number in range(1, 7)]
    mates = [(1, 2), (1, 3), (2, 3), (4, 5), (4, 6), (5, 6)]
    odds = dict.fromkeys(itertools.combinations(range(1, 7), 2), -5.0) | dict.fromkeys(mates, 6.0)
    odds |= {(1, 3): -3.0, (2, 3): -3.0, (4, 6): -3.0, (5, 6): -3.0, (3, 6): 4.0}
    _, moves = refine({1: profiles[:3], 4: profiles[3:]}, judged(odds), thresholds)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(6, 4, -6), (3, 1, -6)]
    apart = ActiveConstraints(
        Constraints(apart={3: frozenset({6}), 6: frozenset({3})}), {1: frozenset({3}), 4: frozenset({6})}
    )
    _, moves = refine({1: profiles[:3], 4: profiles[3:]}, judged(odds), thresholds, apart)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(6, 4, -6), (3, 1, -3)]


def test_nobody_leaves_a_story_that_is_not_looked_at_as_a_whole(
    profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """Who agrees with none of those at hand may have a friend among the others; also when it was merged."""
    profiles = [profile(FIRE, number) for number in (1, 2, 3, 4)]
    odds = dict.fromkeys([(1, 2), (1, 4), (2, 4)], 6.0) | dict.fromkeys([(1, 3), (2, 3), (3, 4)], -5.0)
    for partition, partly, origin in (
        ({1: profiles}, set(), [(3, 1, -3)]),
        ({1: profiles}, {1}, []),
        ({1: profiles[:3], 4: profiles[3:]}, {4}, []),
        ({1: profiles[:3], 4: profiles[3:]}, {5}, [(3, 1, -3)]),
    ):
        members = {story: list(here) for story, here in partition.items()}
        _, moves = refine(members, judged(odds), thresholds, partly=frozenset(partly))
        assert [(report, left, joined) for report, left, joined, _ in moves] == origin


def test_a_report_outside_of_the_window_is_no_stranger(
    profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """Nobody speaks against it: it stays in the story that goes on without it."""
    early, late = (profile((*FIRE, "en", DAY + timedelta(days=days)), 1 + days) for days in (0, 15))
    assert refine({1: [early, late]}, {}, thresholds) == ((), ())


@pytest.mark.parametrize(("size", "merged"), [(1, True), (4, False)])
def test_large_stories_need_more_to_become_one(
    size: int, merged: bool, profile: Callable[..., Any], thresholds: Thresholds
) -> None:
    """What is enough for two reports is not enough for two stories of four."""
    mine, others = (range(first, first + size) for first in (1, 11))
    enough = math.log(thresholds.story / (1 - thresholds.story)) + 0.2
    odds = dict.fromkeys(itertools.product(mine, others), enough)
    odds |= {pair: 6.0 for members in (mine, others) for pair in itertools.combinations(members, 2)}
    partition = {members[0]: [profile(FIRE, number) for number in members] for members in (mine, others)}
    merges, _ = refine(partition, judged(odds), thresholds)
    assert bool(merges) is merged


def test_one_pair_does_not_outvote_another(profile: Callable[..., Any], thresholds: Thresholds) -> None:
    """However sure it is of the one, what speaks as strongly against the other counts as much."""
    odds = {(1, 2): 30.0, (1, 3): -7.5, (2, 3): 30.0}
    one, two, three = (profile(FIRE, number) for number in (1, 2, 3))
    assert refine({1: [one], 2: [two, three]}, judged(odds), thresholds) == ((), ())
