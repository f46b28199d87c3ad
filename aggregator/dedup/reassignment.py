"""Looking again: what a report that came shows about the stories nearby, and puts right.

All pairs of the reports in these stories are looked at. Two stories whose members agree at the bar are one. A
report that agrees clearly better with another story moves there. And one that by now agrees with none of its
story's members leaves it: on the first day a name looks rare that is in everybody's mouth on the third.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from aggregator.dedup.bars import Bars, Floats, log_odds, strictness, sure
from aggregator.dedup.corrections import Rules
from aggregator.dedup.verdict import Telling, apart_each, judge

_CLEARLY = 0.3  # log odds by which another story must suit a report better, or its own worse: no flipping

Merge = tuple[int, int, float]
"""Story that goes, story that stays, score of the two."""

Move = tuple[int, int, int, float]
"""Report, story it leaves, story it joins, score with that.

A story of 0 is the newcomer's own. One below 0 is new, opened by the report of that number when it moves
there itself; then the score is that with the story it leaves.
"""

Stories = npt.NDArray[np.int64]


@dataclass(slots=True)
class Corrected:
    """What people said, while stories are merged and reports move: `told_apart` moves along.

    Attributes:
        rules: what they said.
        told_apart: story id to those in it that must not share a story with some others.
    """

    rules: Rules = field(default_factory=Rules)
    told_apart: dict[int, frozenset[int]] = field(default_factory=dict)

    def _of(self, story: int) -> frozenset[int]:
        return self.told_apart.get(story, frozenset())

    def may_unite(self, one: int, other: int) -> bool:
        """Whether two stories may become one."""
        return not self.rules.parted(self._of(one), self._of(other))

    def unite(self, goes: int, stays: int) -> None:
        """Two stories are one now."""
        self.told_apart[stays] = self._of(stays) | self._of(goes)

    def may_move(self, report: int, joins: int) -> bool:
        """Whether a report may leave its story for this one."""
        return not self.rules.bound(report) and not self.rules.parted([report], self._of(joins))

    def move(self, report: int, leaves: int, joins: int) -> None:
        """A report has left one story for another."""
        moved = self.rules.told_apart([report])
        self.told_apart |= {leaves: self._of(leaves) - moved, joins: self._of(joins) | moved}


def refine(
    partition: dict[int, list[Telling]],
    judged: dict[tuple[int, int], float],
    bars: Bars,
    corrected: Corrected | None = None,
    partly: frozenset[int] = frozenset(),
) -> tuple[tuple[Merge, ...], tuple[Move, ...]]:
    """Merge stories that agree at the bar, move reports that clearly suit another better, part strangers.

    Args:
        partition: story id to its members; 0 is a story not yet stored.
        judged: probabilities by pair of report ids; missing ones are judged and added.
        bars: what a score has to reach.
        corrected: what people said; no merge and no move goes against it.
        partly: stories with members that are not in `partition`: nobody leaves them for want of a friend.

    Returns:
        Merges and moves, in the order to carry them out.

    """
    corrected = corrected or Corrected()
    told = [member for members in partition.values() for member in members]
    story_of = np.array([story for story, members in partition.items() for _ in members])
    table = _table(told, judged, bars)
    merges: list[tuple[int, int, float]] = []
    while (agreed := _most_agreed(story_of, table, bars.story, corrected)) is not None:
        goes, stays, _ = agreed
        merges.append(agreed)
        story_of[story_of == goes] = stays
        corrected.unite(goes, stays)
        partly |= {stays} if goes in partly else frozenset()
    sitting = _Sitting(told, story_of, table, corrected.rules)
    moves = list(_moves(sitting, bars.story, corrected))
    moves += _leaves(sitting, bars.story, corrected, partly)
    return tuple(merges), tuple(moves)


@dataclass(frozen=True, slots=True)
class _Table:
    """All pairs of the reports that are looked at: log odds, and whether the pair counts; shape (n, n).

    A pair that does not count, as a report with itself, has log odds of 0.
    """

    odds: Floats
    counts: Floats

    def sums(self, belongs: Floats) -> tuple[Floats, Floats]:
        """Log odds of each report with each story, summed, and over how many pairs; shape (n, stories)."""
        return self.odds @ belongs, self.counts @ belongs


def _belongs(story_of: Stories, stories: Stories) -> Floats:
    """1 where a report sits in a story, shape (n, stories)."""
    belongs: Floats = (story_of[:, None] == stories).astype(np.float64)
    return belongs


def _mean(sums: Floats, counts: Floats) -> Floats:
    """The mean; -inf where no pair counts."""
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), -math.inf)


def _most_agreed(
    story_of: Stories, table: _Table, bar: float, corrected: Corrected
) -> tuple[int, int, float] | None:
    """The two stories that agree most, at the bar or above: (goes, stays, score); the larger one stays."""
    stories, sizes = np.unique(story_of, return_counts=True)
    belongs = _belongs(story_of, stories)
    sums, counts = table.sums(belongs)
    agreement = _mean(belongs.T @ sums, belongs.T @ counts)
    agreement -= strictness(np.minimum(sizes[:, None], sizes))
    agreement[np.tril_indices(len(stories))] = -math.inf
    if corrected.rules.apart:
        may = [[corrected.may_unite(int(one), int(other)) for other in stories] for one in stories]
        agreement[~np.array(may)] = -math.inf
    i, j = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
    if agreement[i, j] < log_odds(np.array(bar)):
        return None
    stays, goes = sorted((int(i), int(j)), key=lambda k: (stories[k] == 0, -sizes[k], stories[k]))
    return int(stories[goes]), int(stories[stays]), sure(float(agreement[i, j]))


class _Sitting:
    """Who sits where, while reports move.

    Attributes:
        told: the reports.
        stories: their stories.
        at: the story of each report, shape (n,), by its place in `stories`; -1 for one that sits alone.
        owner: the story of each part of a story, as `at` has it.
        suits: log odds of each report with each part, without itself, shape (n, parts).
        stands: the same with the part of its own story that it suits best, shape (n,); nan where it is alone.
        closest: log odds of each with the member of its story that it is closest to, shape (n,). All are -inf
            where nobody counts.
    """

    def __init__(self, told: Sequence[Telling], story_of: Stories, table: _Table, rules: Rules) -> None:
        self.told = told
        self.stories, self.at = np.unique(story_of, return_inverse=True)
        part_of, self.owner = _parts(told, self.at, len(self.stories), rules)
        self._table, self._belongs = table, _belongs(part_of, np.arange(len(self.owner)))
        self._weigh()

    def put(self, i: int, part: int | None) -> None:
        """A report into a part, or out of all."""
        self._belongs[i] = 0.0
        self.at[i] = -1
        if part is not None:
            self._belongs[i, part] = 1.0
            self.at[i] = self.owner[part]
        self._weigh()

    def odds(self, i: int, j: int) -> float:
        """Log odds of two reports; -inf where the pair does not count."""
        return float(self._table.odds[i, j]) if self._table.counts[i, j] else -math.inf

    def _weigh(self) -> None:
        others = self._belongs.sum(axis=0) - self._belongs
        self.suits = _mean(*self._table.sums(self._belongs)) - strictness(others)
        mine = self.owner == self.at[:, None]
        company = (mine & (others > 0)).any(axis=1)
        self.stands = np.where(company, np.where(mine, self.suits, -math.inf).max(axis=1), math.nan)
        mates = (self.at[:, None] == self.at) & (self._table.counts > 0)
        self.closest = np.where(mates, self._table.odds, -math.inf).max(axis=1)


def _moves(sitting: _Sitting, bar: float, corrected: Corrected) -> Iterator[Move]:
    """Reports that clearly suit another story better, one after the other."""
    least = float(log_odds(np.array(bar)))
    for i, report in enumerate(sitting.told):
        stands = float(sitting.stands[i])
        if math.isnan(stands) or corrected.rules.bound(report.id):
            continue
        mine, suits = sitting.at[i], sitting.suits[i].copy()
        may = [story != 0 and corrected.may_move(report.id, int(story)) for story in sitting.stories]
        suits[(sitting.owner == mine) | ~np.array(may)[sitting.owner]] = -math.inf
        part = int(np.argmax(suits))
        if suits[part] >= max(least, stands + _CLEARLY):
            leaves, joins = int(sitting.stories[mine]), int(sitting.stories[sitting.owner[part]])
            yield report.id, leaves, joins, sure(float(suits[part]))
            corrected.move(report.id, leaves, joins)
            sitting.put(i, part)


def _leaves(sitting: _Sitting, bar: float, corrected: Corrected, partly: Collection[int]) -> Iterator[Move]:
    """Reports that agree with nobody in their story any more, the worst first, of equals the newest.

    The mean alone does not part them: it would part whoever has one friend among many strangers. Two that
    leave and agree with each other go together. Who has mates that are not looked at may have a friend there.
    """
    least = float(log_odds(np.array(bar)))
    whole = ~np.isin(sitting.stories, list(partly))[sitting.at]
    free = whole & [not corrected.rules.bound(report.id) for report in sitting.told]
    newest = np.array([-report.id for report in sitting.told])
    left: list[int] = []
    while True:
        alone = (sitting.closest < least) & (sitting.closest > -math.inf)
        unfit = np.flatnonzero(free & alone & (sitting.stands < least - _CLEARLY))
        if not len(unfit):
            return
        i = int(unfit[np.lexsort((newest[unfit], sitting.stands[unfit]))[0]])
        report, leaves = sitting.told[i].id, int(sitting.stories[sitting.at[i]])
        friends = [
            j for j in left if sitting.odds(i, j) >= least and corrected.may_move(report, -sitting.told[j].id)
        ]
        friend = max(friends, key=lambda j: sitting.odds(i, j), default=None)
        if friend is None:
            joins, score = -report, float(sitting.stands[i])
            left.append(i)
        else:
            joins, score = -sitting.told[friend].id, sitting.odds(i, friend)
        yield report, leaves, joins, sure(score)
        corrected.move(report, leaves, joins)
        sitting.put(i, None)


def _parts(told: Sequence[Telling], at: Stories, stories: int, rules: Rules) -> tuple[Stories, Stories]:
    """The part of its story that each report is in, and the story of each part.

    The first parts are the stories themselves; what a person put together has further ones.
    """
    parts = {(story, 0): story for story in range(stories)}
    in_part = [
        parts.setdefault((int(story), rules.parts.get(report.id, 0)), len(parts))
        for story, report in zip(at, told, strict=True)
    ]
    return np.array(in_part), np.array([story for story, _ in parts])


def _table(told: Sequence[Telling], judged: dict[tuple[int, int], float], bars: Bars) -> _Table:
    """What is known of each pair; what is not known yet is judged and kept."""
    size = len(told)
    found = np.zeros((size, size))
    ids = [telling.id for telling in told]
    for i, one in enumerate(told[:-1]):
        mine = ids[i]
        pairs = [(mine, other) if mine < other else (other, mine) for other in ids[i + 1 :]]
        known = [judged.get(pair) for pair in pairs]
        if missing := [k for k, score in enumerate(known) if score is None]:
            scores = judge(one, [told[i + 1 + k] for k in missing], bars.window).tolist()
            judged.update((pairs[k], score) for k, score in zip(missing, scores, strict=True))
            known = [judged[pair] for pair in pairs]
        found[i, i + 1 :] = known
    counts = (~apart_each(told, bars.window)).astype(np.float64)
    np.fill_diagonal(counts, 0.0)
    return _Table(log_odds(found + found.T) * counts, counts)
