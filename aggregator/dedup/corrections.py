"""Must-link and cannot-link constraints from a person's corrections, and which id each story keeps.

A correction names stories, but stories change and reports do not; so it is kept, and read, as what it says
about the reports that were in those stories. Read in their order, with those left out that were undone, the
corrections give two relations:

*together*  all reports of merged stories form a group that nothing takes apart, and so do the reports that
            were split off in one go;
*apart*     none of the reports that were split off is ever in a story with one of those that stayed.

Of two corrections that contradict each other the newer counts: a merge forgets what was apart among its
reports, a split takes its reports out of the groups that they were in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.model import Correction

Partition = Mapping[int, int]
"""Report id to story id."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the corrections in force say.

    Attributes:
        together: report to its group, itself included; only groups of two and more.
        apart: report to those that it must never share a story with.
        parts: report to the side of a merge that it was on, a number above 0; only where a group has several.
            What a person put together need not resemble each other: a newcomer is weighed against each part
            by itself, or a story that was merged by hand would take nothing more.
    """

    together: Mapping[int, frozenset[int]] = field(default_factory=dict)
    apart: Mapping[int, frozenset[int]] = field(default_factory=dict)
    parts: Mapping[int, int] = field(default_factory=dict)

    def bound(self, report: int) -> bool:
        """Whether a person said that this report belongs with others: it is not moved away from them."""
        return report in self.together

    def parted(self, some: Collection[int], others: Collection[int]) -> bool:
        """Whether a report of the one side must not share a story with one of the other."""
        return any(not self.apart[report].isdisjoint(others) for report in some if report in self.apart)

    def cannot_link(self, reports: Iterable[int]) -> frozenset[int]:
        """Those of the reports that must not share a story with some other."""
        if not self.apart:  # most often nobody has said anything
            return frozenset()
        return frozenset(report for report in reports if report in self.apart)


def constraints(corrections: Iterable[Correction]) -> Constraints:
    """What the corrections say together; those that were undone say nothing.

    Args:
        corrections: the oldest first.
    """
    together: dict[int, frozenset[int]] = {}
    apart: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    in_force = [correction for correction in corrections if correction.undone is None]
    for correction in in_force:
        first, *others = (side.reports for side in correction.sides)
        everyone = first.union(*others)
        if correction.what == "merge":
            _group(together, everyone.union(*(together.get(report, ()) for report in everyone)))
            for report in everyone:
                apart[report] -= everyone
        else:
            out = frozenset().union(*others)
            for group in {together[report] for report in out if report in together}:
                _group(together, group - out)
            _group(together, out)
            for side, other in ((first, out), (out, first)):
                for report in side:
                    apart[report] |= other
    return Constraints(
        {report: group for report, group in together.items() if len(group) > 1},
        {report: others for report, others in apart.items() if others},
        _parts(in_force, together),
    )


def _parts(in_force: Iterable[Correction], together: Mapping[int, frozenset[int]]) -> dict[int, int]:
    """The smallest sides of merges, numbered; nothing where all of a group is on one side."""
    sides: dict[int, tuple[tuple[int, int], ...]] = {}
    for correction in in_force:
        if correction.what == "merge":
            for number, side in enumerate(correction.sides):
                for report in side.reports:
                    sides[report] = (*sides.get(report, ()), (correction.id, number))
    numbers = {side: number for number, side in enumerate(dict.fromkeys(sides.values()), 1)}
    return {
        report: numbers[sides.get(report, ())]
        for group in set(together.values())
        if len({sides.get(report, ()) for report in group}) > 1
        for report in group
        if report in sides
    }


def _group(together: dict[int, frozenset[int]], reports: frozenset[int]) -> None:
    together.update(dict.fromkeys(reports, reports))


def deciding(corrections: Sequence[Correction], a: int, b: int) -> tuple[Correction, bool] | None:
    """The correction that decides of two reports, and whether it has them together; None if none does."""
    said = constraints(corrections)
    together, apart = b in said.together.get(a, ()), b in said.apart.get(a, ())
    if a == b or not (together or apart):
        return None
    for correction in reversed(corrections):
        sides = [side.reports for side in correction.sides]
        bound = frozenset().union(*sides) if correction.what == "merge" else sides[-1]
        says = {a, b} <= bound if together else all({a, b} & side for side in sides)
        if correction.undone is None and says and (together or correction.what == "split"):
            return correction, together
    return None


def overruled(corrections: Iterable[Correction], newest: Correction) -> list[Correction]:
    """The corrections that hold until the newest one says something else about two of their reports."""
    in_force = [correction for correction in corrections if correction.undone is None]
    return [
        older
        for number, older in enumerate(in_force)
        if _contradict(older, newest)
        and not any(_contradict(older, since) for since in in_force[number + 1 :])
    ]


def _contradict(older: Correction, newer: Correction) -> bool:
    """Whether one says of two reports that they are together, and the other that they are apart."""
    if older.what == newer.what:
        return False
    merged, split = (older, newer) if older.what == "merge" else (newer, older)
    everyone = frozenset().union(*(side.reports for side in merged.sides))
    return not any(everyone.isdisjoint(side.reports) for side in split.sides)


# ---- which id goes where ----


@dataclass(frozen=True, slots=True)
class SplitIds:
    """The ids of the two parts of a story.

    Attributes:
        remaining: of the part that was not named.
        split_off: of the part that was split off; None: a new one.
        led: older ids that lead to the part with another id than the story's from now on.
    """

    remaining: int
    split_off: int | None
    led: tuple[int, ...] = ()


def part(
    story: int, out: frozenset[int], rest: frozenset[int], claims: Mapping[int, frozenset[int]]
) -> SplitIds:
    """Which id each part of a story gets, so that a merge and then a split is where one was.

    A part that holds all that an older id stood for gets this id back. If that is the rest, and all that the
    story itself stood for is split off, then that part keeps the story's id.

    Args:
        story: the id that all have now.
        out: the reports that are split off.
        rest: the others.
        claims: what each id stood for, as far as that is known; ids of stories that lead here, and `story`.
    """
    here = out | rest
    older = {i: reports & here for i, reports in claims.items() if i != story and reports & here}
    own = claims.get(story, frozenset()) & here
    if own and own <= out and (again := _again(older, rest)):
        return SplitIds(again[0], story, again[1:])
    again = _again(older, out)
    return SplitIds(story, again[0], again[1:]) if again else SplitIds(story, None)


def _again(older: Mapping[int, frozenset[int]], reports: frozenset[int]) -> tuple[int, ...]:
    """The ids that stood for nothing but some of these reports, the one that stood for most first."""
    whole = [i for i, claim in older.items() if claim <= reports]
    return tuple(sorted(whole, key=lambda i: (-len(older[i]), i)))


def keep_ids(before: Partition, after: Iterable[frozenset[int]]) -> tuple[list[int | None], dict[int, int]]:
    """Which id each story of a new partition keeps, by the most reports in common.

    Args:
        before: the stories as they stand.
        after: the new stories; every report of `before` is in one of them.

    Returns:
        For each new story its id, None where it needs a new one; and for each id that no story keeps, the
        position of the new story that has most of its reports: it leads there.
    """
    stories = list(after)
    common: Counter[tuple[int, int]] = Counter()
    for position, reports in enumerate(stories):
        common.update((before[report], position) for report in reports if report in before)
    ids: list[int | None] = [None] * len(stories)
    leads: dict[int, int] = {}
    kept: set[int] = set()
    for (story, position), _ in sorted(common.items(), key=lambda item: (-item[1], item[0])):
        leads.setdefault(story, position)
        if ids[position] is None and story not in kept:
            ids[position] = story
            kept.add(story)
    return ids, {story: position for story, position in leads.items() if story not in kept}


# ---- a partition that knew nothing of them ----


def honoured(partition: Partition, corrections: Iterable[Correction]) -> dict[str, tuple[int, int]]:
    """How many pairs of reports are as people said, and of how many: ``together`` and ``apart``.

    Counted are the pairs across the sides of each correction in force, those that a newer one overruled
    left out: what was told apart or together within a side nobody has corrected.
    """
    listed = list(corrections)
    said = constraints(listed)
    together, apart = set(), set()
    for correction in listed:
        if correction.undone is None:
            for a, b in _across([side.reports for side in correction.sides]):
                if a in partition and b in partition:
                    if b in said.together.get(a, ()):
                        together.add((a, b))
                    elif b in said.apart.get(a, ()):
                        apart.add((a, b))
    return {
        "together": (sum(partition[a] == partition[b] for a, b in together), len(together)),
        "apart": (sum(partition[a] != partition[b] for a, b in apart), len(apart)),
    }


def _across(sides: Sequence[frozenset[int]]) -> Iterable[tuple[int, int]]:
    for number, one in enumerate(sides):
        for other in sides[number + 1 :]:
            yield from ((min(a, b), max(a, b)) for a in one for b in other)


def settle(partition: Partition, present: Partition, said: Constraints) -> dict[int, int]:
    """A partition that knew nothing of the corrections, put right by them.

    Stories that share a group become one, unless they hold reports that are to be apart: then only the group
    comes together. Reports that are to be apart leave for stories of their own; of those that no correction
    names, each goes with the part that has most of the reports it is with at present.

    Args:
        partition: what a method found.
        present: the stories as they stand.
        said: what the corrections say.
    """
    found = dict(partition)
    for group in dict.fromkeys(said.together.values()):
        members = [report for report in sorted(group) if report in found]
        if members:
            _bring_together(found, members, said)
    for story in sorted({found[report] for report in said.apart if report in found}):
        _part(found, story, present, said)
    return found


def _bring_together(found: dict[int, int], members: Sequence[int], said: Constraints) -> None:
    stories = Counter(found[report] for report in members)
    goal = min(stories, key=lambda story: (-stories[story], story))
    for story in sorted(stories.keys() - {goal}):
        here, there = (
            {report for report, of in found.items() if of == which and report in said.apart}
            for which in (story, goal)
        )
        going = members if said.parted(here, there) else [r for r, of in found.items() if of == story]
        for report in going:
            if found[report] == story:
                found[report] = goal


def _part(found: dict[int, int], story: int, present: Partition, said: Constraints) -> None:
    """Take a story apart as far as it holds reports that must not share one."""
    here = sorted(report for report, of in found.items() if of == story)
    parts: list[set[int]] = []
    for report in here:
        if report in said.apart and not any(report in one for one in parts):
            group = said.together.get(report, frozenset({report})).intersection(here)
            fitting = next((one for one in parts if not said.parted(group, one)), None)
            if fitting is None:
                parts.append(set(group))
            else:
                fitting |= group
    if len(parts) < 2:
        return
    fresh = max(found.values()) + 1
    named = set().union(*parts)
    of_part = {report: number for number, one in enumerate(parts) for report in one}
    assignment: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for report in named:
        assignment[present.get(report, 0)][of_part[report]] += 1
    for report in here:
        near = assignment.get(present.get(report, 0))
        number = of_part.get(report, near.most_common(1)[0][0] if near else 0)
        found[report] = story if number == 0 else fresh + number
