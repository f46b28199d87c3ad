"""Cluster the archive again: beside the present stories to see what would change, or in their place.

The reports are streamed once more, in the order in which they were seen, through the same linker into an
empty store in memory, and partitioned there by a second look. That knows nothing of corrections, so it can be
scored against them; then they are enforced (`dedup.corrections.settle`), and what comes out is compared with
the stories as they stand, or takes their place in one transaction. Sketches of the present recipe are used
again; others are made anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.dedup import corrections as meaning
from aggregator.dedup import fingerprint
from aggregator.dedup.fingerprint import Sketch
from aggregator.dedup.weights import Model
from aggregator.model import headline
from aggregator.stories import learnt_weights
from aggregator.stories.linker import Linker
from aggregator.stories.second_look import look_at_all
from storage import corrections, history, memberships, reports, sketches, stories
from storage.database import Database
from storage.history import HistoryEvent
from storage.memberships import MembershipRecord
from storage.reports import Version, chunks

if TYPE_CHECKING:
    from aggregator.settings import Dedup

_BATCH = 50  # reports a transaction in memory
Progress = Callable[[int, int], None]
"""Called with the number of reports taken so far, and of all."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""


class Rerun:
    """The stories that come out when reports are streamed again; nobody's corrections are in them.

    Args:
        settings: the bars and bounds.
        model: the weights of the verdict; None: those that ship.

    """

    def __init__(self, settings: Dedup, model: Model | None) -> None:
        self._database = Database("sqlite://")
        self._linker = Linker(settings)
        with self._database.writing() as memory:
            learnt_weights.keep(memory, model)
        self._taken: set[Version] = set()
        self._last: datetime | None = None  # when the last of them was seen

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def take_from(self, archive: Database, since: datetime | None, progress: Progress) -> None:
        """Stream what an archive holds; in short transactions, so that it can be written meanwhile."""
        with archive.reading() as tx:
            versions = reports.versions(tx, since)
        for start in range(0, len(versions), _BATCH):
            with archive.reading() as tx:
                self.take(tx, versions[start : start + _BATCH])
            progress(min(start + _BATCH, len(versions)), len(versions))
        if self._last is not None:
            with self._database.writing() as memory:
                look_at_all(memory, self._linker, self._last)

    def catch_up(self, tx: Any) -> None:
        """Stream what has come in or has changed since, from an open transaction of the archive."""
        versions = [version for version in reports.versions(tx, None) if version not in self._taken]
        for start in range(0, len(versions), _BATCH):
            self.take(tx, versions[start : start + _BATCH])

    def take(self, tx: Any, versions: Sequence[Version]) -> None:
        """Stream these reports, from an open transaction of the archive."""
        found = reports.get(tx, [version.report for version in versions])
        packed = sketches.get(tx, list(found), fingerprint.RECIPE)
        known = {report: Sketch.unpack(blob) for report, blob in packed.items()}
        # Of a text that was forgotten and has no sketch of this recipe there is nothing to compare.
        usable = {i for i, report in found.items() if i in known or report.forgotten is None}
        told = [found[version.report] for version in versions if version.report in usable]
        with self._database.writing() as memory:
            reports.restore(memory, told)
            self._linker.refresh(memory)
            with self._linker.linking(memory, told, known) as linking:
                for report in told:
                    linking.link(report, report.seen)
                    self._last = report.seen
        self._taken.update(versions)

    def partition(self) -> dict[int, int]:
        """Report id to story, by the ids of the store in memory."""
        with self._database.reading() as memory:
            return stories.partition(memory)

    def places(self, ids: Iterable[int]) -> list[MembershipRecord]:
        """How these reports came into their stories."""
        with self._database.reading() as memory:
            return memberships.of(memory, ids)

    def index(self, ids: Sequence[int]) -> tuple[dict[int, bytes], dict[int, list[int]]]:
        """Sketches and band keys of these reports."""
        with self._database.reading() as memory:
            return sketches.get(memory, ids, fingerprint.RECIPE), sketches.bands(memory, ids)


# ---- beside the present stories ----


