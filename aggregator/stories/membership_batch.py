"""Who sits where, while reports are being linked.

A batch of reports asks the same of the database again and again: who shares a key with this one, and who
sits in that story? So it is asked once for all of them, and what the batch itself changes is followed here:
for one transaction this is the truth, and it writes what can wait together, at the end.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from types import TracebackType
from typing import Any, Self

from storage import places, sketches, stories
from storage.reports import Stored
from storage.stories import Seat

_BY_REPORT = attrgetter("report")


class Seating:
    """The seats of one transaction; a context: what waits is written where it ends well.

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
        self._at: defaultdict[int, dict[int, int]] = defaultdict(dict)  # by key: reports, each with its week
        self._story = stories.of_reports(tx, list(self._keys))
        self._seats: dict[int, list[Seat]] = {}
        self._joined: list[stories.Joining] = []
        self._shown: dict[int, stories.Showing] = {}

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
            self.seats({story for each in self._keys for story in self._stories(each, weeks)})
        return self._nearest(report, weeks)

    def _nearest(self, report: int, weeks: range) -> list[tuple[int, int]]:
        shared = Counter(
            other
            for key in self._keys[report]
            for other, week in self._at.get(key, {}).items()
            if week in weeks and other in self._story
        )
        ranked = sorted(shared, key=lambda other: (-shared[other], -other))
        return [(other, self._story[other]) for other in ranked[: self._most]]

    def _stories(self, report: int, weeks: range) -> list[int]:
        return list(dict.fromkeys(story for _, story in self._nearest(report, weeks)))[: self._ahead]

    def _read_index(self, weeks: set[int]) -> None:
        self._write()
        wanted = set().union(*self._keys.values())
        for key, week, report, story in sketches.sharing(self._tx, sorted(wanted), sorted(weeks)):
            self._at[key][report] = week
            self._story[report] = story
        self._weeks |= weeks

    def story_of(self, report: int) -> int | None:
        """The story of a report that looks for a place, or was met here; None if it sits in none."""
        return self._story.get(report)

    def seats(self, ids: Iterable[int]) -> dict[int, list[Seat]]:
        """Everyone in each of these stories, by report id; nobody in one that has gone."""
        wanted = list(ids)
        missing = [story for story in wanted if story not in self._seats]
        if missing:
            self._write()
            self._seats |= {story: [] for story in missing}
            for seat in stories.seats(self._tx, missing):
                self._seats[seat.story].append(seat)
                self._story[seat.report] = seat.story
        return {story: self._seats[story] for story in wanted}

    # ---- writing ----

    def found(self, title: str, best: int, now: datetime) -> int:
        """Open a story; its id."""
        story = stories.found(self._tx, title=title, best=best, now=now)
        self._seats[story] = []
        return story

    def found_for(self, report: int, now: datetime) -> int:
        """Open a story for a report that sits elsewhere still; its id. It is as old as the report's seat."""
        self._write()
        story = places.found(self._tx, [report], now)
        self._seats[story] = []
        return story

    def join(
        self, story: int, report: Stored, copy_group: int, evidence: Mapping[str, Any], now: datetime
    ) -> None:
        """Put a report that sits nowhere into a story."""
        self.seats([story])
        self._joined.append(stories.Joining(story, report.id, copy_group, evidence, now))
        self._sit(seat_of(report)._replace(story=story, copy_group=copy_group))
        for key in self._keys.get(report.id, ()):
            self._at[key].setdefault(report.id, sketches.bucket(report.seen))

    def leave(self, report: int) -> None:
        """Take a report out of its story."""
        self._write()
        stories.leave(self._tx, report)
        self._rise(report)

    def regroup(self, story: int, reports: Sequence[int], copy_group: int) -> None:
        """Make these reports of a story one copy group."""
        self._write()
        stories.regroup(self._tx, reports, copy_group)
        self._seats.pop(story, None)

    def tidy(self, ids: Iterable[int]) -> None:
        """Name each copy group of these stories after one that is in it: the others may have left."""
        seats = [seat for here in self.seats(ids).values() for seat in here]
        for story, mates in stories.misnamed(seats):
            self.regroup(story, mates, min(mates))

    def merge(self, goes: int, stays: int, score: float, now: datetime) -> None:
        """All of one story into another."""
        going = self.seats([goes, stays])[goes]
        self._write()
        stories.merge(self._tx, goes=goes, stays=stays, score=score, now=now)
        self._seats[goes] = []
        for seat in going:
            self._sit(seat._replace(story=stays))

    def move(self, seat: Seat, joins: int, evidence: Mapping[str, Any], score: float, now: datetime) -> None:
        """One report from its story into another."""
        self.seats([joins])
        self._write()
        stories.move(self._tx, seat, joins=joins, evidence=evidence, score=score, now=now)
        self._rise(seat.report)
        self._sit(seat._replace(story=joins))

    def show(self, story: int, title: str, best: int, now: datetime | None) -> None:
        """Keep which report of a story is its best one; `now`, if it gained something."""
        before = self._shown.get(story)
        gained = now or (before.now if before else None)
        self._shown[story] = stories.Showing(story, title, best, gained)

    def _sit(self, seat: Seat) -> None:
        insort(self._seats[seat.story], seat, key=_BY_REPORT)
        self._story[seat.report] = seat.story

    def _rise(self, report: int) -> None:
        story = self._story.pop(report)
        if story in self._seats:
            self._seats[story] = [seat for seat in self._seats[story] if seat.report != report]

    def _write(self) -> None:
        """What waits, in two statements."""
        joined, shown = self._joined, list(self._shown.values())
        self._joined, self._shown = [], {}
        stories.join(self._tx, joined)
        stories.show_best(self._tx, shown)


def seat_of(report: Stored) -> Seat:
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
