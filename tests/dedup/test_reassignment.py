"""What a newcomer shows about the stories nearby is put right: merges, moves, and who leaves."""

import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER

from aggregator.dedup.bars import Bars
from aggregator.dedup.corrections import Rules
from aggregator.dedup.settling import Corrected, refine

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
CROWD = [FIRE, FIRE, BUDGET, BUDGET_AGAIN, FIRE_AGAIN, FIRE_LATER, BUDGET, BUDGET_AGAIN]


def test_looking_again_twice_finds_nothing_new(telling: Callable[..., Any], bars: Bars) -> None:
    """Once the stories nearby were put right, another look leaves them."""
    crowd = [telling(report, number) for number, report in enumerate(CROWD, 1)]
    partition = {1: [crowd[0]], 2: [crowd[1]], 3: crowd[2:5], 6: crowd[5:]}
    merges, moves = refine(partition, {}, bars)
    assert {(2, 1), (1, 2)} & {(goes, stays) for goes, stays, _ in merges}
    for goes, stays, _ in merges:
        partition[stays] = partition[stays] + partition.pop(goes)
    for report, leaves, joins, _ in moves:
        moved = next(member for member in partition[leaves] if member.id == report)
        partition[leaves].remove(moved)
        partition.setdefault(joins, []).append(moved)
    assert refine({story: members for story, members in partition.items() if members}, {}, bars) == ((), ())


def judged(odds: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """Pairs of reports by the log odds that they were judged with."""
    return {pair: 1.0 / (1.0 + math.exp(-each)) for pair, each in odds.items()}


@pytest.mark.parametrize(("better", "moves"), [(-0.1, []), (0.2, []), (0.4, [(2, 1, 3)])])
def test_a_report_moves_only_where_it_suits_clearly_better(
    better: float, moves: list[tuple[int, int, int]], telling: Callable[..., Any], bars: Bars
) -> None:
    """A little better is not enough: it would move back with the next report."""
    one, two, three, four = (telling(FIRE, number) for number in (1, 2, 3, 4))
    there = 1.0 + better + 0.2 * math.log(2)
    odds = {(1, 2): 1.0, (2, 3): there, (2, 4): there, (3, 4): 5.0, (1, 3): -6.0, (1, 4): -6.0}
    _, found = refine({1: [one, two], 3: [three, four]}, judged(odds), bars)
    assert [(report, leaves, joins) for report, leaves, joins, _ in found] == moves


@pytest.mark.parametrize(
    ("with_friend", "with_others", "leaves"),
    [
        (0.1, -3.0, [(3, 1, -3)]),
        (0.5, -3.0, []),  # one friend is enough
        (0.3, 0.39, []),  # short of the bar by too little: it would come back with the next report
    ],
)
def test_a_report_leaves_where_it_agrees_with_nobody(
    with_friend: float,
    with_others: float,
    leaves: list[tuple[int, int, int]],
    telling: Callable[..., Any],
    bars: Bars,
) -> None:
    """The mean must be clearly under the bar (0.41 in log odds), and no member reach it alone."""
    told = [telling(FIRE, number) for number in (1, 2, 3)]
    odds = {(1, 2): 6.0, (1, 3): with_friend, (2, 3): with_others}
    _, moves = refine({1: told}, judged(odds), bars)
    assert [(report, left, joined) for report, left, joined, _ in moves] == leaves


def test_of_two_strangers_the_newer_leaves(telling: Callable[..., Any], bars: Bars) -> None:
    """One of them keeps the story, and who a person has put there stays."""
    pair = [telling(FIRE, number) for number in (1, 2)]
    _, moves = refine({7: pair}, judged({(1, 2): -2.0}), bars)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(2, 7, -2)]
    together = Rules(together=dict.fromkeys((1, 2), frozenset({1, 2})))
    assert refine({7: pair}, judged({(1, 2): -2.0}), bars, Corrected(together)) == ((), ())


def test_two_that_leave_go_together_if_they_agree(telling: Callable[..., Any], bars: Bars) -> None:
    """From two stories into one new one; unless a person told them apart."""
    told = [telling(FIRE, number) for number in range(1, 7)]
    mates = [(1, 2), (1, 3), (2, 3), (4, 5), (4, 6), (5, 6)]
    odds = dict.fromkeys(itertools.combinations(range(1, 7), 2), -5.0) | dict.fromkeys(mates, 6.0)
    odds |= {(1, 3): -3.0, (2, 3): -3.0, (4, 6): -3.0, (5, 6): -3.0, (3, 6): 4.0}
    _, moves = refine({1: told[:3], 4: told[3:]}, judged(odds), bars)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(6, 4, -6), (3, 1, -6)]
    apart = Corrected(
        Rules(apart={3: frozenset({6}), 6: frozenset({3})}), {1: frozenset({3}), 4: frozenset({6})}
    )
    _, moves = refine({1: told[:3], 4: told[3:]}, judged(odds), bars, apart)
    assert [(report, left, joined) for report, left, joined, _ in moves] == [(6, 4, -6), (3, 1, -3)]


def test_nobody_leaves_a_story_that_is_not_looked_at_as_a_whole(
    telling: Callable[..., Any], bars: Bars
) -> None:
    """Who agrees with none of those at hand may have a friend among the others; also when it was merged."""
    told = [telling(FIRE, number) for number in (1, 2, 3, 4)]
    odds = dict.fromkeys([(1, 2), (1, 4), (2, 4)], 6.0) | dict.fromkeys([(1, 3), (2, 3), (3, 4)], -5.0)
    for partition, partly, leaves in (
        ({1: told}, set(), [(3, 1, -3)]),
        ({1: told}, {1}, []),
        ({1: told[:3], 4: told[3:]}, {4}, []),
        ({1: told[:3], 4: told[3:]}, {5}, [(3, 1, -3)]),
    ):
        members = {story: list(here) for story, here in partition.items()}
        _, moves = refine(members, judged(odds), bars, partly=frozenset(partly))
        assert [(report, left, joined) for report, left, joined, _ in moves] == leaves


def test_a_report_outside_of_the_window_is_no_stranger(telling: Callable[..., Any], bars: Bars) -> None:
    """Nobody speaks against it: it stays in the story that goes on without it."""
    early, late = (telling((*FIRE, "en", DAY + timedelta(days=days)), 1 + days) for days in (0, 15))
    assert refine({1: [early, late]}, {}, bars) == ((), ())


@pytest.mark.parametrize(("size", "merged"), [(1, True), (4, False)])
def test_large_stories_need_more_to_become_one(
    size: int, merged: bool, telling: Callable[..., Any], bars: Bars
) -> None:
    """What is enough for two reports is not enough for two stories of four."""
    mine, others = (range(first, first + size) for first in (1, 11))
    enough = math.log(bars.story / (1 - bars.story)) + 0.2
    odds = dict.fromkeys(itertools.product(mine, others), enough)
    odds |= {pair: 6.0 for members in (mine, others) for pair in itertools.combinations(members, 2)}
    partition = {members[0]: [telling(FIRE, number) for number in members] for members in (mine, others)}
    merges, _ = refine(partition, judged(odds), bars)
    assert bool(merges) is merged


def test_one_pair_does_not_outvote_another(telling: Callable[..., Any], bars: Bars) -> None:
    """However sure it is of the one, what speaks as strongly against the other counts as much."""
    odds = {(1, 2): 30.0, (1, 3): -7.5, (2, 3): 30.0}
    one, two, three = (telling(FIRE, number) for number in (1, 2, 3))
    assert refine({1: [one], 2: [two, three]}, judged(odds), bars) == ((), ())