@dataclass(frozen=True, slots=True)
class ReportGroup:
    """Some reports that are in one story, with a title for people.

    Attributes:
        story: the story they are in at present, None where that is not what they are about.
        title: of that story, or of the first of them.
        reports: their ids.

    """

    story: int | None
    title: str
    reports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What clustering again would change.

    Attributes:
        reports: how many were streamed.
        stories: how many stories they are in at present, and would be in.
        merges: each a story that would hold reports of several of today's, by those.
        splits: each a story of today, and the parts that it would fall into.
        honoured: by settings (``present``, ``rehearsed``) how many pairs of reports come out as people said
            before that is enforced, and of how many, by ``together`` and ``apart``.

    """

    reports: int
    stories: tuple[int, int]
    merges: tuple[tuple[ReportGroup, ...], ...]
    splits: tuple[tuple[ReportGroup, tuple[ReportGroup, ...]], ...]
    honoured: Mapping[str, Mapping[str, tuple[int, int]]]


def rehearse(
    archive: Database,
    present: Dedup,
    rehearsed: Dedup,
    since: datetime | None = None,
    progress: Progress = silent,
    model: Model | None = None,
) -> Rehearsal:
    """Cluster the archive again without touching it.

    Args:
        archive: only read.
        present: the settings in force; streamed by them too, if there is something to compare.
        rehearsed: the settings to try.
        since: leave out what was seen before.
        progress: see `Progress`.
        model: the weights to try; None: those in force.

    """
    with archive.reading() as tx:
        listed = corrections.listed(tx)
        stand = stories.partition(tx)
        in_force = learnt_weights.read(tx)
    said = meaning.constraints(listed)
    twice = (rehearsed != present or model is not None) and bool(said.together or said.apart)
    free = _free(
        archive,
        (rehearsed, model or in_force),
        since,
        lambda done, total: progress(done, total * (1 + twice)),
    )
    today = stand if since is None else {report: story for report, story in stand.items() if report in free}
    honoured = {"rehearsed": meaning.honoured(free, listed)}
    honoured["present"] = honoured["rehearsed"]
    if twice:
        other = _free(
            archive, (present, in_force), since, lambda done, total: progress(total + done, 2 * total)
        )
        honoured["present"] = meaning.honoured(other, listed)
    settled = meaning.settle(_whole(free, today), today, said)
    with archive.reading() as tx:
        merges, splits = _changes(tx, today, settled)
    sizes = len(set(today.values())), len(set(settled.values()))
    return Rehearsal(len(settled), sizes, merges, splits, honoured)


def _free(
    archive: Database, by: tuple[Dedup, Model | None], since: datetime | None, progress: Progress
) -> dict[int, int]:
    rerun = Rerun(*by)
    try:
        rerun.take_from(archive, since, progress)
        return rerun.partition()
    finally:
        rerun.close()


def _whole(free: Mapping[int, int], before: Mapping[int, int]) -> dict[int, int]:
    """A partition of all that is in `before`; what was not streamed goes where most of its story is."""
    found = {report: story for report, story in free.items() if report in before}
    assignment: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for report, story in found.items():
        assignment[before[report]][story] += 1
    fresh = max(found.values(), default=0)
    for report, story in before.items():
        if report not in found:
            near = assignment.get(story)
            found[report] = near.most_common(1)[0][0] if near else fresh + story
    return found


def _changes(
    tx: Any, today: Mapping[int, int], settled: Mapping[int, int]
) -> tuple[tuple[tuple[ReportGroup, ...], ...], tuple[tuple[ReportGroup, tuple[ReportGroup, ...]], ...]]:
    """The stories that would merge, and those that would fall apart."""
    come: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
    fall: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
    for report in sorted(settled):
        old, new = today[report], settled[report]
        come[new].setdefault(old, []).append(report)
        fall[old].setdefault(new, []).append(report)
    merging = [parts for parts in come.values() if len(parts) > 1]
    falling = {old: parts for old, parts in fall.items() if len(parts) > 1}
    named = {old for parts in merging for old in parts} | falling.keys()
    titles = {
        story: title for ids in chunks(sorted(named)) for story, title in stories.titles(tx, ids).items()
    }
    first = reports.get(tx, [part[0] for parts in falling.values() for part in parts.values()])
    merges = [
        tuple(ReportGroup(old, titles[old], tuple(listed)) for old, listed in sorted(parts.items()))
        for parts in merging
    ]
    splits = [
        (
            ReportGroup(old, titles[old], tuple(sorted(r for listed in parts.values() for r in listed))),
            tuple(
                ReportGroup(None, headline(first[listed[0]].title, first[listed[0]].text), tuple(listed))
                for listed in parts.values()
            ),
        )
        for old, parts in sorted(falling.items())
    ]
    return tuple(merges), tuple(splits)


# ---- in their place ----


@dataclass(frozen=True, slots=True)
class Reclustered:
    """What clustering again has changed.

    Attributes:
        reports: how many there are.
        stories: how many stories there were, and are.
        moved: reports that are in another story now.
        fingerprinted: reports whose sketch was of another recipe.

    """

    reports: int
    stories: tuple[int, int]
    moved: int
    fingerprinted: int


def recluster(
    archive: Database,
    settings: Dedup,
    prefer: Sequence[str],
    clock: Callable[[], datetime],
    progress: Progress = silent,
) -> Reclustered:
    """Cluster the archive again, for good; corrections hold, and a story that is the same keeps its id.

    The work is done beside the archive, which can be written meanwhile; what has come in since is added when
    all is carried out, in one transaction.

    Args:
        archive: is written once, at the end.
        settings: the bars and bounds.
        prefer: publishers whose report stands for a story.
        clock: the present time.
        progress: see `Progress`.

    """
    with archive.reading() as tx:
        model = learnt_weights.read(tx)
    rerun = Rerun(settings, model)
    try:
        rerun.take_from(archive, None, progress)
        with archive.writing() as tx:
            rerun.catch_up(tx)
            return _carry_out(tx, rerun, Linker(settings, prefer), settings, clock())
    finally:
        rerun.close()


def _carry_out(tx: Any, rerun: Rerun, linker: Linker, settings: Dedup, now: datetime) -> Reclustered:
    before = stories.partition(tx)
    free = _whole(rerun.partition(), before)
    settled = meaning.settle(free, before, meaning.constraints(corrections.listed(tx)))
    after, leads = _with_ids(tx, before, settled, now)
    moved = {report for report in after if before[report] != after[report]}
    _membership(tx, rerun, (before, after), moved, now)
    for absorbed, survivor in leads.items():
        stories.redirect(tx, absorbed=absorbed, survivor=survivor)
    gained = {after[report] for report in moved}
    for ids in chunks(sorted(set(after.values()))):  # all of them: `prefer` may be another one
        linker.show(tx, [story for story in ids if story in gained], now)
        linker.show(tx, [story for story in ids if story not in gained], None)
    fingerprinted = _fingerprint(tx, rerun, now - settings.window)
    corrections.changed(tx)
    sizes = len(set(before.values())), len(set(after.values()))
    return Reclustered(len(after), sizes, len(moved), fingerprinted)


def _with_ids(
    tx: Any, before: Mapping[int, int], settled: Mapping[int, int], now: datetime
) -> tuple[dict[int, int], dict[int, int]]:
    """The new stories by ids to keep; and for each id that no story keeps the story that it leads to."""
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for report, story in settled.items():
        groups[story].add(report)
    parts = [frozenset(group) for group in groups.values()]
    ids, leads = meaning.keep_ids(before, parts)
    found = [story or memberships.found(tx, group, now) for story, group in zip(ids, parts, strict=True)]
    after = {report: story for story, group in zip(found, parts, strict=True) for report in group}
    return after, {absorbed: found[position] for absorbed, position in leads.items()}


def _membership(
    tx: Any,
    rerun: Rerun,
    partitions: tuple[Mapping[int, int], Mapping[int, int]],
    moved: set[int],
    now: datetime,
) -> None:
    """Reports into their new stories, with why; in those that changed, copies as the rerun saw them."""
    before, after = partitions
    changed = {partition[report] for partition in partitions for report in moved}
    there = [report for report, story in after.items() if story in changed]
    was = {place.report: place for place in memberships.of(tx, there)}
    scores: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    found = {place.report: place for place in rerun.places(there)}
    for report in there:
        place = found.get(report, was[report])
        if report in moved:
            scores[before[report], after[report]].append(float(place.evidence["score"]))
            memberships.put(tx, after[report], [replace(place, joined=now)])
        else:
            memberships.put(tx, after[report], [replace(was[report], copy_group=place.copy_group)])
    memberships.tidy_groups(tx, sorted(changed))
    for (left, joined), listed in scores.items():
        mean = sum(listed) / len(listed)
        history.remember(tx, HistoryEvent(now, "reclustered", joined, left, None, mean))


def _fingerprint(tx: Any, rerun: Rerun, since: datetime) -> int:
    """Sketches of the present recipe for those that have none; into the index, if they are young enough."""
    made = 0
    for ids in chunks(sketches.without(tx, fingerprint.RECIPE)):
        packed, keys = rerun.index(ids)
        made += len(packed)
        sketches.put(tx, packed, fingerprint.RECIPE)
        for report in reports.get(tx, packed).values():
            sketches.drop_bands(tx, report.id, report.seen)
            if report.seen >= since:
                sketches.add_bands(tx, [(report.id, report.seen, keys.get(report.id, ()))])
    return made
