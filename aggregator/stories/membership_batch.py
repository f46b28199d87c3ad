"""Write-behind batch of story memberships for one transaction.

A batch of reports asks the same of the database again and again: who shares a key with this one, and who
is in that story? So it is asked once for all of them, and what the batch itself changes is followed here:
for one transaction this is the truth, and it writes what can wait together, at the end.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from types import TracebackType
from typing import Any, Self

from storage import memberships, sketches, stories
from storage.reports import Stored
from storage.stories import Membership

_BY_REPORT = attrgetter("report")
_UNDER_KEY = 16
"""Reports under a key that are looked at, the newest: what each newcomer costs, however many there are."""


class MembershipBatch:
    """The memberships of one transaction; a context: what waits is written where it ends well.

    Args:
        tx: open; a writing one, if anything is changed.
        keys: of the reports that look for a place, the keys they stand under in the index.
        most: candidates that are looked at for one report.
        ahead: the nearest stories of each that are read at once, with those of the others.

    """

    def __init__(
        self, tx: Any, keys: Mapping[int, Sequence[int]] | None = None, *, most: int = 0, ahead: int = 0
    ) -> None:
        self._tx = tx
        self._keys = {report: set(each) for report, each in (keys or {}).items()}
        self._most, self._ahead = most, ahead
        self._weeks: set[int] = set()  # of the index, that were read
        self._at: defaultdict[int, list[int]] = defaultdict(list)  # by key: reports, the newest last
        self._week: dict[int, int] = {}  # of each of them
        self._story = stories.of_reports(tx, list(self._keys))
        self._memberships: dict[int, list[Membership]] = {}
        self._joined: list[stories.NewMembership] = []
        self._shown: dict[int, stories.BestReport] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write()

    # ---- reading ----

    def candidates(self, report: int, now: datetime, window: timedelta) -> list[tuple[int, int]]:
        """Reports in stories that share a key with this one and were seen within the window.

        Each with its story; those that share most keys come first, then the newest.
        """
        weeks = sketches.weeks(now, window)
        if not self._weeks.issuperset(weeks):
            self._read_index(set(weeks) - self._weeks)
            self.memberships({story for each in self._keys for story in self._stories(each, weeks)})
        return self._nearest(report, weeks)

    def _nearest(self, report: int, weeks: range) -> list[tuple[int, int]]:
        week, story = self._week, self._story
        under = (self._at[key][-_UNDER_KEY:] for key in self._keys[report] if key in self._at)
        shared = Counter(chain.from_iterable(under))
        near = [
            (-often, -other) for other, often in shared.items() if week[other] in weeks and other in story
        ]
        return [(-other, story[-other]) for _, other in sorted(near)[: self._most]]

    def _stories(self, report: int, weeks: range) -> list[int]:
        return list(dict.fromkeys(story for _, story in self._nearest(report, weeks)))[: self._ahead]

    def _read_index(self, weeks: set[int]) -> None:
        self._write()
        wanted = set().union(*self._keys.values())
        week_of: dict[int, int] = {}
        for key, week, report, story in sketches.sharing(self._tx, sorted(wanted), weeks, _UNDER_KEY):
            self._enter(key, report)
            week_of[report] = week
            self._story[report] = story
        if self._week:
            for under in self._at.values():
                under.sort()
        self._week |= week_of
        self._weeks |= weeks

    def _enter(self, key: int, report: int) -> None:
        if report not in self._week or report not in self._at[key]:
            self._at[key].append(report)

    def story_of(self, report: int) -> int | None:
        """The story of a report that looks for a place, or was met here; None if it is in none."""
        return self._story.get(report)

    def memberships(self, ids: Iterable[int]) -> dict[int, list[Membership]]:
        """Everyone in each of these stories, by report id; nobody in one that has gone."""
        wanted = list(ids)
        missing = [story for story in wanted if story not in self._memberships]
        if missing:
            self._write()
            self._memberships |= {story: [] for story in missing}
            for membership in stories.memberships(self._tx, missing):
                self._memberships[membership.story].append(membership)
                self._story[membership.report] = membership.story
        return {story: self._memberships[story] for story in wanted}

    # ---- writing ----

    def found(self, title: str, best: int, now: datetime) -> int:
        """Open a story; its id."""
        story = stories.found(self._tx, title=title, best=best, now=now)
        self._memberships[story] = []
        return story

    def found_for(self, report: int, now: datetime) -> int:
        """Open a story for a report from another; its id. It is as old as the report's membership."""
        self._write()
        story = memberships.found(self._tx, [report], now)
        self._memberships[story] = []
        return story

    def join(
        self, story: int, report: Stored, copy_group: int, evidence: Mapping[str, Any], now: datetime
    ) -> None:
        """Put a report that is in no story into a story."""
        self.memberships([story])
        self._joined.append(stories.NewMembership(story, report.id, copy_group, evidence, now))
        self._record(membership_of(report)._replace(story=story, copy_group=copy_group))
        for key in self._keys.get(report.id, ()):
            self._enter(key, report.id)
        self._week.setdefault(report.id, sketches.bucket(report.seen))

    def leave(self, report: int) -> None:
        """Take a report out of its story."""
        self._write()
        stories.leave(self._tx, report)
        self._rise(report)

    def regroup(self, story: int, reports: Sequence[int], copy_group: int) -> None:
        """Make these reports of a story one copy group."""
        self._write()
        stories.regroup(self._tx, reports, copy_group)
        self._memberships.pop(story, None)

    def tidy(self, ids: Iterable[int]) -> None:
        """Name each copy group of these stories after one that is in it: the others may have left."""
        memberships = [membership for here in self.memberships(ids).values() for membership in here]
        for story, mates in stories.misnamed(memberships):
            self.regroup(story, mates, min(mates))

    def merge(self, absorbed: int, survivor: int, score: float, now: datetime) -> None:
        """All of one story into another."""
        going = self.memberships([absorbed, survivor])[absorbed]
        self._write()
        stories.merge(self._tx, absorbed=absorbed, survivor=survivor, score=score, now=now)
        self._memberships[absorbed] = []
        for membership in going:
            self._record(membership._replace(story=survivor))

    def move(
        self,
        membership: Membership,
        destination: int,
        evidence: Mapping[str, Any],
        score: float,
        now: datetime,
    ) -> None:
        """One report from its story into another."""
        self.memberships([destination])
        self._write()
        stories.move(self._tx, membership, destination=destination, evidence=evidence, score=score, now=now)
        self._rise(membership.report)
        self._record(membership._replace(story=destination))

    def show(self, story: int, title: str, best: int, now: datetime | None) -> None:
        """Keep which report of a story is its best one; `now`, if it gained something."""
        before = self._shown.get(story)
        gained = now or (before.now if before else None)
        self._shown[story] = stories.BestReport(story, title, best, gained)

    def _record(self, membership: Membership) -> None:
        insort(self._memberships[membership.story], membership, key=_BY_REPORT)
        self._story[membership.report] = membership.story

    def _rise(self, report: int) -> None:
        story = self._story.pop(report)
        if story in self._memberships:
            self._memberships[story] = [
                membership for membership in self._memberships[story] if membership.report != report
            ]

    def _write(self) -> None:
        """What waits, in two statements."""
        joined, shown = self._joined, list(self._shown.values())
        self._joined, self._shown = [], {}
        stories.join(self._tx, joined)
        stories.show_best(self._tx, shown)


def membership_of(report: Stored) -> Membership:
    """The place of a report that is in no story yet."""
    return Membership(
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
