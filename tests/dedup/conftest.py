"""What the tests of telling stories apart share: a way to weigh texts, and a stream in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from aggregator.dedup import fingerprint, signals
from aggregator.dedup.frequency import StreamCounts
from aggregator.dedup.story import Neighbourhood, Plan, place
from aggregator.dedup.thresholds import Thresholds
from aggregator.dedup.verdict import Profile
from aggregator.settings import Dedup

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Told(NamedTuple):
    """A report for a test: title, text, language, and when it was published if it says so."""

    title: str
    text: str = ""
    language: str = "en"
    published: datetime | None = None


@dataclass
class Stream:
    """Reports that arrive one after another, and the stories that come of them; no database."""

    thresholds: Thresholds
    counts: StreamCounts = field(default_factory=StreamCounts)
    sketches: list[fingerprint.Sketch] = field(default_factory=list)
    weighed: dict[int, tuple[int, signals.WeightedSketch]] = field(default_factory=dict)
    profiles: list[Told] = field(default_factory=list)
    story_of: dict[int, int] = field(default_factory=dict)
    copy_group: dict[int, int] = field(default_factory=dict)
    index: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def take(self, given: tuple[Any, ...]) -> Plan:
        """Put one more report, the values of `Told`, into its story."""
        report = Told(*given)
        number = len(self.profiles) + 1
        sketch = fingerprint.sketch(report.title, report.text, report.language)
        self.profiles.append(report)
        self.sketches.append(sketch)
        self.counts.add(sketch.language, sketch.hashes)
        keys = fingerprint.band_keys(sketch, self.counts)
        hits = Counter(other for key in keys for other in self.index[key])
        for key in keys:
            self.index[key].append(number)
        near = dict.fromkeys(self.story_of[other] for other, _ in hits.most_common(60))
        members = {story: [self.profile(n) for n in self.members(story)] for story in near}
        plan = place(self.profile(number), Neighbourhood(members), self.thresholds)
        self.copy_group[number] = plan.copy_of or number
        self.story_of[number] = plan.story or number
        for goes, stays, _ in plan.merges:
            for n in self.members(goes or number):
                self.story_of[n] = stays or number
        for moved, _, joins, _ in plan.moves:
            self.story_of[moved] = joins
        return plan

    def profile(self, number: int) -> Profile:
        """A report as the verdict sees it now."""
        report = self.profiles[number - 1]
        epoch, weighed = self.weighed.get(number, (-1, None))
        if weighed is None or epoch != self.counts.epoch:
            weighed = signals.weigh(self.sketches[number - 1], self.counts)
            self.weighed[number] = self.counts.epoch, weighed
        group = self.copy_group.get(number, number)
        return Profile(number, weighed, report.published or DAY, report.published is not None, group)

    def members(self, story: int) -> list[int]:
        """The reports of a story."""
        return [number for number, of in self.story_of.items() if of == story]

    def stories(self) -> list[set[int]]:
        """Every story as the set of its reports, numbered from 1 in the order of arrival."""
        return [set(self.members(story)) for story in sorted(set(self.story_of.values()))]


@pytest.fixture(scope="session")
def thresholds() -> Thresholds:
    """The bars that ship."""
    shipped = Dedup()
    return Thresholds(shipped.story_bar, shipped.copy_bar, timedelta(days=14))


@pytest.fixture
def stream(thresholds: Thresholds) -> Callable[[Iterable[tuple[Any, ...]]], Stream]:
    """A function that streams reports from an empty state."""

    def run(reports: Iterable[tuple[Any, ...]]) -> Stream:
        stream = Stream(thresholds)
        for report in reports:
            stream.take(report)
        return stream

    return run


@pytest.fixture
def profile() -> Callable[..., Profile]:
    """A function that makes a report as the verdict sees it, with nothing else in the stream."""

    def make(given: tuple[Any, ...], number: int = 1) -> Profile:
        report = Told(*given)
        weighed = signals.weigh(
            fingerprint.sketch(report.title, report.text, report.language), StreamCounts()
        )
        return Profile(number, weighed, report.published or DAY, report.published is not None, number)

    return make
