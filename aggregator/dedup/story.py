"""Which story does a report belong to? A pure decision over the reports nearby.

A newcomer is weighed against whole stories, never against one member: its score with a story is the mean of
its log odds with the story's members (average linkage, Sokal and Michener 1958; a mean of log odds is the
logarithmic opinion pool of Genest and Zidek 1986). That is what keeps a chain of half-similar reports from
swallowing the day; and the larger a story, the more it asks. The best story at or above the bar takes the
newcomer; else it opens its own. Members that were published outside of the window do not speak: a story that
goes on for a month takes what suits its last two weeks, and one that ended takes nothing more.

What one report more can show is not only where it belongs itself. The story that it joins and those that it
is near to are looked at again (`reassignment`). On a stream this comes within a hundredth of the F1 that the
same measure reaches when it sees everything at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aggregator.dedup.corrections import Constraints
from aggregator.dedup.reassignment import ActiveConstraints, Merge, Move, refine
from aggregator.dedup.thresholds import Floats, Thresholds, log_odds, strictness, sure
from aggregator.dedup.verdict import Profile, apart, is_copy, judge

_NEAR = 0.1  # share of the bar from which a second story is worth another look


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a newcomer.

    Attributes:
        story: the story that takes it; None: it opens its own.
        score: its score with that story, or with the best that was refused.
        matched: id of the report it was closest to, if any was near.
        copy_of: copy group that it belongs to; None: it is the first of its text.
        resemblance: with the closest report of that copy group.
        merges: stories that become one.
        moves: reports that go elsewhere.
    """

    story: int | None
    score: float
    matched: int | None = None
    copy_of: int | None = None
    resemblance: float = 0.0
    merges: tuple[Merge, ...] = ()
    moves: tuple[Move, ...] = ()


@dataclass(slots=True)
class Neighbourhood:
    """The stories near a newcomer.

    Attributes:
        stories: story id to members.
        judged: probability by pair of reports, as far as it was judged before.
        constraints: what people said.
        cannot_link: story id to those in it, members or not, that must not share a story with some others.
        partly: ids of the stories that have more reports than these members.
    """

    stories: Mapping[int, Sequence[Profile]]
    judged: dict[tuple[int, int], float] = field(default_factory=dict)
    constraints: Constraints = field(default_factory=Constraints)
    cannot_link: Mapping[int, frozenset[int]] = field(default_factory=dict)
    partly: frozenset[int] = frozenset()


def place(newcomer: Profile, near: Neighbourhood, thresholds: Thresholds) -> Plan:
    """Where a newcomer belongs, and what its coming shows about the stories nearby."""
    members = [(story, member) for story, listed in near.stories.items() for member in listed]
    if not members:
        return Plan(None, 0.0)
    found = judge(newcomer, [member for _, member in members], thresholds.window, thresholds.model)
    for (_, member), score in zip(members, found, strict=True):
        near.judged[_pair(newcomer.id, member.id)] = float(score)
    copy_of, resemblance, copied = _original(newcomer, [member for _, member in members], found, thresholds)
    scores = _by_story(newcomer, members, found, thresholds.window, near.constraints.parts)
    best = max(scores, key=lambda story: (scores[story], -story))
    if copied is not None:
        best = next(story for story, member in members if member.id == copied)
    joined = best if copied is not None or scores[best] >= thresholds.story else None
    of_best = [i for i, (story, _) in enumerate(members) if story == best]
    closest = members[max(of_best, key=lambda i: (float(found[i]), -members[i][1].id))][1].id
    merges, moves = _look_again(newcomer, joined, scores, near, thresholds)
    return Plan(joined, scores[best], copied or closest, copy_of, resemblance, merges, moves)


def _original(
    newcomer: Profile, members: Sequence[Profile], found: Sequence[float] | Floats, thresholds: Thresholds
) -> tuple[int | None, float, int | None]:
    """Copy group, resemblance and report of the closest copy, if there is one that no veto parts."""
    best: tuple[float, int, int] | None = None
    for member, score in zip(members, found, strict=True):
        if score >= thresholds.story and (resemblance := is_copy(newcomer, member, thresholds.copy)):
            best = max(best or (0.0, 0, 0), (resemblance, -member.copy_group, member.id))
    return (-best[1], best[0], best[2]) if best else (None, 0.0, None)


def _by_story(
    newcomer: Profile,
    members: Sequence[tuple[int, Profile]],
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
    for part, logit, speaks in zip(of_part, log_odds(found).tolist(), near.tolist(), strict=True):
        if speaks:
            odds.setdefault(part, []).append(logit)
    sizes = Counter(of_part)
    scores = dict.fromkeys((story for story, _ in members), 0.0)
    for part, logits in odds.items():
        score = sure(sum(logits) / len(logits) - float(strictness(sizes[part])))
        scores[part[0]] = max(scores[part[0]], score)
    return scores


def _look_again(
    newcomer: Profile,
    joined: int | None,
    scores: Mapping[int, float],
    near: Neighbourhood,
    thresholds: Thresholds,
) -> tuple[tuple[Merge, ...], tuple[Move, ...]]:
    """Merges and moves among the stories that the newcomer is near to."""
    close = [story for story, score in scores.items() if score >= thresholds.story * _NEAR or story == joined]
    if len(close) + (joined is None) < 2 and not _strangers(newcomer, close, near, thresholds):
        return (), ()
    partition = {story: list(near.stories[story]) for story in close}
    partition.setdefault(joined or 0, []).append(newcomer)
    cannot_link = dict(near.cannot_link)
    cannot_link[joined or 0] = cannot_link.get(joined or 0, frozenset()) | near.constraints.cannot_link(
        [newcomer.id]
    )
    return refine(
        partition, near.judged, thresholds, ActiveConstraints(near.constraints, cannot_link), near.partly
    )


def _strangers(
    newcomer: Profile, stories: Sequence[int], near: Neighbourhood, thresholds: Thresholds
) -> bool:
    """Whether these stories have a member that may leave: one with whom the newcomer does not agree."""
    members = [member for story in stories if story not in near.partly for member in near.stories[story]]
    return len(members) > 1 and any(
        near.judged[_pair(newcomer.id, member.id)] < thresholds.story for member in members
    )


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
