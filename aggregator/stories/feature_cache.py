"""Cache of sketches, weights and judged pairs, kept from batch to batch while reports are linked.

All of it is derived from the database and may be dropped at any time; what is held is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from aggregator.dedup import fingerprint, signals, voice
from aggregator.dedup.frequency import SPAN, StreamCounts
from aggregator.dedup.recurring import LOOKED_AT, recurring, without
from aggregator.dedup.verdict import Profile
from aggregator.dedup.voice import Voice
from aggregator.stories.membership_batch import membership_of
from storage import reports, sketches
from storage.reports import Stored
from storage.stories import Membership

_SKETCHES = 12_000  # kept in memory: about what a busy week brings
_WEIGHED = 4_000  # kept in memory, larger than sketches
_VOICES = 500  # kept in memory, up to 50 kB each
_JUDGED = 100_000  # pairs kept in memory
_AGAIN = 5  # epochs of the weights until pairs are judged again: half as many reports more have been counted


class FeatureCache:
    """What is known of reports.

    Attributes:
        judged: probability by pair of reports, the smaller id first, as lately judged.
        keys: the band keys of reports that were entered.
    """

    def __init__(self) -> None:
        self.judged: dict[tuple[int, int], float] = {}
        self.keys: dict[int, list[int]] = {}
        self._judged_in = 0  # the epoch of the weights
        self._counts: StreamCounts | None = None
        self._sketches: dict[int, fingerprint.Sketch] = {}
        self._weighed: dict[int, tuple[int, signals.WeightedSketch]] = {}
        self._voices: dict[str, tuple[Voice, list[int]]] = {}  # each with its reports, the newest last
        self._readings: dict[int, fingerprint.FeatureSequence] = {}  # of the reports that are being linked

    def forget(self) -> None:
        """Drop everything: after a transaction that was rolled back, memory may be ahead."""
        self._counts, self._judged_in = None, 0
        memories = (self._sketches, self._weighed, self._voices, self._readings, self.keys, self.judged)
        for memory in memories:
            memory.clear()

    def weigh_again(self) -> None:
        """Drop what was weighed and judged: each has its day's weights, which depend on who came first."""
        self._weighed.clear()
        self.judged.clear()

    def forget_before(self, first: int) -> None:
        """Drop what is known of reports before this one: they have left the window, and few are asked for."""
        for memory in (self._sketches, self._weighed, self.keys):
            for report in [report for report in memory if report < first]:
                del memory[report]
        for pair in [pair for pair in self.judged if min(pair) < first]:
            del self.judged[pair]

    def enter(self, tx: Any, entered: Sequence[Stored], sketched: Mapping[int, fingerprint.Sketch]) -> None:
        """Fingerprint new or revised reports; `index` makes them found.

        Args:
            tx: an open writing transaction.
            entered: as they stand in the database.
            sketched: sketches that were made of some of them before.

        """
        self._trim()
        self._readings.clear()
        self._unjudge({report.id for report in entered}.intersection(self._sketches))
        counts = self._counted(tx)
        boilerplate = self._recurring(tx, [report for report in entered if report.id not in sketched])
        for report in entered:
            sketch = sketched.get(report.id)
            if sketch is None:
                title, body = without(report.title, report.text, boilerplate[report.source])
                reading = fingerprint.read(title, body, report.language)
                sketch = fingerprint.sketch_of(reading)
                self._readings[report.id] = reading
            counts.add(sketch.language, sketch.hashes)
            self._sketches[report.id] = sketch
            self._weighed.pop(report.id, None)
            self.keys[report.id] = fingerprint.band_keys(sketch, counts)
        if counts.epoch >= self._judged_in + _AGAIN:
            self.judged.clear()
            self._judged_in = counts.epoch
        packed = {report.id: self._sketches[report.id].pack() for report in entered}
        sketches.put(tx, packed, fingerprint.RECIPE)
        self._hear(tx, entered)

    def index(self, tx: Any, entered: Iterable[Stored]) -> None:
        """Enter fingerprinted reports into the index, under their keys."""
        sketches.add_bands(tx, [(report.id, report.seen, self.keys[report.id]) for report in entered])

    def _trim(self) -> None:
        """Forget what was learned longest ago, a good part at once; never while a decision needs it."""
        memories: tuple[tuple[dict[Any, Any], int], ...] = (
            (self._sketches, _SKETCHES),
            (self._weighed, _WEIGHED),
            (self.keys, _SKETCHES),
            (self._voices, _VOICES),
            (self.judged, _JUDGED),
        )
        for memory, most in memories:
            if len(memory) > most:
                for key in list(islice(memory, len(memory) - most // 2)):
                    del memory[key]

    def _unjudge(self, revised: set[int]) -> None:
        """Forget what was judged of reports whose words have changed."""
        if revised:
            for pair in [pair for pair in self.judged if not revised.isdisjoint(pair)]:
                del self.judged[pair]

    def profile(self, tx: Any, report: Stored) -> Profile:
        """A report as the verdict sees it, stored or not; nothing is written."""
        self._recall(tx, [report.id])
        if report.id not in self._sketches:
            known = self._recurring(tx, [report]).get(report.source, frozenset())  # a file is not stored
            title, body = without(report.title, report.text, known)
            self._sketches[report.id] = fingerprint.sketch(title, body, report.language)
        return self.profiles(tx, [membership_of(report)])[0]

    def profiles(self, tx: Any, memberships: Sequence[Membership]) -> list[Profile]:
        """Reports as the verdict sees them; those without a sketch of this recipe are left out."""
        self._recall(tx, [membership.report for membership in memberships])
        counts, epoch = self._counted(tx), self._counted(tx).epoch
        known = [membership.report for membership in memberships if membership.report in self._sketches]
        stale = [i for i in known if i not in self._weighed or self._weighed[i][0] != epoch]
        fresh = signals.weigh_all([self._sketches[i] for i in stale], counts)
        self._weighed.update((i, (epoch, weighed)) for i, weighed in zip(stale, fresh, strict=True))
        self._listen(tx, {membership.publisher for membership in memberships if membership.linked})
        return [self._told(membership) for membership in memberships if membership.report in self._sketches]

    def _listen(self, tx: Any, publishers: Iterable[str]) -> None:
        """Learn the voices of these publishers, of those that are not known."""
        for publisher in publishers:
            if publisher not in self._voices:
                packed = sketches.newest_of(tx, publisher, fingerprint.RECIPE, voice.REPORTS)
                heard = Voice([fingerprint.hashes_of(each) for each in packed.values()])
                self._voices[publisher] = heard, [*packed][::-1]

    def _hear(self, tx: Any, entered: Sequence[Stored]) -> None:
        """Bring the voices that are known up to what has entered."""
        come: dict[str, list[int]] = {}
        for report in entered:
            if report.publisher in self._voices:
                come.setdefault(report.publisher, []).append(report.id)
        said = {publisher: self._voices[publisher][1] + ids for publisher, ids in come.items()}
        gone = {publisher: ids[: -voice.REPORTS] for publisher, ids in said.items()}
        self._recall(tx, (report for ids in gone.values() for report in ids))
        for publisher, ids in said.items():
            before, _ = self._voices.pop(publisher)
            if ids == sorted(set(ids)) and self._sketches.keys() >= set(gone[publisher]):
                new, old = (
                    [self._sketches[i].hashes for i in each] for each in (come[publisher], gone[publisher])
                )
                self._voices[publisher] = before.after(new, old), ids[-voice.REPORTS :]
            # Else one was revised, or deleted: its old words are not known. It is heard anew when asked for.

    def keys_of(self, tx: Any, ids: Sequence[int]) -> dict[int, list[int]]:
        """The keys that these reports would have in the index if they entered now, of those with a sketch."""
        self._recall(tx, ids)
        counts = self._counted(tx)
        return {i: fingerprint.band_keys(self._sketches[i], counts) for i in ids if i in self._sketches}

    def reading(self, report: Stored) -> fingerprint.FeatureSequence:
        """A report, cut into its features."""
        found = self._readings.get(report.id)
        return found or fingerprint.read(report.title, report.text, report.language)

    def _recurring(self, tx: Any, told: Sequence[Stored]) -> dict[str, frozenset[str]]:
        """What recurs in each source of these reports."""
        newest = reports.newest(tx, [report.id for report in told], LOOKED_AT)
        return {source: recurring(shown) for source, shown in newest.items()}

    def _told(self, membership: Membership) -> Profile:
        # A report without an address came from a folder, whose name may stand for any publisher.
        publisher = membership.publisher.casefold() if membership.linked else None
        weighed = self._weighed[membership.report][1]
        return Profile(
            membership.report,
            weighed,
            membership.published,
            membership.dated,
            membership.copy_group,
            publisher,
            self._voices[membership.publisher][0] if membership.linked else None,
        )

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
