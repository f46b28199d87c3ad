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

from aggregator.dedup.verdict import Telling, apart, is_copy, judge

_NEAR = 0.1  # share of the bar from which a second story is worth another look
_CLEARLY = 0.3  # log odds by which another story must suit a report better before it moves: no flipping
_STRICTER = 0.2  # log odds that each further e-fold of members costs: big stories attract what is merely near
_SUREST = 8.0  # log odds beyond which one pair must not outvote the others

Floats = npt.NDArray[np.float64]


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
    """The stories near a newcomer: story id to members, and how often each pair has been judged."""

    stories: Mapping[int, Sequence[Telling]]
    judged: dict[tuple[int, int], float] = field(default_factory=dict)


def place(newcomer: Telling, near: Neighbourhood, bars: Bars) -> Plan:
    """Where a newcomer belongs, and what its coming shows about the stories nearby."""
    members = [(story, member) for story, listed in near.stories.items() for member in listed]
    if not members:
        return Plan(None, 0.0)
    found = judge(newcomer, [member for _, member in members], bars.window)
    for (_, member), score in zip(members, found, strict=True):
        near.judged[_pair(newcomer.id, member.id)] = float(score)
    copy_of, resemblance, copied = _original(newcomer, [member for _, member in members], found, bars)
    scores = _by_story(newcomer, members, found, bars.window)
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
    newcomer: Telling, members: Sequence[tuple[int, Telling]], found: Floats, window: timedelta
) -> dict[int, float]:
    """Score by story: the mean log odds over the members within the window, as a probability."""
    odds: dict[int, list[float]] = {story: [] for story, _ in members}
    for (story, member), logit in zip(members, _log_odds(found).tolist(), strict=True):
        if not apart(newcomer, member, window):
            odds[story].append(logit)
    sizes = Counter(story for story, _ in members)
    return {
        story: _sure(sum(logits) / len(logits) - _strictness(sizes[story])) if logits else 0.0
        for story, logits in odds.items()
    }


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
    return refine(partition, near.judged, bars)


def refine(
    partition: dict[int, list[Telling]], judged: dict[tuple[int, int], float], bars: Bars
) -> tuple[tuple[tuple[int, int, float], ...], tuple[tuple[int, int, int, float], ...]]:
    """Merge stories that agree at the bar, then move reports that clearly suit another story better.

    Args:
        partition: story id to its members; 0 is a story not yet stored.
        judged: probabilities by pair of report ids; missing ones are judged and added.
        bars: what a score has to reach.

    Returns:
        merges (goes, stays, score) and moves (report, leaves, joins, score), in the order to carry them out.

    """
    told = [member for members in partition.values() for member in members]
    story_of = np.array([story for story, members in partition.items() for _ in members])
    table = _table(told, judged, bars)
    merges: list[tuple[int, int, float]] = []
    while (agreed := _most_agreed(story_of, table, bars.story)) is not None:
        goes, stays, _ = agreed
        merges.append(agreed)
        story_of[story_of == goes] = stays
    return tuple(merges), tuple(_moves(told, story_of, table, bars.story))


@dataclass(frozen=True, slots=True)
class _Table:
    """All pairs of the reports that are looked at: log odds, and whether the pair counts; shape (n, n)."""

    odds: Floats
    counts: npt.NDArray[np.bool_]

    def mean(self, rows: npt.NDArray[np.bool_], columns: npt.NDArray[np.bool_]) -> float:
        """Mean log odds between two sets of reports, over the pairs that count; -inf if none does."""
        block = np.ix_(rows, columns)
        counted = self.counts[block]
        return float(self.odds[block][counted].mean()) if counted.any() else -math.inf


def _most_agreed(story_of: npt.NDArray[np.int64], table: _Table, bar: float) -> tuple[int, int, float] | None:
    """The two stories that agree most, at the bar or above: (goes, stays, score); the larger one stays."""
    best, pair = _log_odds(np.array(bar)).item(), None
    stories, sizes = np.unique(story_of, return_counts=True)
    for i, one in enumerate(stories):
        for j in range(i + 1, len(stories)):
            agreement = table.mean(story_of == one, story_of == stories[j])
            agreement -= _strictness(min(sizes[i], sizes[j]))
            if agreement >= best:
                best = agreement
                ranked = sorted((i, j), key=lambda k: (stories[k] == 0, -sizes[k], stories[k]))
                pair = (int(stories[ranked[1]]), int(stories[ranked[0]]), _sure(agreement))
    return pair


def _moves(
    told: Sequence[Telling], story_of: npt.NDArray[np.int64], table: _Table, bar: float
) -> list[tuple[int, int, int, float]]:
    moves = []
    stories = [int(story) for story in np.unique(story_of)]
    least = _log_odds(np.array(bar)).item()
    for i, report in enumerate(told):
        mine = int(story_of[i])
        others = [story for story in stories if story not in (mine, 0)]
        itself = np.arange(len(told)) == i
        peers = (story_of == mine) & ~itself
        if not others or not peers.any():
            continue
        sizes = Counter(story_of.tolist())
        suits = {story: table.mean(itself, story_of == story) - _strictness(sizes[story]) for story in others}
        stands = table.mean(itself, peers) - _strictness(sizes[mine] - 1)
        better = max(suits, key=lambda story: (suits[story], -story))
        if suits[better] >= max(least, stands + _CLEARLY):
            moves.append((report.id, mine, better, _sure(suits[better])))
            story_of[i] = better
    return moves


def _table(told: Sequence[Telling], judged: dict[tuple[int, int], float], bars: Bars) -> _Table:
    """What is known of each pair; what is not known yet is judged and kept."""
    found = np.ones((len(told), len(told)))
    counts = np.ones((len(told), len(told)), dtype=bool)
    for i, one in enumerate(told):
        missing = [other for other in told[i + 1 :] if _pair(one.id, other.id) not in judged]
        for other, score in zip(missing, judge(one, missing, bars.window), strict=True):
            judged[_pair(one.id, other.id)] = float(score)
        for j in range(i + 1, len(told)):
            found[i, j] = found[j, i] = judged[_pair(one.id, told[j].id)]
            counts[i, j] = counts[j, i] = not apart(one, told[j], bars.window)
    return _Table(_log_odds(found), counts)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
