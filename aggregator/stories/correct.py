"""Carry out what a person says about stories: these are one, these reports are another, take it back.

Each is one transaction of the caller's. What is kept is about reports (see `dedup.corrections`), so it holds
however stories change; the linker obeys it from its next report on, also in a service that runs meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator.dedup.corrections import Constraints, Partition, constraints, overruled, part, settle
from aggregator.display import counted, short
from aggregator.errors import NotFound, NothingToCorrect
from aggregator.model import Correction, Evidence, Side
from aggregator.stories.linker import Linker
from aggregator.stories.lookup import standing
from storage import corrections, history, memberships, reports, stories
from storage.history import HistoryEvent

_TITLE = 50  # characters of a story's title in a list
_SURE = 1.0  # the score of what a person says


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a correction.

    Attributes:
        correction: what was kept, or taken back.
        overruled: older corrections that said otherwise of some of the reports: this one counts.
        stories: id and title of each story that it is about, as it stands now.
        left: copies of what was split off that stay behind; nobody named them.
        kept_apart: what could not come back, because an older correction, or the merging since, has it
            elsewhere.

    """

    correction: Correction
    overruled: tuple[Correction, ...]
    stories: dict[int, str]
    left: tuple[int, ...] = ()
    kept_apart: tuple[int, ...] = ()


def merge(tx: Any, linker: Linker, named: Sequence[int], now: datetime) -> Outcome:
    """Make stories one: the first of them stays, the ids of the others lead to it.

    Args:
        tx: an open writing transaction.
        linker: shows the best report.
        named: ids of stories, old ones too.
        now: the present time.

    Raises:
        NotFound: there is no such story.
        NothingToCorrect: they are one already.

    """
    ids = list(dict.fromkeys(standing(tx, story) for story in named))
    if len(ids) < 2:
        raise NothingToCorrect(
            f"{', '.join(map(str, named))}: that is one story already, story {ids[0]}",
            hint="name two or more that differ",
        )
    before = corrections.listed(tx)
    kept = corrections.add(tx, "merge", ids[0], _sides(tx, ids), now)
    for split_off in ids[1:]:
        stories.merge(tx, absorbed=split_off, survivor=ids[0], score=_SURE, now=now, correction=kept.id)
    linker.show(tx, ids[:1], now)
    corrections.changed(tx)
    return Outcome(kept, tuple(overruled(before, kept)), stories.titles(tx, ids[:1]))


def split(tx: Any, linker: Linker, named: int, out: Collection[int], now: datetime) -> Outcome:
    """Take reports out of a story: together they are a story of their own.

    Args:
        tx: an open writing transaction.
        linker: shows the best reports.
        named: id of the story, maybe an old one.
        out: ids of the reports.
        now: the present time.

    Raises:
        NotFound: there is no such story, or a report is not in it.
        NothingToCorrect: nothing would go, or nothing would stay.

    """
    story = standing(tx, named)
    everyone = {membership.report for membership in stories.memberships(tx, [story])}
    going = frozenset(out)
    if strangers := going - everyone:
        raise NotFound(
            f"report {min(strangers)} is not in story {story}",
            hint=f"`aggregator show {story}` lists its reports",
        )
    if not going:
        raise NothingToCorrect("no report was named", hint="name those that are to go")
    rest = frozenset(everyone - going)
    if not rest:
        raise NothingToCorrect(
            f"story {story} has no other reports: nothing would stay", hint="name only those that go"
        )
    return _split(tx, linker, story, (rest, going), now)


def _split(
    tx: Any, linker: Linker, story: int, parts: tuple[frozenset[int], frozenset[int]], now: datetime
) -> Outcome:
    rest, going = parts
    before, listed = corrections.listed(tx), stories.memberships(tx, [story])
    groups = {membership.copy_group for membership in listed if membership.report in going}
    copies = tuple(
        membership.report
        for membership in listed
        if membership.report in rest and membership.copy_group in groups
    )
    was = memberships.of(tx, going.union(copies))
    ids = part(story, going, rest, _claims(tx, story, before))
    title = stories.titles(tx, [story])[story]
    split_off = ids.split_off or stories.found(
        tx, title=title, best=min(going), now=now, created=min(place.joined for place in was)
    )
    for other in {ids.remaining, split_off} - {story}:
        stories.stand(tx, other, ids.led)
    memberships.transfer(tx, ids.remaining, rest)
    memberships.transfer(tx, split_off, going)
    memberships.tidy_groups(tx, (ids.remaining, split_off))
    linker.show(tx, [split_off], None if split_off == story else now)
    linker.show(tx, [ids.remaining], None if ids.remaining == story else now)
    shown = stories.titles(tx, (ids.remaining, split_off))
    sides = (Side(ids.remaining, shown[ids.remaining], rest), Side(split_off, shown[split_off], going))
    kept = corrections.add(tx, "split", story, sides, now, was)
    memberships.justify(tx, going, Evidence("corrected", _SURE, _SURE, correction=kept.id).as_json(), now)
    gained = ids.remaining if split_off == story else split_off
    history.remember(tx, HistoryEvent(now, "split", gained, story, None, _SURE, kept.id))
    corrections.changed(tx)
    return Outcome(kept, tuple(overruled(before, kept)), shown, left=copies)


