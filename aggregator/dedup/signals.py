"""Weigh one report against others: a row of signals a pair, each with a meaning.

``words``   cosine of the weighted features of the whole texts (log term frequency, Salton and Buckley 1988)
``lead``    the same for title and first lines only
``title``   the same for the titles only (first lines where there is none)
``length``  log of the features of the shorter one: how much there was to compare

All are symmetric; the cosines of a report with itself are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import HEAD, LEAD, NAME, Sketch
from aggregator.dedup.frequency import Floats, StreamCounts

SIGNALS: Final = ("words", "lead", "title", "length")

_TITLE_BONUS = 1  # a word of the title counts as if it stood once more in the text

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sketch with the weights of this moment of the stream.

    Attributes:
        sketch: what was weighed.
        vectors: unit vectors over the features for whole text, lead and title, shape (n, 3).
        names: hashes of the names in its text.
    """

    sketch: Sketch
    vectors: Floats
    names: frozenset[int]


def weigh(sketch: Sketch, counts: StreamCounts) -> Weighed:
    """The sketch, weighed by how common its features are now."""
    weights = counts.weights(sketch.language, sketch.hashes, sketch.rates)
    in_head, in_lead = (sketch.flags & HEAD) > 0, (sketch.flags & LEAD) > 0
    vectors = np.empty((len(weights), 3), dtype=np.float32)
    vectors[:, 0] = weights * (1.0 + np.log(np.maximum(sketch.counts + _TITLE_BONUS * in_head, 1)))
    vectors[:, 1] = weights * in_lead
    vectors[:, 2] = weights * in_head
    norms = np.sqrt(np.einsum("ij,ij->j", vectors, vectors))
    names = frozenset(sketch.hashes[(sketch.flags & NAME) > 0].tolist())
    return Weighed(sketch, vectors / np.maximum(norms, 1e-9), names)


def compare(one: Weighed, others: Sequence[Weighed]) -> Matrix:
    """The signals of `one` with each of `others`, shape (len(others), len(SIGNALS))."""
    signals = np.zeros((len(others), len(SIGNALS)), dtype=np.float32)
    if not others:
        return signals
    signals[:, 3] = np.log([min(one.sketch.length, other.sketch.length) + 1.0 for other in others])
    if not len(one.sketch.hashes):
        return signals
    theirs = np.concatenate([other.sketch.hashes for other in others])
    at = np.searchsorted(one.sketch.hashes, theirs)
    at[at == len(one.sketch.hashes)] = 0
    hits = np.flatnonzero(one.sketch.hashes[at] == theirs)
    owner = np.repeat(np.arange(len(others)), [len(other.sketch.hashes) for other in others])[hits]
    products = one.vectors[at[hits]] * np.concatenate([other.vectors for other in others])[hits]
    for column in range(3):
        signals[:, column] = np.bincount(owner, products[:, column], minlength=len(others))
    return np.clip(signals, 0.0, [1, 1, 1, np.inf])


def shared(one: Weighed, other: Weighed) -> npt.NDArray[np.intp]:
    """Positions in `one` of the features that both have, the heaviest in this pair first."""
    _, mine, theirs = np.intersect1d(
        one.sketch.hashes, other.sketch.hashes, assume_unique=True, return_indices=True
    )
    order = np.argsort(-(one.vectors[mine, 0] * other.vectors[theirs, 0]), kind="stable")
    return mine[order]
