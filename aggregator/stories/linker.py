"""Bring stored reports into their stories: look for candidates, decide, carry the decision out.

The decision is pure (`dedup.story.place`); this module gathers what it needs and carries out its plan, all in
the caller's transaction: what is known of reports is in `Known`, and who sits where in `Seating`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.dedup import fingerprint
from aggregator.dedup.bars import Bars
from aggregator.dedup.corrections import Rules, rules
from aggregator.dedup.overlap import shared_words
from aggregator.dedup.story import Neighbourhood, Plan, place
from aggregator.dedup.verdict import Telling, account
from aggregator.known import Known
from aggregator.model import Evidence, headline
from aggregator.seating import Seating
from storage import corrections, meta, reports, stories
from storage.reports import Stored
from storage.stories import Seat

if TYPE_CHECKING:
    from aggregator.settings import Dedup

_WORDS, _NAMES = 12, 8  # of the evidence that is kept with a membership


@dataclass(frozen=True, slots=True)
class Near:
    """The stories near a newcomer, as the database knows them.

    Attributes:
        tellings: those that the newcomer is weighed against, by story id.
        told_apart: those that a person said must not share a story with some others, by story id.
        partly: the stories that have more reports than these.

    """

    tellings: dict[int, list[Telling]]
    told_apart: dict[int, frozenset[int]]
    partly: frozenset[int]


class Linker:
    """Puts reports into stories, batch by batch.

    Args:
        settings: the bars and bounds.
        prefer: publishers whose report gives a story its title and lead, the most wanted first.

    Attributes:
        settings: the bars and bounds.
        bars: what a score has to reach.
        known: what is known of reports.
        rules: what people said.
        verdicts: layer and score of each report that was linked, since they were taken.

    """

    def __init__(self, settings: Dedup, prefer: Sequence[str] = ()) -> None:
        self.settings = settings
        self.bars = Bars(story=settings.story_bar, copy=settings.copy_bar, window=settings.window)
        self.known = Known()
        self.rules = Rules()
        self.verdicts: list[tuple[str, float]] = []
        self._prefer = {name.casefold(): -rank for rank, name in reversed(list(enumerate(prefer)))}
        self._heard: tuple[int, int] | None = None  # corrections and revisions, that this memory knows of

    def forget(self) -> None:
        """Drop everything derived: after a transaction that was rolled back, memory may be ahead."""
        self._heard = None
        self.known.forget()
        self.verdicts.clear()

    def let_go(self, first: int) -> None:
        """Drop what is known of reports before this one: they have left the window, and few are asked for."""
        self.known.let_go(first)

    def take_verdicts(self) -> tuple[tuple[str, float], ...]:
        """Layer and score of each report that was linked since this was asked last."""
        taken = tuple(self.verdicts)
        self.verdicts.clear()
        return taken

    def obey(self, tx: Any) -> None:
        """Learn what another process has changed since: what people said there, and the words of reports.

        Either may have changed everything that is known here. It is to be called before this process revises
        a report itself.
        """
        happened = _happened(tx)
        if happened != self._heard:
            self.forget()
            self.rules = rules(corrections.listed(tx))
            self._heard = happened

    @contextmanager
    def linking(
        self,
        tx: Any,
        entered: Sequence[Stored],
        sketched: Mapping[int, fingerprint.Sketch] | None = None,
    ) -> Iterator[Linking]:
        """Fingerprint new or revised reports and enter them into the index, to link them one by one.

        `obey` comes before it, and before the reports were revised.

        Args:
            tx: an open writing transaction.
            entered: as they stand in the database.
            sketched: sketches that were made of some of them before.

        """
        self._heard = _happened(tx)  # the revisions since `obey` are of these reports
        self.known.enter(tx, entered, sketched or {})
        keys = {report.id: self.known.keys[report.id] for report in entered}
        with Seating(tx, keys, most=self.settings.candidates, ahead=self.settings.stories) as seating:
            yield Linking(self, tx, seating)

    def telling(self, tx: Any, report: Stored) -> Telling:
        """A report as the verdict sees it, stored or not; nothing is written."""
        return self.known.telling(tx, report)

    def suits(self, tx: Any, report: Stored, story: int) -> float:
        """The score of a report with a story, as if it came now; if it is in it, with the others there.

        0 where nobody else is in the story.
        """
        others = [seat for seat in stories.seats(tx, [story]) if seat.report != report.id]
        tellings = self.known.tellings(tx, chosen(others, set(), self.settings.members))
        return place(
            self.telling(tx, report), Neighbourhood({story: tellings}, rules=self.rules), self.bars
        ).score

    def show(self, tx: Any, changed: Iterable[int], now: datetime | None) -> None:
        """Show the best reports of stories that gained something at `now`, or lost something (None)."""
        with Seating(tx) as seating:
            self.show_best(tx, seating, changed, now)

    def show_best(self, tx: Any, seating: Seating, changed: Iterable[int], now: datetime | None) -> None:
        """The same, as the stories are seated now."""
        for story, seats in seating.seats(changed).items():
            if seats:
                best = best_seat(seats, self._prefer)
                title = best.title or headline("", stories.opening(tx, best.report))
                seating.show(story, title, best.report, now)


class Linking:
    """Links the reports of one batch, in one transaction; see `Linker.linking`.

    Args:
        linker: what is known, and the bars.
        tx: the transaction in which the batch was entered.
        seating: who sits where.

    """

    def __init__(self, linker: Linker, tx: Any, seating: Seating) -> None:
        self._linker, self._tx, self._seating = linker, tx, seating
        self._known, self._rules, self._bars = linker.known, linker.rules, linker.bars

    def link(self, report: Stored, now: datetime) -> int:
        """Put a report into its story, and set right what its coming shows.

        A revised one sits in a story already. There it stays, unless its new words do not suit that story at
        all: half the bar is far enough from it that no report flips.

        Args:
            report: as it stands in the database; one of those that were entered.
            now: the present time.

        Returns:
            The id of its story.

        """
        own = self._seating.story_of(report.id)
        if own is not None and len(self._seats(own)) > 1:
            if self._stays(report, own, now):
                self._show([own], now)
                return own
            self._seating.leave(report.id)
            self._show([own], None)
            own = None
        near = self._near(report, now, without=own)
        nearby = Neighbourhood(near.tellings, self._known.judged, self._rules, near.told_apart, near.partly)
        plan = place(self._known.telling(self._tx, report), nearby, self._bars)
        return self._carry_out(plan, report, near, own, now)

    def _seats(self, story: int) -> list[Seat]:
        return self._seating.seats([story])[story]

    def _show(self, changed: Iterable[int], now: datetime | None) -> None:
        self._linker.show_best(self._tx, self._seating, changed, now)

    def _stays(self, report: Stored, own: int, now: datetime) -> bool:
        """Whether a revised report still suits its story; then its evidence and copy group are made anew."""
        seats = self._seats(own)
        mine = next(seat for seat in seats if seat.report == report.id)
        others = [seat for seat in seats if seat.report != report.id]
        copies = {seat.report for seat in others if seat.copy_group == mine.copy_group}
        tellings = self._known.tellings(self._tx, self._chosen(others, copies))
        nearby = Neighbourhood({own: tellings}, self._known.judged)
        plan = place(self._known.telling(self._tx, report), nearby, self._bars)
        mates = [seat.report for seat in others if seat.copy_group == report.id]
        if mates and plan.copy_of is None:  # the text that they are copies of is no longer here
            self._seating.regroup(own, mates, min(mates))
        unfit = plan.score < self._bars.story / 2 and plan.copy_of is None
        if unfit and not self._rules.bound(report.id):
            return False
        group = mine.copy_group if mates and plan.copy_of is not None else plan.copy_of or report.id
        evidence = self._evidence(replace(plan, story=own), report, tellings).as_json()
        self._seating.leave(report.id)
        self._seating.join(own, report, group, evidence, now)
        return True

    def _carry_out(self, plan: Plan, report: Stored, near: Near, own: int | None, now: datetime) -> int:
        seating = self._seating
        story = plan.story or own
        founded = story is None
        if story is None:
            story = seating.found(headline(report.title, report.text), report.id, now)
        evidence = self._evidence(plan, report, near.tellings.get(story, ())).as_json()
        if own is not None:
            seating.leave(report.id)
        seating.join(story, report, plan.copy_of or report.id, evidence, now)
        if own is not None and own != story:
            seating.merge(own, story, plan.score, now)
        if not plan.merges and not plan.moves:
            if not founded:
                self._show([story], now)
            return story
        return self._set_right(plan, report.id, story, now)

    def _set_right(self, plan: Plan, report: int, story: int, now: datetime) -> int:
        """Merge stories and move reports as the plan says; the story that the newcomer is in at the end."""
        stands = {0: story}
        for goes, stays, score in plan.merges:
            gone, kept = stands.get(goes, goes), stands.get(stays, stays)
            self._seating.merge(gone, kept, score, now)
            stands |= {old: kept for old, new in stands.items() if new == gone} | {gone: kept}
        here = stands.get(story, story)
        gained = {here, *(stands.get(stays, stays) for _, stays, _ in plan.merges)}
        lost: set[int] = set()
        for moved, leaves, joins, score in plan.moves:
            left = stands.get(leaves, leaves)
            if joins == -moved:
                stands[joins] = self._part(moved, left, score, now)
            else:
                self._move(moved, left, stands.get(joins, joins), score, now)
            joined = stands.get(joins, joins)
            gained.add(joined)
            lost.add(left)
            here = joined if moved == report else here
        self._seating.tidy(sorted(gained | lost) if lost else ())
        self._show(sorted(gained), now)
        self._show(sorted(lost - gained), None)
        return here

    def _move(self, moved: int, leaves: int, joins: int, score: float, now: datetime) -> None:
        """One report from a story into another, with the evidence of the member that it is closest to."""
        seats = self._seating.seats([leaves, joins])
        seat = next(seat for seat in seats[leaves] if seat.report == moved)
        judged = self._known.judged
        closest = max(
            seats[joins],
            key=lambda peer: judged.get((min(peer.report, moved), max(peer.report, moved)), 0.0),
        )
        report = reports.get(self._tx, [moved])[moved]
        tellings = self._known.tellings(self._tx, [closest])
        evidence = self._of_event("moved", score, report, tellings).as_json()
        self._seating.move(seat, joins, evidence, score, now)

    def _part(self, moved: int, leaves: int, score: float, now: datetime) -> int:
        """One report from a story into one of its own, whose id is returned."""
        seat = next(seat for seat in self._seats(leaves) if seat.report == moved)
        joins = self._seating.found_for(moved, now)
        self._seating.move(seat, joins, Evidence("parted", score, self._bars.story).as_json(), score, now)
        return joins

    def _near(self, report: Stored, now: datetime, *, without: int | None) -> Near:
        """The stories of the candidates, nearest first, as many as are weighed."""
        pairs = self._seating.candidates(report.id, now, self._bars.window)
        found = {candidate for candidate, _ in pairs}
        nearest = dict.fromkeys(story for _, story in pairs if story != without)
        seats = self._seating.seats(list(nearest)[: self._linker.settings.stories])
        told_apart = {
            story: self._rules.told_apart(seat.report for seat in members) for story, members in seats.items()
        }
        weighed = {
            story: self._chosen(members, found)
            for story, members in seats.items()
            if not self._rules.parted([report.id], told_apart[story])
        }
        told = self._known.tellings(self._tx, [seat for members in weighed.values() for seat in members])
        by_report = {telling.id: telling for telling in told}
        tellings = {
            story: [by_report[seat.report] for seat in members if seat.report in by_report]
            for story, members in weighed.items()
        }
        partly = frozenset(story for story, here in tellings.items() if len(here) < len(seats[story]))
        return Near({story: here for story, here in tellings.items() if here}, told_apart, partly)

    def _chosen(self, members: Sequence[Seat], found: set[int]) -> Sequence[Seat]:
        return chosen(members, found, self._linker.settings.members)

    def _evidence(self, plan: Plan, report: Stored, near: Iterable[Telling]) -> Evidence:
        """Why the report is where it is, with the words that carried it."""
        if plan.story is None:
            evidence = Evidence("first", plan.score, self._bars.story, plan.matched)
        elif plan.copy_of is not None:
            evidence = Evidence("copy", plan.resemblance, self._bars.copy, plan.matched)
        else:
            matched = [telling for telling in near if telling.id == plan.matched]
            evidence = self._of_event("story", plan.score, report, matched)
        self._linker.verdicts.append((evidence.layer, evidence.score))
        return evidence

    def _of_event(self, layer: str, score: float, report: Stored, matched: Sequence[Telling]) -> Evidence:
        """Evidence of one event: the terms of the verdict with the closest report, and what both say."""
        if not matched:
            return Evidence(layer, score, self._bars.story)
        mine, other = self._known.telling(self._tx, report), matched[0]
        reading = self._known.reading(report)
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


def chosen(members: Sequence[Seat], found: set[int], most: int) -> Sequence[Seat]:
    """The newest members of a large story stand for it, those among `found` before others."""
    ranked = sorted(members, key=lambda seat: (seat.report in found, seat.report), reverse=True)
    return ranked[:most]


def _happened(tx: Any) -> tuple[int, int]:
    return corrections.changes(tx), meta.times(tx, meta.REVISIONS)


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
