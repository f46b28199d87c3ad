"""Weigh one report against others: a row of signals a pair, each with a meaning.

``words``   cosine of the weighted features of the whole texts (log term frequency, Salton and Buckley 1988)
``lead``    the same for title and first lines only
``title``   the same for the titles only (first lines where there is none)
``length``  log of the features of the shorter one: how much there was to compare
``strangers``  1 if both texts name names, and nothing that one names stands anywhere in the other

All are symmetric; the cosines of a report with itself are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import HEAD, INSTANCE, LEAD, NAME, Sketch
from aggregator.dedup.frequency import Floats, StreamCounts

SIGNALS: Final = ("words", "lead", "title", "length", "strangers")

_TITLE_BONUS = 1  # a word of the title counts as if it stood once more in the text

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sketch with the weights of this moment of the stream.

    Attributes:
        sketch: what was weighed.
        vectors: unit vectors over the features for whole text, lead and title, shape (n, 3).
        named: whether each feature is a name in its text, shape (n,).
        marks: hashes of what says, in its title, which one of a series it is; see `text.instances`.
    """

    sketch: Sketch
    vectors: Floats
    named: npt.NDArray[np.bool_]
    marks: frozenset[int]


def weigh(sketch: Sketch, counts: StreamCounts) -> Weighed:
    """The sketch, weighed by how common its features are now."""
    return weigh_all([sketch], counts)[0]


def weigh_all(sketches: Sequence[Sketch], counts: StreamCounts) -> list[Weighed]:
    """Each sketch, weighed; many of one language cost little more than one."""
    by_language: dict[str, list[int]] = {}
    for number, sketch in enumerate(sketches):
        by_language.setdefault(sketch.language, []).append(number)
    weighed: dict[int, Weighed] = {}
    for language, numbers in by_language.items():
        alike = _weigh_alike(language, [sketches[number] for number in numbers], counts)
        weighed.update(zip(numbers, alike, strict=True))
    return [weighed[number] for number in range(len(sketches))]


def _weigh_alike(language: str, sketches: Sequence[Sketch], counts: StreamCounts) -> list[Weighed]:
    """Sketches of one language, weighed in one go: their features lie one after the other."""
    hashes, rates, flags, often = (
        np.concatenate([getattr(sketch, name) for sketch in sketches])
        for name in ("hashes", "rates", "flags", "counts")
    )
    weights = counts.weights(language, hashes, rates)
    in_head, in_lead = (flags & HEAD) > 0, (flags & LEAD) > 0
    vectors = np.empty((len(weights), 3), dtype=np.float32)
    vectors[:, 0] = weights * (1.0 + np.log(np.maximum(often + _TITLE_BONUS * in_head, 1)))
    vectors[:, 1] = weights * in_lead
    vectors[:, 2] = weights * in_head
    named, marked = (flags & NAME) > 0, (flags & INSTANCE) > 0
    found, start = [], 0
    for sketch in sketches:
        end = start + len(sketch.hashes)
        own = vectors[start:end]
        norms = np.sqrt(np.einsum("ij,ij->j", own, own))
        marks = frozenset(hashes[start:end][marked[start:end]].tolist())
        found.append(Weighed(sketch, own / np.maximum(norms, 1e-9), named[start:end].copy(), marks))
        start = end
    return found


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
    at = at[hits]
    sizes = [len(other.sketch.hashes) for other in others]
    owner = np.repeat(np.arange(len(others)), sizes)[hits]
    products = one.vectors[at] * np.concatenate([other.vectors for other in others])[hits]
    for column in range(3):
        signals[:, column] = np.bincount(owner, products[:, column], minlength=len(others))
    if one.named.any():
        known = one.named[at] | np.concatenate([other.named for other in others])[hits]
        signals[:, 4] = [other.named.any() for other in others]
        signals[owner[known], 4] = 0.0
    return np.clip(signals, 0.0, [1, 1, 1, np.inf, 1])


def shared(one: Weighed, other: Weighed) -> npt.NDArray[np.intp]:
    """Positions in `one` of the features that both have, the heaviest in this pair first."""
    _, mine, theirs = np.intersect1d(
        one.sketch.hashes, other.sketch.hashes, assume_unique=True, return_indices=True
    )
    order = np.argsort(-(one.vectors[mine, 0] * other.vectors[theirs, 0]), kind="stable")
    return mine[order]
