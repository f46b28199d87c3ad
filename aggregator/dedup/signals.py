"""Weigh one report against others: a row of signals a pair, each with a meaning.

``words``   cosine of the weighted features of the whole texts (log term frequency, Salton and Buckley 1988)
``lead``    the same for title and first lines only
``title``   the same for the titles only (first lines where there is none)
``shared``  how much weight the shorter one finds again in the longer one: containment, in [0, 1]
``rare``    how much distinctive weight both have, whatever their length: log(1 + sum of (weight - 4))
``length``  log of the features of the shorter one: how much there was to compare

All are symmetric; the cosines and the containment of a report with itself are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import HEAD, LEAD, Sketch
from aggregator.dedup.frequency import Floats, StreamCounts

SIGNALS: Final = ("words", "lead", "title", "shared", "rare", "length")

_TITLE_BONUS = 1  # a word of the title counts as if it stood once more in the text
_PLAIN = 4.0  # weight below which a feature is no evidence by itself: it stands in 1 of 50 documents

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sketch with the weights of this moment of the stream; all arrays have the sketch's shape (n,).

    Attributes:
        sketch: what was weighed.
        weights: of each feature.
        full, lead, head: unit vectors over the features.
        total: sum of the weights.
    """

    sketch: Sketch
    weights: Floats
    full: Floats
    lead: Floats
    head: Floats
    total: float


def weigh(sketch: Sketch, counts: StreamCounts) -> Weighed:
    """The sketch, weighed by how common its features are now."""
    weights = counts.weights(sketch.language, sketch.hashes, sketch.backgrounds)
    in_head, in_lead = (sketch.flags & HEAD) > 0, (sketch.flags & LEAD) > 0
    full = weights * (1.0 + np.log(np.maximum(sketch.counts + _TITLE_BONUS * in_head, 1)))
    return Weighed(
        sketch=sketch,
        weights=weights,
        full=_unit(full),
        lead=_unit(weights * in_lead),
        head=_unit(weights * in_head),
        total=float(weights.sum()),
    )


def compare(one: Weighed, others: Sequence[Weighed]) -> Matrix:
    """The signals of `one` with each of `others`, shape (len(others), len(SIGNALS))."""
    signals = np.zeros((len(others), len(SIGNALS)), dtype=np.float32)
    if not others:
        return signals
    shorter = np.array([min(one.sketch.length, other.sketch.length) for other in others])
    signals[:, 5] = np.log(shorter + 1.0)
    if not len(one.sketch.hashes):
        return signals
    theirs = np.concatenate([other.sketch.hashes for other in others])
    at = np.searchsorted(one.sketch.hashes, theirs)
    at[at == len(one.sketch.hashes)] = 0
    hits = np.flatnonzero(one.sketch.hashes[at] == theirs)
    mine, owner = at[hits], np.repeat(np.arange(len(others)), [len(other.weights) for other in others])[hits]

    def dot(ours: Floats, column: str) -> npt.NDArray[np.float64]:
        their = np.concatenate([getattr(other, column) for other in others])[hits]
        return np.bincount(owner, ours[mine] * their, minlength=len(others))

    weights = np.minimum(one.weights[mine], np.concatenate([other.weights for other in others])[hits])
    smaller = np.array([min(one.total, other.total) for other in others])
    signals[:, 0] = dot(one.full, "full")
    signals[:, 1] = dot(one.lead, "lead")
    signals[:, 2] = dot(one.head, "head")
    signals[:, 3] = np.bincount(owner, weights, minlength=len(others)) / np.maximum(smaller, 1e-6)
    signals[:, 4] = np.log1p(np.bincount(owner, np.maximum(weights - _PLAIN, 0), minlength=len(others)))
    return np.clip(signals, 0.0, [1, 1, 1, 1, np.inf, np.inf])


def shared(one: Weighed, other: Weighed) -> npt.NDArray[np.intp]:
    """Positions in `one` of the features that both have, the heaviest in this pair first."""
    _, mine, theirs = np.intersect1d(
        one.sketch.hashes, other.sketch.hashes, assume_unique=True, return_indices=True
    )
    order = np.argsort(-(one.full[mine] * other.full[theirs]), kind="stable")
    return mine[order]


def _unit(vector: Floats) -> Floats:
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm else vector).astype(np.float32)