def _claims(tx: Any, story: int, before: Iterable[Correction]) -> dict[int, frozenset[int]]:
    """What each id that leads to a story stood for: as a merge by hand says, else its best report."""
    led = stories.led_to(tx, story)
    claims: dict[int, frozenset[int]] = {}
    for correction in before:
        if correction.what == "merge" and correction.undone is None:
            claims |= {side.story: side.reports for side in correction.sides if side.story in {story, *led}}
    return {old: frozenset({best}) for old, best in led.items() if best} | claims


def to_undo(tx: Any) -> Correction | None:
    """The newest correction that is in force: the one that `undo` takes back."""
    return next((each for each in reversed(corrections.listed(tx)) if each.undone is None), None)


def undo(tx: Any, linker: Linker, now: datetime) -> Outcome:
    """Take back the newest correction that is in force.

    Args:
        tx: an open writing transaction.
        linker: weighs what has come in since.
        now: the present time.

    Raises:
        NothingToCorrect: there is none.

    """
    last = to_undo(tx)
    if last is None:
        raise NothingToCorrect("there is no correction to undo", hint="`aggregator corrections` lists them")
    corrections.undo(tx, last.id, now)
    said = constraints(corrections.listed(tx))
    seated = [stories.of_reports(tx, sorted(side.reports)) for side in last.sides]
    if not all(seated):  # one side was forgotten since, with all of its story
        apart: tuple[int, ...] = ()
    elif last.what == "merge":
        apart = _unmerge(tx, linker, last, said, now)
    else:
        apart = _unsplit(tx, linker, last, said, now)
    _hold(tx, linker, last, said, now)
    corrections.changed(tx)
    shown = {story for side in last.sides if (story := stories.resolve(tx, side.story)) is not None}
    return Outcome(last, (), stories.titles(tx, shown), kept_apart=_elsewhere(tx, last, apart))


def _unmerge(tx: Any, linker: Linker, last: Correction, said: Constraints, now: datetime) -> tuple[int, ...]:
    """Each story stands again with its reports; what has come in since goes where it suits best."""
    first, *others = last.sides
    here = _whereabouts(tx, first)
    together = {membership.report for membership in stories.memberships(tx, [here])}
    for side in others:
        if back := side.reports & together:
            standing_now = {
                membership.story for membership in stories.memberships(tx, side.led)
            }  # by a split since
            stories.stand(tx, side.story, [old for old in side.led if old not in standing_now])
            memberships.transfer(tx, side.story, back)
            history.remember(tx, HistoryEvent(now, "split", side.story, here, None, _SURE, last.id))
    known = frozenset().union(*(side.reports for side in last.sides))
    between = [here, *(side.story for side in others if side.reports & together)]
    free = [
        report
        for report in sorted(together - known)
        if not (said.bound(report) or said.cannot_link([report]))
    ]
    for report in reports.get(tx, free).values():
        scores = {story: linker.suits(tx, report, story) for story in between}
        if (best := max(scores, key=lambda story: scores[story])) != here:  # of equals, where it is
            memberships.transfer(tx, best, [report.id])
            history.remember(tx, HistoryEvent(now, "moved", best, here, report.id, _SURE, last.id))
    memberships.tidy_groups(tx, between)
    linker.show(tx, between[1:], now)
    linker.show(tx, between[:1], None)
    return tuple(sorted(report for side in others for report in side.reports - together))


