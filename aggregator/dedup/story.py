"""Which story does a report belong to? A pure decision over the reports nearby.

A newcomer is weighed against whole stories, never against one member: its score with a story is the mean of
its log odds with the story's members (average linkage, Sokal and Michener 1958; a mean of log odds is the
logarithmic opinion pool of Genest and Zidek 1986). That is what keeps a chain of half-similar reports from
swallowing the day; and the larger a story, the more it asks. The best story at or above the bar takes the
newcomer; else it opens its own. Members that were published outside of the window do not speak: a story that
goes on for a month takes what suits its last two weeks, and one that ended takes nothing more.

What one report more can show is not only where it belongs itself. Where it is near several stories, those
stories are looked at again, all pairs: two whose members agree at the bar are one, and a report that agrees
clearly better with the other story moves there. On a stream this comes within a hundredth of the F1 that the
same measure reaches when it sees everything at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from aggregator.dedup.corrections import Rules
from aggregator.dedup.verdict import Telling, apart, apart_each, is_copy, judge

_NEAR = 0.1  # share of the bar from which a second story is worth another look
_CLEARLY = 0.3  # log odds by which another story must suit a report better before it moves: no flipping
_STRICTER = 0.2  # log odds that each further e-fold of members costs: big stories attract what is merely near
_SUREST = 8.0  # log odds beyond which one pair must not outvote the others

Floats = npt.NDArray[np.float64]
Stories = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bars:
    """What a score has to reach; see `settings.Dedup` for the defaults and their meaning."""

    story: float
    copy: float
    window: timedelta


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a newcomer.

    Attributes:
        story: the story that takes it; None: it opens its own.
        score: its score with that story, or with the best that was refused.
        matched: id of the report it was closest to, if any was near.
        copy_of: copy group that it belongs to; None: it is the first of its text.
        resemblance: with the closest report of that copy group.
        merges: (story that goes, story that stays, score of the two).
        moves: (report, story it leaves, story it joins, score); a story of 0 is the newcomer's own.
    """

    story: int | None
    score: float
    matched: int | None = None
    copy_of: int | None = None
    resemblance: float = 0.0
    merges: tuple[tuple[int, int, float], ...] = ()
    moves: tuple[tuple[int, int, int, float], ...] = ()


@dataclass(slots=True)
class Neighbourhood:
    """The stories near a newcomer.

    Attributes:
        stories: story id to members.
        judged: probability by pair of reports, as far as it was judged before.
        rules: what people said.
        told_apart: story id to those in it, members or not, that must not share a story with some others.
    """

    stories: Mapping[int, Sequence[Telling]]
    judged: dict[tuple[int, int], float] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    told_apart: Mapping[int, frozenset[int]] = field(default_factory=dict)


def place(newcomer: Telling, near: Neighbourhood, bars: Bars) -> Plan:
    """Where a newcomer belongs, and what its coming shows about the stories nearby."""
    members = [(story, member) for story, listed in near.stories.items() for member in listed]
    if not members:
        return Plan(None, 0.0)
    found = judge(newcomer, [member for _, member in members], bars.window)
    for (_, member), score in zip(members, found, strict=True):
        near.judged[_pair(newcomer.id, member.id)] = float(score)
    copy_of, resemblance, copied = _original(newcomer, [member for _, member in members], found, bars)
    scores = _by_story(newcomer, members, found, bars.window, near.rules.parts)
    best = max(scores, key=lambda story: (scores[story], -story))
    if copied is not None:
        best = next(story for story, member in members if member.id == copied)
    joined = best if copied is not None or scores[best] >= bars.story else None
    of_best = [i for i, (story, _) in enumerate(members) if story == best]
    closest = members[max(of_best, key=lambda i: (float(found[i]), -members[i][1].id))][1].id
    merges, moves = _look_again(newcomer, joined, scores, near, bars)
    return Plan(joined, scores[best], copied or closest, copy_of, resemblance, merges, moves)


def _original(
    newcomer: Telling, members: Sequence[Telling], found: Sequence[float] | Floats, bars: Bars
) -> tuple[int | None, float, int | None]:
    """Copy group, resemblance and report of the closest copy, if there is one that no veto parts."""
    best: tuple[float, int, int] | None = None
    for member, score in zip(members, found, strict=True):
        if score >= bars.story and (resemblance := is_copy(newcomer, member, bars.copy)):
            best = max(best or (0.0, 0, 0), (resemblance, -member.copy_group, member.id))
    return (-best[1], best[0], best[2]) if best else (None, 0.0, None)


