"""Bring stored reports into their stories: look for candidates, decide, carry the decision out.

The decision is pure (`dedup.story.place`); this module gathers what it needs from the database and carries
out its plan, all in the caller's transaction. What it holds in memory is derived from the database and may be
dropped at any time: sketches by report, judged pairs, and the stream's document frequencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from aggregator.dedup import fingerprint, signals
from aggregator.dedup.corrections import Rules, rules
from aggregator.dedup.frequency import SPAN, StreamCounts
from aggregator.dedup.overlap import shared_words
from aggregator.dedup.recurring import LOOKED_AT, recurring, without
from aggregator.dedup.story import Bars, Neighbourhood, Plan, place
from aggregator.dedup.verdict import Telling, account
from aggregator.model import Evidence, headline
from storage import corrections, reports, sketches, stories
from storage.reports import Stored
from storage.stories import Seat

if TYPE_CHECKING:
    from aggregator.settings import Dedup

_SKETCHES = 12_000  # kept in memory: about what a busy week brings
_WEIGHED = 4_000  # kept in memory, larger than sketches
_JUDGED = 100_000  # pairs kept in memory
_WORDS, _NAMES = 12, 8  # of the evidence that is kept with a membership


@dataclass(frozen=True, slots=True)
class Near:
    """The stories near a newcomer, as the database knows them.

    Attributes:
        seats: everyone in those stories, by story id.
        tellings: those that the newcomer is weighed against, by story id.
        told_apart: those that a person said must not share a story with some others, by story id.

    """

    seats: dict[int, list[Seat]]
    tellings: dict[int, list[Telling]]
    told_apart: dict[int, frozenset[int]]


class Linker:
    """Puts reports into stories.

    Args:
        settings: the bars and bounds.
        prefer: publishers whose report gives a story its title and lead, the most wanted first.

    """

    def __init__(self, settings: Dedup, prefer: Sequence[str] = ()) -> None:
        self._settings = settings
        self._prefer = {name.casefold(): -rank for rank, name in reversed(list(enumerate(prefer)))}
        self._rules = Rules()
        self._changes: int | None = None  # made by people, that the memory below knows of
        self._bars = Bars(story=settings.story_bar, copy=settings.copy_bar, window=settings.window)
        self._counts: StreamCounts | None = None
        self._sketches: dict[int, fingerprint.Sketch] = {}
        self._weighed: dict[int, tuple[int, signals.Weighed]] = {}
        self._readings: dict[int, fingerprint.Reading] = {}  # of the reports that are being linked
        self._keys: dict[int, list[int]] = {}
        self._judged: dict[tuple[int, int], float] = {}
        self._verdicts: list[tuple[str, float]] = []  # since they were taken last

    def forget(self) -> None:
        """Drop everything derived: after a transaction that was rolled back, memory may be ahead."""
        self._counts = self._changes = None
        for memory in (self._sketches, self._weighed, self._readings, self._keys, self._judged):
            memory.clear()
        self._verdicts.clear()

    def let_go(self, first: int) -> None:
        """Drop what is known of reports before this one: they have left the window, and few are asked for."""
        for memory in (self._sketches, self._weighed, self._keys):
            for report in [report for report in memory if report < first]:
                del memory[report]
        for pair in [pair for pair in self._judged if min(pair) < first]:
            del self._judged[pair]

    def take_verdicts(self) -> tuple[tuple[str, float], ...]:
        """Layer and score of each report that was linked since this was asked last."""
        taken = tuple(self._verdicts)
        self._verdicts.clear()
        return taken

    def _trim(self) -> None:
        """Forget what was learned longest ago, a good part at once; never while a decision needs it."""
        memories: tuple[tuple[dict[Any, Any], int], ...] = (
            (self._sketches, _SKETCHES),
            (self._weighed, _WEIGHED),
            (self._keys, _SKETCHES),
            (self._judged, _JUDGED),
        )
        for memory, most in memories:
            if len(memory) > most:
                for key in list(islice(memory, len(memory) - most // 2)):
                    del memory[key]

    def _unjudge(self, revised: set[int]) -> None:
        """Forget what was judged of reports whose words have changed."""
        if revised:
            for pair in [pair for pair in self._judged if not revised.isdisjoint(pair)]:
                del self._judged[pair]

    def enter(
        self,
        tx: Any,
        entered: Sequence[Stored],
        known: Mapping[int, fingerprint.Sketch] | None = None,
    ) -> None:
        """Fingerprint new or revised reports and enter them into the index.

        Args:
            tx: an open writing transaction.
            entered: as they stand in the database.
            known: sketches that were made of some of them before.

        """
        self.obey(tx)
        self._trim()
        self._readings.clear()
        self._unjudge({report.id for report in entered}.intersection(self._sketches))
        counts = self._counted(tx)
        known = known or {}
        boilerplate = self._recurring(tx, [report for report in entered if report.id not in known])
        for report in entered:
            sketch = known.get(report.id)
            if sketch is None:
                title, body = without(report.title, report.text, boilerplate[report.source])
                reading = fingerprint.read(title, body, report.language)
                sketch = fingerprint.sketch_of(reading)
                self._readings[report.id] = reading
            counts.add(sketch.language, sketch.hashes)
            self._sketches[report.id] = sketch
            self._weighed.pop(report.id, None)
            self._keys[report.id] = fingerprint.band_keys(sketch, counts)
        packed = {report.id: self._sketches[report.id].pack() for report in entered}
        sketches.put(tx, packed, fingerprint.RECIPE)
        sketches.add_bands(tx, [(report.id, report.seen, self._keys[report.id]) for report in entered])

    def obey(self, tx: Any) -> None:
        """Learn what people have said since, maybe in another process; they may have changed everything."""
        changes = corrections.changes(tx)
        if changes != self._changes:
            self.forget()
            self._rules = rules(corrections.listed(tx))
            self._changes = changes

    def link(self, tx: Any, report: Stored, now: datetime, *, own: int | None = None) -> int:
        """Put a report that was entered into its story, and set right what its coming shows.

        Args:
            tx: the transaction in which it was entered.
            report: as it stands in the database.
            now: the present time.
            own: the story that it sits in already, if it is a revision. There it stays, unless its new words
                do not suit that story at all: half the bar is far enough from it that no report flips.

        Returns:
            The id of its story.

        """
        if own is not None and len(seats := stories.seats(tx, [own])) > 1:
            if self._stays(tx, report, seats, now):
                self.show(tx, [own], now)
                return own
            stories.leave(tx, report.id)
            self.show(tx, [own], None)
            own = None
        near = self._near(tx, report, now, without=own)
        newcomer = self.telling(tx, report)
        nearby = Neighbourhood(near.tellings, self._judged, self._rules, near.told_apart)
        plan = place(newcomer, nearby, self._bars)
        return self._carry_out(tx, plan, report, near, own, now)

    def _stays(self, tx: Any, report: Stored, seats: Sequence[Seat], now: datetime) -> bool:
        """Whether a revised report still suits its story; then its evidence and copy group are made anew."""
        mine = next(seat for seat in seats if seat.report == report.id)
        others = [seat for seat in seats if seat.report != report.id]
        weighed = self._chosen(others, {seat.report for seat in others if seat.copy_group == mine.copy_group})
        tellings = self._tellings(tx, weighed)
        plan = place(
            self.telling(tx, report), Neighbourhood({mine.story: tellings}, self._judged), self._bars
        )
        mates = [seat.report for seat in others if seat.copy_group == report.id]
        if mates and plan.copy_of is None:  # the text that they are copies of is no longer here
            stories.regroup(tx, mates, min(mates))
        unfit = plan.score < self._bars.story / 2 and plan.copy_of is None
        if unfit and not self._rules.bound(report.id):
            return False
        group = mine.copy_group if mates and plan.copy_of is not None else plan.copy_of or report.id
        evidence = self._evidence(tx, replace(plan, story=mine.story), report, tellings).as_json()
        stories.leave(tx, report.id)
        stories.join(tx, story=mine.story, report=report.id, copy_group=group, evidence=evidence, now=now)
        return True

    def _recurring(self, tx: Any, told: Sequence[Stored]) -> dict[str, frozenset[str]]:
        """What recurs in each source of these reports."""
        newest = reports.newest(tx, [report.id for report in told], LOOKED_AT)
        return {source: recurring(shown) for source, shown in newest.items()}

    def telling(self, tx: Any, report: Stored) -> Telling:
        """A report as the verdict sees it, stored or not; nothing is written."""
        self._recall(tx, [report.id])
        if report.id not in self._sketches:
            known = self._recurring(tx, [report]).get(report.source, frozenset())  # a file is not stored
            title, body = without(report.title, report.text, known)
            self._sketches[report.id] = fingerprint.sketch(title, body, report.language)
        return self._tellings(tx, [_seat(report)])[0]

    def suits(self, tx: Any, report: Stored, story: int) -> float:
        """The score of a report with a story, as if it came now; if it is in it, with the others there.

        0 where nobody else is in the story.
        """
        others = [seat for seat in stories.seats(tx, [story]) if seat.report != report.id]
        nearby = Neighbourhood({story: self._tellings(tx, self._chosen(others, set()))}, rules=self._rules)
        return place(self.telling(tx, report), nearby, self._bars).score

    def _carry_out(
        self, tx: Any, plan: Plan, report: Stored, near: Near, own: int | None, now: datetime
    ) -> int:
        group = plan.copy_of or report.id
        story = plan.story or own
        founded = story is None
        if story is None:
            story = stories.found(tx, title=headline(report.title, report.text), best=report.id, now=now)
        evidence = self._evidence(tx, plan, report, near.tellings.get(story, ())).as_json()
        if own is not None:
            stories.leave(tx, report.id)
        stories.join(tx, story=story, report=report.id, copy_group=group, evidence=evidence, now=now)
        if own is not None and own != story:
            stories.merge(tx, goes=own, stays=story, score=plan.score, now=now)
        if not plan.merges and not plan.moves:
            if not founded:
                seat = _seat(report)._replace(story=story, copy_group=group)
                self._show_best(tx, story, [*near.seats.get(story, []), seat], now)
            return story
        return self._set_right(tx, plan, report.id, story, now)

    def _set_right(self, tx: Any, plan: Plan, report: int, story: int, now: datetime) -> int:
        """Merge stories and move reports as the plan says; the story that the newcomer is in at the end."""
        stands = {0: story}
        for goes, stays, score in plan.merges:
            gone, kept = stands.get(goes, goes), stands.get(stays, stays)
            stories.merge(tx, goes=gone, stays=kept, score=score, now=now)
            stands |= {old: kept for old, new in stands.items() if new == gone} | {gone: kept}
        here = stands.get(story, story)
        gained = {here, *(stands.get(stays, stays) for _, stays, _ in plan.merges)}
        lost: set[int] = set()
        for moved, leaves, joins, score in plan.moves:
            left, joined = stands.get(leaves, leaves), stands.get(joins, joins)
            self._move(tx, moved, (left, joined), score, now)
            gained.add(joined)
            lost.add(left)
            here = joined if moved == report else here
        self.show(tx, gained, now)
        self.show(tx, lost - gained, None)
        return here

    def _move(self, tx: Any, moved: int, between: tuple[int, int], score: float, now: datetime) -> None:
        """One report from a story into another, with the evidence of the member that it is closest to."""
        seats = stories.seats(tx, between)
        seat = next(seat for seat in seats if seat.report == moved)
        closest = max(
            (peer for peer in seats if peer.story == between[1]),
            key=lambda peer: self._judged.get((min(peer.report, moved), max(peer.report, moved)), 0.0),
        )
        report = reports.get(tx, [moved])[moved]
        evidence = self._of_event(tx, "moved", score, report, self._tellings(tx, [closest])).as_json()
        stories.move(tx, seat, joins=between[1], evidence=evidence, score=score, now=now)

    def _near(self, tx: Any, report: Stored, now: datetime, *, without: int | None) -> Near:
        """The stories of the candidates, nearest first, as many as are weighed."""
        settings = self._settings
        pairs = sketches.candidates(
            tx, self._keys[report.id], now=now, window=settings.window, most=settings.candidates
        )
        found = {candidate for candidate, _ in pairs}
        nearest = dict.fromkeys(story for _, story in pairs if story != without)
        chosen = list(nearest)[: settings.stories]
        seats: dict[int, list[Seat]] = {story: [] for story in chosen}
        for seat in stories.seats(tx, chosen):
            seats[seat.story].append(seat)
        told_apart = {
            story: self._rules.told_apart(seat.report for seat in members) for story, members in seats.items()
        }
        for story in chosen:
            if self._rules.parted([report.id], told_apart[story]):
                del seats[story]
        tellings: dict[int, list[Telling]] = {}
        weighed = {story: self._chosen(members, found) for story, members in seats.items()}
        told = self._tellings(tx, [seat for members in weighed.values() for seat in members])
        by_report = {telling.id: telling for telling in told}
        for story, members in weighed.items():
            if here := [by_report[seat.report] for seat in members if seat.report in by_report]:
                tellings[story] = here
        return Near(seats, tellings, told_apart)

    def _chosen(self, members: Sequence[Seat], found: set[int]) -> Sequence[Seat]:
        """The newest members of a large story stand for it, candidates before others."""
        ranked = sorted(members, key=lambda seat: (seat.report in found, seat.report), reverse=True)
        return ranked[: self._settings.members]

    def _tellings(self, tx: Any, seats: Sequence[Seat]) -> list[Telling]:
        """Reports as the verdict sees them; those without a sketch of this recipe are left out."""
        self._recall(tx, [seat.report for seat in seats])
        counts, epoch = self._counted(tx), self._counted(tx).epoch
        known = [seat.report for seat in seats if seat.report in self._sketches]
        stale = [i for i in known if i not in self._weighed or self._weighed[i][0] != epoch]
        fresh = signals.weigh_all([self._sketches[i] for i in stale], counts)
        self._weighed.update((i, (epoch, weighed)) for i, weighed in zip(stale, fresh, strict=True))
        return [self._told(seat) for seat in seats if seat.report in self._sketches]

    def _told(self, seat: Seat) -> Telling:
        # A report without an address came from a folder, whose name may stand for any publisher.
        publisher = seat.publisher if seat.linked else None
        weighed = self._weighed[seat.report][1]
        return Telling(seat.report, weighed, seat.published, seat.dated, seat.copy_group, publisher)

    def _recall(self, tx: Any, ids: Iterable[int]) -> None:
        missing = [i for i in ids if i not in self._sketches]
        if missing:
            for report_id, packed in sketches.get(tx, missing, fingerprint.RECIPE).items():
                self._sketches[report_id] = fingerprint.Sketch.unpack(packed)

    def _counted(self, tx: Any) -> StreamCounts:
        """The stream's document frequencies, counted once from the newest sketches."""
        if self._counts is None:
            self._counts = StreamCounts()
            for packed in sketches.latest(tx, fingerprint.RECIPE, SPAN):
                sketch = fingerprint.Sketch.unpack(packed)
                self._counts.add(sketch.language, sketch.hashes)
        return self._counts

    def _evidence(self, tx: Any, plan: Plan, report: Stored, near: Iterable[Telling]) -> Evidence:
        """Why the report is where it is, with the words that carried it."""
        if plan.story is None:
            evidence = Evidence("first", plan.score, self._bars.story, plan.matched)
        elif plan.copy_of is not None:
            evidence = Evidence("copy", plan.resemblance, self._bars.copy, plan.matched)
        else:
            matched = [telling for telling in near if telling.id == plan.matched]
            evidence = self._of_event(tx, "story", plan.score, report, matched)
        self._verdicts.append((evidence.layer, evidence.score))
        return evidence

    def _of_event(
        self, tx: Any, layer: str, score: float, report: Stored, matched: Sequence[Telling]
    ) -> Evidence:
        """Evidence of one event: the terms of the verdict with the closest report, and what both say."""
        if not matched:
            return Evidence(layer, score, self._bars.story)
        mine, other = self.telling(tx, report), matched[0]
        reading = self._readings.get(report.id) or fingerprint.read(
            report.title, report.text, report.language
        )
        words, names, numbers = shared_words(mine.weighed, other.weighed, reading)
        return Evidence(
            layer=layer,
            score=score,
            bar=self._bars.story,
            matched=other.id,
            signals={name: value for name, value, *_ in account(mine, other) if name != "intercept"},
            words=words[:_WORDS],
            names=names[:_NAMES],
            numbers=numbers[:_NAMES],
        )

    def show(self, tx: Any, changed: Iterable[int], now: datetime | None) -> None:
        """Show the best reports of stories that gained something at `now`, or lost something (None)."""
        seats: dict[int, list[Seat]] = {}
        for seat in stories.seats(tx, changed):
            seats.setdefault(seat.story, []).append(seat)
        for story, members in seats.items():
            self._show_best(tx, story, members, now)

    def _show_best(self, tx: Any, story: int, seats: Sequence[Seat], now: datetime | None) -> None:
        best = best_seat(seats, self._prefer)
        title = best.title or headline("", stories.opening(tx, best.report))
        stories.show_best(tx, story, title=title, best=best.report, now=now)


def best_seat(seats: Sequence[Seat], prefer: Mapping[str, int]) -> Seat:
    """The report that stands for a story.

    One by the publisher who is preferred most; of these one with a title, of these the most complete, the
    earliest among equals.

    Args:
        seats: everyone in the story.
        prefer: publishers, case folded, to how much they are preferred: 0 most, then -1 and so on.

    """
    return max(
        seats,
        key=lambda seat: (
            prefer.get(seat.publisher.casefold(), -len(prefer)),
            bool(seat.title),
            seat.length,
            -seat.published.timestamp(),
            -seat.report,
        ),
    )


def _seat(report: Stored) -> Seat:
    """The place of a report that sits nowhere yet."""
    return Seat(
        story=0,
        report=report.id,
        publisher=report.publisher,
        title=report.title,
        length=len(report.text),
        published=report.published,
        dated=report.dated,
        copy_group=report.id,
        linked=report.url is not None,
    )