def _unsplit(tx: Any, linker: Linker, last: Correction, said: Constraints, now: datetime) -> tuple[int, ...]:
    """What went comes back to the story that it was split from, with what has joined it since.

    If the merging has taken either part into another story since, and that one may not be drawn along, only
    the reports themselves come back.
    """
    home, away = sorted(last.sides, key=lambda side: side.story != last.story)
    goal, left = stories.resolve(tx, home.story) or _whereabouts(tx, home), _whereabouts(tx, away)
    listed = stories.memberships(tx, {goal, left})
    present = frozenset(membership.report for membership in listed if membership.story == goal)
    there = frozenset(membership.report for membership in listed if membership.story == left) - present
    alone = away.reports & there
    for coming in (there if left == away.story else alone, alone):
        if coming and not said.parted(coming, present):
            break
    else:
        return tuple(sorted(alone))
    if coming == there:
        stories.merge(tx, absorbed=left, survivor=goal, score=_SURE, now=now, correction=last.id)
    else:
        memberships.transfer(tx, goal, coming)
        history.remember(tx, HistoryEvent(now, "split", goal, left, None, _SURE, last.id))
    was = corrections.memberships(tx, last.id)
    memberships.put(tx, goal, [place for place in was if place.report in coming | present])
    linker.show(tx, [goal], now)
    linker.show(tx, {left} - {goal}, None)
    return ()


def _hold(tx: Any, linker: Linker, last: Correction, said: Constraints, now: datetime) -> None:
    """Have older corrections hold again, also for what went elsewhere while `last` freed it."""
    about = frozenset().union(*(side.reports for side in last.sides))
    bound = about.union(*(said.together.get(report, ()) for report in about))
    listed = stories.memberships(tx, set(stories.of_reports(tx, sorted(bound)).values()))
    present = {membership.report: membership.story for membership in listed}
    held = _held(present, bound, said)
    ways: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for report in sorted(present):
        if held[report] != present[report]:
            ways[present[report], held[report]].append(report)
    opened: dict[int, int] = {}
    for (_, goal), going in ways.items():
        if goal not in opened:
            known = goal in present.values()
            opened[goal] = goal if known else memberships.found(tx, going, now)
        memberships.transfer(tx, opened[goal], going)
    for left, goal in ways:
        destination = opened[goal]
        if stories.memberships(tx, [left]):
            history.remember(tx, HistoryEvent(now, "split", destination, left, None, _SURE, last.id))
        elif stories.resolve(tx, left) == left:
            stories.merge(tx, absorbed=left, survivor=destination, score=_SURE, now=now, correction=last.id)
    memberships.tidy_groups(tx, {*present.values(), *opened.values()})
    linker.show(tx, opened.values(), now)
    linker.show(tx, {left for left, _ in ways}.difference(opened.values()), None)


def _held(present: Partition, bound: Iterable[int], said: Constraints) -> dict[int, int]:
    """Where reports have to be: what belongs to a group comes to most of it, and what must not stay goes."""
    found = dict(present)
    for group in dict.fromkeys(said.together[report] for report in sorted(bound) if report in said.together):
        sizes = Counter(present[report] for report in group if report in present)
        goal = min(sizes, key=lambda story: (-sizes[story], story), default=0)
        found |= dict.fromkeys(group & found.keys(), goal)
    return settle(found, present, said)


def _elsewhere(tx: Any, last: Correction, apart: Sequence[int]) -> tuple[int, ...]:
    """Those of the reports that an undone split has not brought back, nor an older merge since."""
    home = min(last.sides, key=lambda side: side.story != last.story)
    there = set(stories.of_reports(tx, sorted(home.reports)).values())
    seated = stories.of_reports(tx, apart)
    return tuple(report for report in apart if last.what == "merge" or seated[report] not in there)


def _whereabouts(tx: Any, side: Side) -> int:
    """The story in which most reports of a side sit today."""
    seated = Counter(stories.of_reports(tx, sorted(side.reports)).values())
    return min(seated, key=lambda story: (-seated[story], story))


def _sides(tx: Any, ids: Sequence[int]) -> tuple[Side, ...]:
    titles = stories.titles(tx, ids)
    members: dict[int, set[int]] = {story: set() for story in ids}
    for membership in stories.memberships(tx, ids):
        members[membership.story].add(membership.report)
    return tuple(
        Side(story, titles[story], frozenset(members[story]), tuple(stories.led_to(tx, story)))
        for story in ids
    )


def describe(correction: Correction) -> str:
    """A correction in words, without its number and its time."""
    first, *others = correction.sides
    if correction.what == "merge":
        return f"together: {_named(first)} with {' and '.join(map(_named, others))}"
    out = others[0]
    return f"apart: {counted(len(out.reports), 'report')} as {_named(out)}, from {_named(first)}"


def _named(side: Side) -> str:
    return f"story {side.story} {short(side.title, _TITLE)}"
