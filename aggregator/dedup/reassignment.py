"""Reassignment after an arrival: stories nearby that merge, reports that move to another, reports that leave.

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

from aggregator.dedup.corrections import Constraints
from aggregator.dedup.thresholds import Floats, Thresholds, log_odds, strictness, sure
from aggregator.dedup.verdict import Profile, apart_each, judge

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
class ActiveConstraints:
    """What people said, while stories are merged and reports move: `cannot_link` moves along.

    Attributes:
        constraints: what they said.
        cannot_link: story id to those in it that must not share a story with some others.
    """

    constraints: Constraints = field(default_factory=Constraints)
    cannot_link: dict[int, frozenset[int]] = field(default_factory=dict)

    def _of(self, story: int) -> frozenset[int]:
        return self.cannot_link.get(story, frozenset())

    def may_unite(self, one: int, other: int) -> bool:
        """Whether two stories may become one."""
        return not self.constraints.parted(self._of(one), self._of(other))

    def unite(self, absorbed: int, survivor: int) -> None:
        """Two stories are one now."""
        self.cannot_link[survivor] = self._of(survivor) | self._of(absorbed)

    def may_move(self, report: int, destination: int) -> bool:
        """Whether a report may leave its story for this one."""
        return not self.constraints.bound(report) and not self.constraints.parted(
            [report], self._of(destination)
        )

    def move(self, report: int, origin: int, destination: int) -> None:
        """A report has left one story for another."""
        moved = self.constraints.cannot_link([report])
        self.cannot_link |= {origin: self._of(origin) - moved, destination: self._of(destination) | moved}


def refine(
    partition: dict[int, list[Profile]],
    judged: dict[tuple[int, int], float],
    thresholds: Thresholds,
    corrected: ActiveConstraints | None = None,
    partly: frozenset[int] = frozenset(),
) -> tuple[tuple[Merge, ...], tuple[Move, ...]]:
    """Merge stories that agree at the bar, move reports that clearly suit another better, part strangers.

    Args:
        partition: story id to its members; 0 is a story not yet stored.
        judged: probabilities by pair of report ids; missing ones are judged and added.
        thresholds: what a score has to reach.
        corrected: what people said; no merge and no move goes against it.
        partly: stories with members that are not in `partition`: nobody leaves them for want of a friend.

    Returns:
        Merges and moves, in the order to carry them out.

    """
    corrected = corrected or ActiveConstraints()
    profiles = [member for members in partition.values() for member in members]
    story_of = np.array([story for story, members in partition.items() for _ in members])
    table = _table(profiles, judged, thresholds)
    merges: list[tuple[int, int, float]] = []
    while (agreed := _most_agreed(story_of, table, thresholds.story, corrected)) is not None:
        absorbed, survivor, _ = agreed
        merges.append(agreed)
        story_of[story_of == absorbed] = survivor
        corrected.unite(absorbed, survivor)
        partly |= {survivor} if absorbed in partly else frozenset()
    assignment = _Assignment(profiles, story_of, table, corrected.constraints)
    moves = list(_moves(assignment, thresholds.story, corrected))
    moves += _leaves(assignment, thresholds.story, corrected, partly)
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
    """1 where a report is in a story, shape (n, stories)."""
    belongs: Floats = (story_of[:, None] == stories).astype(np.float64)
    return belongs


def _mean(sums: Floats, counts: Floats) -> Floats:
    """The mean; -inf where no pair counts."""
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), -math.inf)


def _most_agreed(
    story_of: Stories, table: _Table, bar: float, corrected: ActiveConstraints
) -> tuple[int, int, float] | None:
    """The two stories that agree most, at the bar or above: (goes, stays, score); the larger one stays."""
    stories, sizes = np.unique(story_of, return_counts=True)
    belongs = _belongs(story_of, stories)
    sums, counts = table.sums(belongs)
    agreement = _mean(belongs.T @ sums, belongs.T @ counts)
    agreement -= strictness(np.minimum(sizes[:, None], sizes))
    agreement[np.tril_indices(len(stories))] = -math.inf
    if corrected.constraints.apart:
        may = [[corrected.may_unite(int(one), int(other)) for other in stories] for one in stories]
        agreement[~np.array(may)] = -math.inf
    i, j = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
    if agreement[i, j] < log_odds(np.array(bar)):
        return None
    survivor, absorbed = sorted((int(i), int(j)), key=lambda k: (stories[k] == 0, -sizes[k], stories[k]))
    return int(stories[absorbed]), int(stories[survivor]), sure(float(agreement[i, j]))


class _Assignment:
    """Which report is in which story, while reports move.

    Attributes:
        profiles: the reports.
        stories: their stories.
        at: the story of each report, shape (n,), by its place in `stories`; -1 for one that is alone.
        owner: the story of each part of a story, as `at` has it.
        suits: log odds of each report with each part, without itself, shape (n, parts).
        own: the same with the part of its own story that it suits best, shape (n,); nan where it is alone.
        closest: log odds of each with the member of its story that it is closest to, shape (n,). All are -inf
            where nobody counts.
    """

    def __init__(
        self, profiles: Sequence[Profile], story_of: Stories, table: _Table, constraints: Constraints
    ) -> None:
        self.profiles = profiles
        self.stories, self.at = np.unique(story_of, return_inverse=True)
        part_of, self.owner = _parts(profiles, self.at, len(self.stories), constraints)
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
        self.own = np.where(company, np.where(mine, self.suits, -math.inf).max(axis=1), math.nan)
        mates = (self.at[:, None] == self.at) & (self._table.counts > 0)
        self.closest = np.where(mates, self._table.odds, -math.inf).max(axis=1)


def _moves(assignment: _Assignment, bar: float, corrected: ActiveConstraints) -> Iterator[Move]:
    """Reports that clearly suit another story better, one after the other."""
    least = float(log_odds(np.array(bar)))
    for i, report in enumerate(assignment.profiles):
        own = float(assignment.own[i])
        if math.isnan(own) or corrected.constraints.bound(report.id):
            continue
        mine, suits = assignment.at[i], assignment.suits[i].copy()
        may = [story != 0 and corrected.may_move(report.id, int(story)) for story in assignment.stories]
        suits[(assignment.owner == mine) | ~np.array(may)[assignment.owner]] = -math.inf
        part = int(np.argmax(suits))
        if suits[part] >= max(least, own + _CLEARLY):
            origin, destination = (
                int(assignment.stories[mine]),
                int(assignment.stories[assignment.owner[part]]),
            )
            yield report.id, origin, destination, sure(float(suits[part]))
            corrected.move(report.id, origin, destination)
            assignment.put(i, part)


def _leaves(
    assignment: _Assignment, bar: float, corrected: ActiveConstraints, partly: Collection[int]
) -> Iterator[Move]:
    """Reports that agree with nobody in their story any more, the worst first, of equals the newest.

    The mean alone does not part them: it would part whoever has one friend among many strangers. Two that
    leave and agree with each other go together. Who has mates that are not looked at may have a friend there.
    """
    least = float(log_odds(np.array(bar)))
    whole = ~np.isin(assignment.stories, list(partly))[assignment.at]
    free = whole & [not corrected.constraints.bound(report.id) for report in assignment.profiles]
    newest = np.array([-report.id for report in assignment.profiles])
    left: list[int] = []
    while True:
        alone = (assignment.closest < least) & (assignment.closest > -math.inf)
        misplaced = np.flatnonzero(free & alone & (assignment.own < least - _CLEARLY))
        if not len(misplaced):
            return
        i = int(misplaced[np.lexsort((newest[misplaced], assignment.own[misplaced]))[0]])
        report, origin = assignment.profiles[i].id, int(assignment.stories[assignment.at[i]])
        friends = [
            j
            for j in left
            if assignment.odds(i, j) >= least and corrected.may_move(report, -assignment.profiles[j].id)
        ]
        friend = max(friends, key=lambda j: assignment.odds(i, j), default=None)
        if friend is None:
            destination, score = -report, float(assignment.own[i])
            left.append(i)
        else:
            destination, score = -assignment.profiles[friend].id, assignment.odds(i, friend)
        yield report, origin, destination, sure(score)
        corrected.move(report, origin, destination)
        assignment.put(i, None)


def _parts(
    profiles: Sequence[Profile], at: Stories, stories: int, constraints: Constraints
) -> tuple[Stories, Stories]:
    """The part of its story that each report is in, and the story of each part.

    The first parts are the stories themselves; what a person put together has further ones.
    """
    parts = {(story, 0): story for story in range(stories)}
    in_part = [
        parts.setdefault((int(story), constraints.parts.get(report.id, 0)), len(parts))
        for story, report in zip(at, profiles, strict=True)
    ]
    return np.array(in_part), np.array([story for story, _ in parts])


def _table(
    profiles: Sequence[Profile], judged: dict[tuple[int, int], float], thresholds: Thresholds
) -> _Table:
    """What is known of each pair; what is not known yet is judged and kept."""
    size = len(profiles)
    found = np.zeros((size, size))
    ids = [profile.id for profile in profiles]
    for i, one in enumerate(profiles[:-1]):
        mine = ids[i]
        pairs = [(mine, other) if mine < other else (other, mine) for other in ids[i + 1 :]]
        known = [judged.get(pair) for pair in pairs]
        if missing := [k for k, score in enumerate(known) if score is None]:
            scores = judge(
                one, [profiles[i + 1 + k] for k in missing], thresholds.window, thresholds.model
            ).tolist()
            judged.update((pairs[k], score) for k, score in zip(missing, scores, strict=True))
            known = [judged[pair] for pair in pairs]
        found[i, i + 1 :] = known
    counts = (~apart_each(profiles, thresholds.window)).astype(np.float64)
    np.fill_diagonal(counts, 0.0)
    return _Table(log_odds(found + found.T) * counts, counts)