def _by_story(
    newcomer: Telling,
    members: Sequence[tuple[int, Telling]],
    found: Floats,
    window: timedelta,
    parts: Mapping[int, int],
) -> dict[int, float]:
    """Score by story: the mean log odds over the members within the window, as a probability.

    Of a story that a person made of several parts, it is that of the part that suits best.
    """
    of_part = [(story, parts.get(member.id, 0)) for story, member in members]
    odds: dict[tuple[int, int], list[float]] = {}
    near = ~apart(newcomer, [member for _, member in members], window)
    for part, logit, speaks in zip(of_part, _log_odds(found).tolist(), near.tolist(), strict=True):
        if speaks:
            odds.setdefault(part, []).append(logit)
    sizes = Counter(of_part)
    scores = dict.fromkeys((story for story, _ in members), 0.0)
    for part, logits in odds.items():
        score = _sure(sum(logits) / len(logits) - _strictness(sizes[part]))
        scores[part[0]] = max(scores[part[0]], score)
    return scores


def _strictness(size: int) -> float:
    """Log odds that a story of so many members costs whoever would join it."""
    return _STRICTER * math.log(size)


def _log_odds(probabilities: Floats) -> Floats:
    kept = np.clip(probabilities, _sure(-_SUREST), _sure(_SUREST))
    odds: Floats = np.log(kept / (1.0 - kept))
    return odds


def _sure(log_odds: float) -> float:
    """The probability that belongs to log odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))


def _look_again(
    newcomer: Telling, joined: int | None, scores: Mapping[int, float], near: Neighbourhood, bars: Bars
) -> tuple[tuple[tuple[int, int, float], ...], tuple[tuple[int, int, int, float], ...]]:
    """Merges and moves among the stories that the newcomer is near to."""
    close = [story for story, score in scores.items() if score >= bars.story * _NEAR or story == joined]
    if len(close) + (joined is None) < 2:
        return (), ()
    partition = {story: list(near.stories[story]) for story in close}
    partition.setdefault(joined or 0, []).append(newcomer)
    told_apart = dict(near.told_apart)
    told_apart[joined or 0] = told_apart.get(joined or 0, frozenset()) | near.rules.told_apart([newcomer.id])
    return refine(partition, near.judged, bars, Corrected(near.rules, told_apart))


@dataclass(slots=True)
class Corrected:
    """What people said, while stories are merged and reports move: `told_apart` moves along.

    Attributes:
        rules: what they said.
        told_apart: as in `Neighbourhood`.
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
) -> tuple[tuple[tuple[int, int, float], ...], tuple[tuple[int, int, int, float], ...]]:
    """Merge stories that agree at the bar, then move reports that clearly suit another story better.

    Args:
        partition: story id to its members; 0 is a story not yet stored.
        judged: probabilities by pair of report ids; missing ones are judged and added.
        bars: what a score has to reach.
        corrected: what people said; no merge and no move goes against it.

    Returns:
        merges (goes, stays, score) and moves (report, leaves, joins, score), in the order to carry them out.

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
    return tuple(merges), tuple(_moves(told, story_of, table, bars.story, corrected))


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
    agreement -= _STRICTER * np.log(np.minimum(sizes[:, None], sizes))
    agreement[np.tril_indices(len(stories))] = -math.inf
    if corrected.rules.apart:
        may = [[corrected.may_unite(int(one), int(other)) for other in stories] for one in stories]
        agreement[~np.array(may)] = -math.inf
    i, j = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
    if agreement[i, j] < _log_odds(np.array(bar)):
        return None
    stays, goes = sorted((int(i), int(j)), key=lambda k: (stories[k] == 0, -sizes[k], stories[k]))
    return int(stories[goes]), int(stories[stays]), _sure(float(agreement[i, j]))


def _moves(
    told: Sequence[Telling], story_of: Stories, table: _Table, bar: float, corrected: Corrected
) -> list[tuple[int, int, int, float]]:
    """Reports that clearly suit another story better, one after the other; `story_of` follows them."""
    moves = []
    stories, at = np.unique(story_of, return_inverse=True)
    part_of, owner = _parts(told, at, len(stories), corrected.rules)
    belongs = _belongs(part_of, np.arange(len(owner)))
    sums, counts = table.sums(belongs)
    sizes = belongs.sum(axis=0)
    least = float(_log_odds(np.array(bar)))
    for i, report in enumerate(told):
        mine, others = at[i], sizes - belongs[i]  # how many others there are in each part
        if not others[owner == mine].any() or corrected.rules.bound(report.id):
            continue
        suits = _mean(sums[i], counts[i]) - _STRICTER * np.log(np.maximum(others, 1.0))
        stands = float(suits[owner == mine].max())
        may = [story != 0 and corrected.may_move(report.id, int(story)) for story in stories]
        suits[(owner == mine) | ~np.array(may)[owner]] = -math.inf
        part = int(np.argmax(suits))
        if suits[part] >= max(least, stands + _CLEARLY):
            leaves, joins = int(stories[mine]), int(stories[owner[part]])
            moves.append((report.id, leaves, joins, _sure(float(suits[part]))))
            corrected.move(report.id, leaves, joins)
            belongs[i] = _belongs(owner[[part]], np.arange(len(owner)))[0]
            sums, counts = table.sums(belongs)
            sizes = belongs.sum(axis=0)
            at[i] = owner[part]
    return moves


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
    return _Table(_log_odds(found + found.T) * counts, counts)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
