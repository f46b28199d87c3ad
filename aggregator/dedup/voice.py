"""A source's voice: what it says in many of its reports says little about an event when two of them share it.

An advisory feed has "vulnerability" and "patch" under everything, a channel its closing lines, a court its
formulas. Between two reports of one publisher a feature that `df` of its `n` newest reports hold keeps only

    log((n + 1) / (df - 1)) / log(n + 1)

of its weight, for df of 2 and more: the inverse document frequency (Spärck Jones 1972) within the publisher,
less the one other report that any shared feature needs. Two reports that alone share a word lose nothing.
Between reports of two publishers nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aggregator.dedup.frequency import Floats, Hashes

REPORTS = 200
"""The newest reports of a publisher that are listened to."""


class Voice:
    """Document frequencies over the newest reports of one publisher.

    Args:
        reports: the feature hashes of each, every one sorted and unique.

    """

    __slots__ = ("_counts", "_hashes", "_reports")

    def __init__(self, reports: Sequence[Hashes]) -> None:
        said = np.concatenate(reports) if reports else np.zeros(0, dtype=np.uint32)
        self._hashes, counts = np.unique(said, return_counts=True)
        self._counts = counts.astype(np.uint16)
        self._reports = len(reports)

    def after(self, come: Sequence[Hashes], gone: Sequence[Hashes]) -> Voice:
        """The voice with some reports more, and without some of its own."""
        said = np.concatenate([self._hashes, *come, *gone])
        added = len(self._hashes) + sum(map(len, come))
        by = np.concatenate([self._counts, np.where(np.arange(len(self._hashes), len(said)) < added, 1, -1)])
        hashes, at = np.unique(said, return_inverse=True)
        counts = np.bincount(at, by, len(hashes)).astype(np.uint16)
        then = Voice(())
        then._hashes, then._counts = hashes[counts > 0], counts[counts > 0]
        then._reports = self._reports + len(come) - len(gone)
        return then

    def share(self, hashes: Hashes) -> Floats:
        """The share of its weight that each feature keeps between two reports of this publisher."""
        if self._reports < 3 or not len(hashes) or not len(self._hashes):
            return np.ones(len(hashes), dtype=np.float32)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        held = np.where(self._hashes[at] == hashes, self._counts[at], 0)
        kept = np.log((self._reports + 1) / np.maximum(held - 1.0, 1.0)) / np.log(self._reports + 1)
        clipped: Floats = np.clip(kept, 0.0, 1.0).astype(np.float32)
        return clipped
