"""The second look: young stories partitioned again as a whole, so that the order of arrival is forgotten.

A report is placed when it comes, by what is known then. Every few minutes what has come since the last look,
all that is near to it, and the stories of both are partitioned again (`dedup.partition`), corrections
binding, and the outcome is brought into the database: a story that stays nearly the same keeps its id, one
that dissolves in another leads there, and each says in its history what it gained or lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from aggregator.dedup.corrections import keep_ids, settle
from aggregator.dedup.partition import agreement, partition, words_first
from aggregator.dedup.verdict import Profile
from aggregator.stories.linker import Linker, Linking
from aggregator.stories.membership_batch import MembershipBatch
from storage import meta, reports, sketches, stories
from storage.stories import Membership

YOUNG = timedelta(days=3)
"""For how long after a report was first seen its story may still be partitioned again."""

_FULLEST = 100  # reports under a key, beyond which it says nothing
_MOST = 3000  # reports that are looked at in one step; the rest waits for the next


@dataclass(frozen=True, slots=True)
class Looked:
    """What a second look has changed.

    Attributes:
        reports: how many had come since the last look.
        moved: how many, of these and of those near to them, changed their story.
    """

    reports: int = 0
    moved: int = 0


class _Change(NamedTuple):
    """Reports of one story that belong to a part of another."""

    leads: bool
    position: int
    origin: int
    coming: list[int]


def look_again(tx: Any, linker: Linker, now: datetime) -> Looked:
    """Look at what has come since the last time, and at what is near to it; a bounded step.

    Args:
        tx: an open writing transaction.
        linker: knows features, thresholds and corrections.
        now: the present time.

    """
    last = meta.times(tx, meta.LOOKED)
    fresh = reports.since(tx, last, now - YOUNG, _MOST)
    if not fresh:
        return Looked()
    linker.refresh(tx)
    members = _with_neighbours(tx, linker, fresh, sketches.weeks(now, YOUNG))
    moved = _again(tx, linker, members, now)
    meta.keep(tx, meta.LOOKED, str(max(fresh)))
    return Looked(len(fresh), moved)


def look_at_all(tx: Any, linker: Linker, now: datetime) -> Looked:
    """Partition every report again, however old: for an archive that was clustered from its beginning.

    In steps by the time at which reports were seen, each with all that is near to it within the window; an
    archive of no more than one step is partitioned as a whole.
    """
    linker.refresh(tx)
    window = linker.thresholds.window
    ordered = [version.report for version in reports.versions(tx, None)]
    moved = 0
    for start in range(0, len(ordered), _MOST):
        step = ordered[start : start + _MOST]
        first, last = (reports.get(tx, [report])[report].seen for report in (step[0], step[-1]))
        weeks = range(sketches.weeks(first, window).start, sketches.weeks(last + window, window).stop)
        moved += _again(tx, linker, _with_neighbours(tx, linker, step, weeks), now)
    return Looked(len(ordered), moved)


def _with_neighbours(tx: Any, linker: Linker, fresh: Sequence[int], weeks: range) -> list[Membership]:
    """The memberships of these reports, of those that share keys with them, and of all their stories."""
    keys = linker.known.keys_of(tx, fresh)
    wanted = sorted({key for each in keys.values() for key in each})
    sharing: defaultdict[int, list[int]] = defaultdict(list)
    for key, _, _, story in sketches.sharing(tx, wanted, weeks):
        sharing[key].append(story)
    near: set[int] = set(stories.of_reports(tx, fresh).values())
    for each in keys.values():
        found = Counter(story for key in each if len(sharing[key]) <= _FULLEST for story in sharing[key])
        near.update(story for story, _ in found.most_common(linker.settings.stories))
    return stories.memberships(tx, sorted(near))


def _again(tx: Any, linker: Linker, members: Sequence[Membership], now: datetime) -> int:
    """Partition these reports and bring the outcome into the database; how many changed their story."""
    linker.known.weigh_again()
    profiles = linker.known.profiles(tx, members)
    seen = {profile.id for profile in profiles}
    before = {each.report: each.story for each in members if each.report in seen}
    keys = linker.known.keys_of(tx, [profile.id for profile in sorted(profiles, key=words_first)])
    found = partition(profiles, _candidates(keys), linker.thresholds, linker.known.judged, before)
    free = {report: number for number, group in enumerate(found) for report in group}
    settled = settle(free, before, linker.constraints)
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for report, number in settled.items():
        groups[number].add(report)
    parts = sorted((frozenset(group) for group in groups.values()), key=min)
    whole = _stories_seen_whole(members, seen)
    with MembershipBatch(tx) as batch:
        outcome = _Outcome(linker, Linking(linker, tx, batch), batch, profiles, whole)
        return outcome.carry_out(before, parts, now)


def _candidates(keys: Mapping[int, Collection[int]]) -> Iterator[tuple[int, int]]:
    """Pairs of reports that share a key; of a full one only those that are side by side.

    Args:
        keys: of each report, the same texts side by side.

    """
    under: defaultdict[int, list[int]] = defaultdict(list)
    for report, each in keys.items():
        for key in each:
            under[key].append(report)
    for sharing in under.values():
        if len(sharing) <= _FULLEST:
            yield from ((a, b) for n, a in enumerate(sharing) for b in sharing[:n])
        else:
            yield from pairwise(sharing)


def _stories_seen_whole(members: Sequence[Membership], seen: Collection[int]) -> set[int]:
    partly = {each.story for each in members if each.report not in seen}
    return {each.story for each in members} - partly


class _Outcome:
    """Brings a new partition into the database.

    Args:
        linker: knows what was judged.
        linking: moves reports, with their evidence.
        batch: which report is in which story.
        profiles: the reports that were partitioned.
        whole: the stories of which all reports were.

    """

    def __init__(
        self,
        linker: Linker,
        linking: Linking,
        batch: MembershipBatch,
        profiles: Sequence[Profile],
        whole: Collection[int],
    ) -> None:
        self._linker, self._linking, self._batch, self._whole = linker, linking, batch, whole
        self._profiles = {profile.id: profile for profile in profiles}

    def carry_out(self, before: Mapping[int, int], parts: Sequence[frozenset[int]], now: datetime) -> int:
        """Move what has to move; how many reports did.

        A story that dissolves goes, with its id, where most of it goes; so that part of it goes last.
        """
        homes, leads = keep_ids(before, parts)
        changes: list[_Change] = []
        for position, part in enumerate(parts):
            by_story: defaultdict[int, list[int]] = defaultdict(list)
            for report in sorted(part):
                by_story[before[report]].append(report)
            changes += (
                _Change(leads.get(story) == position, position, story, coming)
                for story, coming in by_story.items()
                if story != homes[position]
            )
        touched: defaultdict[bool, set[int]] = defaultdict(set)
        for change in sorted(changes):
            here = self._bring(change, homes[change.position], parts[change.position], now)
            homes[change.position] = here
            touched[True].add(here)
            touched[False].add(change.origin)
        self._batch.tidy(sorted(touched[True] | touched[False]))
        self._linking.show(sorted(touched[True]), now)
        self._linking.show(sorted(touched[False] - touched[True]), None)
        return sum(len(change.coming) for change in changes)

    def _bring(self, change: _Change, home: int | None, part: frozenset[int], now: datetime) -> int:
        """Reports of one story into another, which may have to be opened; its id."""
        origin, coming = change.origin, change.coming
        there = {each.report for each in self._batch.memberships([origin])[origin]}
        if home is not None and origin in self._whole and there == set(coming):
            self._batch.merge(origin, home, self._agreement(coming, part.difference(coming)), now)
            return home
        if home is None:
            first, *coming = coming
            home = self._linking.part(first, origin, self._agreement([first], there - part), now)
        for report in coming:
            mates = part - {report}
            self._linking.move(report, origin, home, self._agreement([report], mates), now, beside=mates)
        return home

    def _agreement(self, some: Iterable[int], others: Iterable[int]) -> float:
        ones, rest = (
            [self._profiles[report] for report in sorted(each) if report in self._profiles]
            for each in (some, others)
        )
        return agreement(ones, rest, self._linker.thresholds, self._linker.known.judged)
