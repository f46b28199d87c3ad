"""Bring stored reports into their stories: look for candidates, decide, carry the decision out.

The decision is pure (`dedup.story.place`); this module gathers what it needs and carries out its plan, all in
the caller's transaction: features come from `FeatureCache`, memberships from `MembershipBatch`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.dedup import fingerprint
from aggregator.dedup.corrections import Constraints, constraints
from aggregator.dedup.overlap import shared_words
from aggregator.dedup.story import Neighbourhood, Plan, place
from aggregator.dedup.thresholds import Thresholds
from aggregator.dedup.verdict import Profile, account
from aggregator.model import Evidence, headline
from aggregator.stories import learnt_weights
from aggregator.stories.feature_cache import FeatureCache
from aggregator.stories.membership_batch import MembershipBatch
from storage import corrections, meta, reports, stories
from storage.reports import Stored
from storage.stories import Membership

if TYPE_CHECKING:
    from aggregator.settings import Dedup

_WORDS, _NAMES = 12, 8  # of the evidence that is kept with a membership


@dataclass(frozen=True, slots=True)
class StoredNeighbourhood:
    """The stories near a newcomer, as the database knows them.

    Attributes:
        profiles: those that the newcomer is weighed against, by story id.
        cannot_link: those that a person said must not share a story with some others, by story id.
        partly: the stories that have more reports than these.

    """

    profiles: dict[int, list[Profile]]
    cannot_link: dict[int, frozenset[int]]
    partly: frozenset[int]


class Linker:
    """Puts reports into stories, batch by batch.

    Args:
        settings: the bars and bounds.
        prefer: publishers whose report gives a story its title and lead, the most wanted first.

    Attributes:
        settings: the bars and bounds.
        thresholds: what a score has to reach.
        known: what is known of reports.
        constraints: what people said.
        verdicts: layer and score of each report that was linked, since they were taken.

    """

    def __init__(self, settings: Dedup, prefer: Sequence[str] = ()) -> None:
        self.settings = settings
        self.thresholds = Thresholds(story=settings.story_bar, copy=settings.copy_bar, window=settings.window)
        self.known = FeatureCache()
        self.constraints = Constraints()
        self.verdicts: list[tuple[str, float]] = []
        self._prefer = {name.casefold(): -rank for rank, name in reversed(list(enumerate(prefer)))}
        self._seen_generation: tuple[int, int] | None = (
            None  # corrections and revisions, that this memory knows of
        )

    def forget(self) -> None:
        """Drop everything derived: after a transaction that was rolled back, memory may be ahead."""
        self._seen_generation = None
        self.known.forget()
        self.verdicts.clear()

    def forget_before(self, first: int) -> None:
        """Drop what is known of reports before this one: they have left the window, and few are asked for."""
        self.known.forget_before(first)

    def take_verdicts(self) -> tuple[tuple[str, float], ...]:
        """Layer and score of each report that was linked since this was asked last."""
        taken = tuple(self.verdicts)
        self.verdicts.clear()
        return taken

    def refresh(self, tx: Any) -> None:
        """Read anew what another process has changed since: corrections, learnt weights, revised reports.

        Either may have changed everything that is known here. It is to be called before this process revises
        a report itself.
        """
        happened = _generation(tx)
        if happened != self._seen_generation:
            self.forget()
            self.constraints = constraints(corrections.listed(tx))
            self.thresholds = replace(self.thresholds, model=learnt_weights.read(tx))
            self._seen_generation = happened

    @contextmanager
    def linking(
        self,
        tx: Any,
        entered: Sequence[Stored],
        sketched: Mapping[int, fingerprint.Sketch] | None = None,
    ) -> Iterator[Linking]:
        """Fingerprint new or revised reports and enter them into the index, to link them one by one.

        `refresh` comes before it, and before the reports were revised.

        Args:
            tx: an open writing transaction.
            entered: as they stand in the database.
            sketched: sketches that were made of some of them before.

        """
        self._seen_generation = _generation(tx)  # the revisions since `refresh` are of these reports
        self.known.enter(tx, entered, sketched or {})
        keys = {report.id: self.known.keys[report.id] for report in entered}
        with MembershipBatch(
            tx, keys, most=self.settings.candidates, ahead=self.settings.stories
        ) as membership_batch:
            new = [report for report in entered if membership_batch.story_of(report.id) is None]
            self.known.index(tx, (report for report in entered if membership_batch.story_of(report.id)))
            yield Linking(self, tx, membership_batch)
            self.known.index(tx, new)  # now: in no story, they would hide those that are from each other

    def profile(self, tx: Any, report: Stored) -> Profile:
        """A report as the verdict sees it, stored or not; nothing is written."""
        return self.known.profile(tx, report)

    def suits(self, tx: Any, report: Stored, story: int) -> float:
        """The score of a report with a story, as if it came now; if it is in it, with the others there.

        0 where nobody else is in the story.
        """
        others = [
            membership for membership in stories.memberships(tx, [story]) if membership.report != report.id
        ]
        profiles = self.known.profiles(tx, chosen(others, set(), self.settings.members))
        return place(
            self.profile(tx, report),
            Neighbourhood({story: profiles}, constraints=self.constraints),
            self.thresholds,
        ).score

    def show(self, tx: Any, changed: Iterable[int], now: datetime | None) -> None:
        """Show the best reports of stories that gained something at `now`, or lost something (None)."""
        with MembershipBatch(tx) as membership_batch:
            self.show_best(tx, membership_batch, changed, now)

    def show_best(
        self, tx: Any, membership_batch: MembershipBatch, changed: Iterable[int], now: datetime | None
    ) -> None:
        """The same, as the stories are seated now."""
        for story, memberships in membership_batch.memberships(changed).items():
            if memberships:
                best = best_membership(memberships, self._prefer)
                title = best.title or headline("", stories.opening(tx, best.report))
                membership_batch.show(story, title, best.report, now)


class Linking:
    """Links the reports of one batch, in one transaction; see `Linker.linking`.

    Args:
        linker: what is known, and the bars.
        tx: the transaction in which the batch was entered.
        membership_batch: which report is in which story.

    """

    def __init__(self, linker: Linker, tx: Any, membership_batch: MembershipBatch) -> None:
        self._linker, self._tx, self._membership_batch = linker, tx, membership_batch
        self._known, self._rules, self._thresholds = linker.known, linker.constraints, linker.thresholds

    def link(self, report: Stored, now: datetime) -> int:
        """Put a report into its story, and set right what its coming shows.

        A revised one is in a story already. There it stays, unless its new words do not suit that story at
        all: half the bar is far enough from it that no report flips.

        Args:
            report: as it stands in the database; one of those that were entered.
            now: the present time.

        Returns:
            The id of its story.

        """
        own = self._membership_batch.story_of(report.id)
        if own is not None and len(self._memberships(own)) > 1:
            if self._stays(report, own, now):
                self.show([own], now)
                return own
            self._membership_batch.leave(report.id)
            self.show([own], None)
            own = None
        near = self._near(report, now, without=own)
        nearby = Neighbourhood(near.profiles, self._known.judged, self._rules, near.cannot_link, near.partly)
        plan = place(self._known.profile(self._tx, report), nearby, self._thresholds)
        return self._carry_out(plan, report, near, own, now)

    def _memberships(self, story: int) -> list[Membership]:
        return self._membership_batch.memberships([story])[story]

    def show(self, changed: Iterable[int], now: datetime | None) -> None:
        """Show the best reports of stories that gained something at `now`, or lost something (None)."""
        self._linker.show_best(self._tx, self._membership_batch, changed, now)

    def _stays(self, report: Stored, own: int, now: datetime) -> bool:
        """Whether a revised report still suits its story; then its evidence and copy group are made anew."""
        memberships = self._memberships(own)
        mine = next(membership for membership in memberships if membership.report == report.id)
        others = [membership for membership in memberships if membership.report != report.id]
        copies = {membership.report for membership in others if membership.copy_group == mine.copy_group}
        profiles = self._known.profiles(self._tx, self._chosen(others, copies))
        nearby = Neighbourhood({own: profiles}, self._known.judged)
        plan = place(self._known.profile(self._tx, report), nearby, self._thresholds)
        mates = [membership.report for membership in others if membership.copy_group == report.id]
        if mates and plan.copy_of is None:  # the text that they are copies of is no longer here
            self._membership_batch.regroup(own, mates, min(mates))
        misplaced = plan.score < self._thresholds.story / 2 and plan.copy_of is None
        if misplaced and not self._rules.bound(report.id):
            return False
        group = mine.copy_group if mates and plan.copy_of is not None else plan.copy_of or report.id
        evidence = self._evidence(replace(plan, story=own), report, profiles).as_json()
        self._membership_batch.leave(report.id)
        self._membership_batch.join(own, report, group, evidence, now)
        return True

    def _carry_out(
        self, plan: Plan, report: Stored, near: StoredNeighbourhood, own: int | None, now: datetime
    ) -> int:
        membership_batch = self._membership_batch
        story = plan.story or own
        founded = story is None
        if story is None:
            story = membership_batch.found(headline(report.title, report.text), report.id, now)
        evidence = self._evidence(plan, report, near.profiles.get(story, ())).as_json()
        if own is not None:
            membership_batch.leave(report.id)
        membership_batch.join(story, report, plan.copy_of or report.id, evidence, now)
        if own is not None and own != story:
            membership_batch.merge(own, story, plan.score, now)
        if not plan.merges and not plan.moves:
            if not founded:
                self.show([story], now)
            return story
        return self._set_right(plan, report.id, story, now)

    def _set_right(self, plan: Plan, report: int, story: int, now: datetime) -> int:
        """Merge stories and move reports as the plan says; the story that the newcomer is in at the end."""
        current_ids = {0: story}
        for absorbed, survivor, score in plan.merges:
            gone, kept = current_ids.get(absorbed, absorbed), current_ids.get(survivor, survivor)
            self._membership_batch.merge(gone, kept, score, now)
            current_ids |= {old: kept for old, new in current_ids.items() if new == gone} | {gone: kept}
        here = current_ids.get(story, story)
        gained = {here, *(current_ids.get(survivor, survivor) for _, survivor, _ in plan.merges)}
        lost: set[int] = set()
        for moved, origin, destination, score in plan.moves:
            left = current_ids.get(origin, origin)
            if destination == -moved:
                current_ids[destination] = self.part(moved, left, score, now)
            else:
                self.move(moved, left, current_ids.get(destination, destination), score, now)
            joined = current_ids.get(destination, destination)
            gained.add(joined)
            lost.add(left)
            here = joined if moved == report else here
        self._membership_batch.tidy(sorted(gained | lost) if lost else ())
        self.show(sorted(gained), now)
        self.show(sorted(lost - gained), None)
        return here

    def move(
        self,
        moved: int,
        origin: int,
        destination: int,
        score: float,
        now: datetime,
        *,
        beside: Collection[int] = (),
    ) -> None:
        """One report from a story into another, with the evidence of the member that it is closest to.

        Args:
            moved: the report.
            origin: its story.
            destination: the other.
            score: how far it agrees with that.
            now: the present time.
            beside: the members that it may be closest to, where some of them will leave; else all.

        """
        memberships = self._membership_batch.memberships([origin, destination])
        membership = next(membership for membership in memberships[origin] if membership.report == moved)
        judged = self._known.judged
        there = memberships[destination]
        closest = max(
            [peer for peer in there if peer.report in beside] or there,
            key=lambda peer: judged.get((min(peer.report, moved), max(peer.report, moved)), 0.0),
        )
        report = reports.get(self._tx, [moved])[moved]
        profiles = self._known.profiles(self._tx, [closest])
        evidence = self._of_event("moved", score, report, profiles).as_json()
        self._membership_batch.move(membership, destination, evidence, score, now)

    def part(self, moved: int, origin: int, score: float, now: datetime) -> int:
        """One report from a story into one of its own, whose id is returned."""
        membership = next(
            membership for membership in self._memberships(origin) if membership.report == moved
        )
        destination = self._membership_batch.found_for(moved, now)
        self._membership_batch.move(
            membership, destination, Evidence("parted", score, self._thresholds.story).as_json(), score, now
        )
        return destination

    def _near(self, report: Stored, now: datetime, *, without: int | None) -> StoredNeighbourhood:
        """The stories of the candidates, nearest first, as many as are weighed."""
        pairs = self._membership_batch.candidates(report.id, now, self._thresholds.window)
        found = {candidate for candidate, _ in pairs}
        nearest = dict.fromkeys(story for _, story in pairs if story != without)
        memberships = self._membership_batch.memberships(list(nearest)[: self._linker.settings.stories])
        cannot_link = {
            story: self._rules.cannot_link(membership.report for membership in members)
            for story, members in memberships.items()
        }
        weighed = {
            story: self._chosen(members, found)
            for story, members in memberships.items()
            if not self._rules.parted([report.id], cannot_link[story])
        }
        told = self._known.profiles(
            self._tx, [membership for members in weighed.values() for membership in members]
        )
        by_report = {profile.id: profile for profile in told}
        profiles = {
            story: [by_report[membership.report] for membership in members if membership.report in by_report]
            for story, members in weighed.items()
        }
        partly = frozenset(story for story, here in profiles.items() if len(here) < len(memberships[story]))
        return StoredNeighbourhood(
            {story: here for story, here in profiles.items() if here}, cannot_link, partly
        )

    def _chosen(self, members: Sequence[Membership], found: set[int]) -> Sequence[Membership]:
        return chosen(members, found, self._linker.settings.members)

    def _evidence(self, plan: Plan, report: Stored, near: Iterable[Profile]) -> Evidence:
        """Why the report is where it is, with the words that carried it."""
        if plan.story is None:
            evidence = Evidence("first", plan.score, self._thresholds.story, plan.matched)
        elif plan.copy_of is not None:
            evidence = Evidence("copy", plan.resemblance, self._thresholds.copy, plan.matched)
        else:
            matched = [profile for profile in near if profile.id == plan.matched]
            evidence = self._of_event("story", plan.score, report, matched)
        self._linker.verdicts.append((evidence.layer, evidence.score))
        return evidence

    def _of_event(self, layer: str, score: float, report: Stored, matched: Sequence[Profile]) -> Evidence:
        """Evidence of one event: the terms of the verdict with the closest report, and what both say."""
        if not matched:
            return Evidence(layer, score, self._thresholds.story)
        mine, other = self._known.profile(self._tx, report), matched[0]
        reading = self._known.reading(report)
        words, names, numbers = shared_words(mine.weighed, other.weighed, reading)
        return Evidence(
            layer=layer,
            score=score,
            bar=self._thresholds.story,
            matched=other.id,
            signals={
                name: value
                for name, value, *_ in account(mine, other, self._thresholds.model)
                if name != "intercept"
            },
            words=words[:_WORDS],
            names=names[:_NAMES],
            numbers=numbers[:_NAMES],
        )


def chosen(members: Sequence[Membership], found: set[int], most: int) -> Sequence[Membership]:
    """The newest members of a large story stand for it, those among `found` before others."""
    ranked = sorted(
        members, key=lambda membership: (membership.report in found, membership.report), reverse=True
    )
    return ranked[:most]


def _generation(tx: Any) -> tuple[int, int]:
    """How many corrections and revisions there were; another number: what is cached is out of date."""
    return corrections.changes(tx), meta.times(tx, meta.REVISIONS)


def best_membership(memberships: Sequence[Membership], prefer: Mapping[str, int]) -> Membership:
    """The report that stands for a story.

    One by the publisher who is preferred most; of these one with a title, of these the most complete, the
    earliest among equals.

    Args:
        memberships: everyone in the story.
        prefer: publishers, case folded, to how much they are preferred: 0 most, then -1 and so on.

    """
    return max(
        memberships,
        key=lambda membership: (
            prefer.get(membership.publisher.casefold(), -len(prefer)),
            bool(membership.title),
            membership.length,
            -membership.published.timestamp(),
            -membership.report,
        ),
    )
