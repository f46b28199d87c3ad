"""Weigh one report against others: a row of signals a pair, each with a meaning.

``words``   cosine of the weighted features of the whole texts (log term frequency, Salton and Buckley 1988)
``lead``    the same for title and first lines only
``title``   the same for the titles only (first lines where there is none)
``length``  log of the features of the shorter one: how much there was to compare
``thin``    how much of ``words`` hangs on two features alone, where there was text enough to share more
``strangers``  1 if both texts name names, nothing that one names stands anywhere in the other, and they
            share no word either that is as rare as a name
``names``   near 1 if both share a name and beside it next to nothing that is distinctive: they tell of one
            person or place, and need not tell one event
``several`` log of the number of distinctive features that both have
``identifier``  the share of the global identifiers of the one with fewer that both have

Between two reports of one publisher a shared feature counts what the publisher's `voice` leaves of it.
All are symmetric; the cosines of a report with itself are 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.dedup.fingerprint import (
    DATE,
    HEAD,
    INSTANCE,
    LEAD,
    NAME,
    NUMBER,
    SERIAL,
    THING,
    Sketch,
    kind_of,
)
from aggregator.dedup.frequency import Floats, Hashes, StreamCounts
from aggregator.dedup.identifiers import KINDS, ROUNDUP

SIGNALS: Final = (
    *("words", "lead", "title", "length", "thin", "strangers", "names"),
    *("several", "identifier"),
)

_CARRIERS = 2  # one name in two words ("Hong Kong") is no event
_ENOUGH = 0.03  # of a cosine, beside what the carriers bring: then it hangs on more than them
_LONG = 12  # features, repetitions included; two shorter headlines often share no more than a name
_RARE = 10.0  # rate of a word that tells as much as a name; "crash" and "resign" are more common
_SHORT_TITLE = 4  # features; "Letters to the editor" stands over anything, a longer title is news
_ORDINARY = 3.5  # weight up to which a feature is not distinctive: it stands in 3 % of documents
_FUNCTION = 3000.0  # rate of a word that is no name however it is written: "A" of the A9 is an article
_COMMON = 100.0  # rate of a word that any two texts share
_TITLE_BONUS = 1  # a word of the title counts as if it stood once more in the text

_TELLS = 0.5  # by which a feature is above the ordinary, to count among several
_MOST = (1, 1, 1, np.inf, 1, 1, 1, np.inf, 1)  # of each signal

_ROUNDUP = KINDS.index(ROUNDUP.kind) + 1  # as `fingerprint.kind_of` numbers it

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WeightedSketch:
    """A sketch with the weights of this moment of the stream.

    Attributes:
        sketch: what was weighed.
        worth: of each feature its place in the unit vectors of whole text, lead and title, by how much its
            weight is above the ordinary, and 1 for a name, shape (n, 5): they are looked up together.
        names: whether there is a name.
        marks: hashes of what says, in its title, which one of a series it is; see `text.instances`.
        days: hashes of the days, and years, of the dates in its title.
        rubric: hashes of a short title, where a text stands under it: it may be the name of a column.
        under: hashes of what the text says beside such a title, common words left out.
        things: hashes of its global identifiers.
        titled: hashes of all identifiers in its title, by the number of their kind.
    """

    sketch: Sketch
    worth: Floats
    names: bool
    marks: frozenset[int]
    days: frozenset[int]
    rubric: frozenset[int] = frozenset()
    under: frozenset[int] = frozenset()
    things: frozenset[int] = frozenset()
    titled: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @property
    def vectors(self) -> Floats:
        """Unit vectors over the features for whole text, lead and title, shape (n, 3)."""
        return self.worth[:, :3]

    @property
    def roundup(self) -> bool:
        """Whether it tells of many events, or of none."""
        return _ROUNDUP in self.titled

    @property
    def distinctive(self) -> Floats:
        """By how much the weight of each feature is above the ordinary, shape (n,)."""
        return self.worth[:, 3]


def weigh(sketch: Sketch, counts: StreamCounts) -> WeightedSketch:
    """The sketch, weighed by how common its features are now."""
    return weigh_all([sketch], counts)[0]


def weigh_all(sketches: Sequence[Sketch], counts: StreamCounts) -> list[WeightedSketch]:
    """Each sketch, weighed; many of one language cost little more than one."""
    by_language: dict[str, list[int]] = {}
    for number, sketch in enumerate(sketches):
        by_language.setdefault(sketch.language, []).append(number)
    weighed: dict[int, WeightedSketch] = {}
    for language, numbers in by_language.items():
        alike = _weigh_alike(language, [sketches[number] for number in numbers], counts)
        weighed.update(zip(numbers, alike, strict=True))
    return [weighed[number] for number in range(len(sketches))]


def _weigh_alike(language: str, sketches: Sequence[Sketch], counts: StreamCounts) -> list[WeightedSketch]:
    """Sketches of one language, weighed in one go: their features lie one after the other."""
    hashes, rates, flags, often = (
        np.concatenate([getattr(sketch, name) for sketch in sketches])
        for name in ("hashes", "rates", "flags", "counts")
    )
    weights = counts.weights(language, hashes, rates)
    weights[(flags & (DATE | SERIAL)) > 0] = 0.0  # all that happened on a day shares it; a serial only parts
    in_head, in_lead = (flags & HEAD) > 0, (flags & LEAD) > 0
    worth = np.empty((len(weights), 5), dtype=np.float32)
    worth[:, 0] = weights * (1.0 + np.log(np.maximum(often + _TITLE_BONUS * in_head, 1)))
    worth[:, 1] = weights * in_lead
    worth[:, 2] = weights * in_head
    worth[:, 3] = np.maximum(weights - _ORDINARY, 0.0)
    worth[:, 4] = ((flags & NAME) > 0) & (rates < _FUNCTION)
    owner = np.repeat(np.arange(len(sketches)), [len(sketch.hashes) for sketch in sketches])
    marked = np.bincount(owner, (flags & (INSTANCE | DATE)) > 0, len(sketches)) > 0
    titled = np.bincount(owner, in_head, len(sketches))
    identified = np.bincount(owner, (flags & (THING | SERIAL)) > 0, len(sketches)) > 0
    found, start = [], 0
    for number, sketch in enumerate(sketches):
        end = start + len(sketch.hashes)
        own = worth[start:end].copy()
        own[:, :3] /= np.maximum(np.sqrt(np.einsum("ij,ij->j", own[:, :3], own[:, :3])), 1e-9)
        says = _says(sketch, bool(marked[number]), bool(titled[number] <= _SHORT_TITLE))
        things, by_kind = _identified(sketch) if identified[number] else (frozenset(), {})
        found.append(WeightedSketch(sketch, own, bool(own[:, 4].any()), *says, things, by_kind))
        start = end
    return found


def _says(
    sketch: Sketch, marked: bool, short: bool
) -> tuple[frozenset[int], frozenset[int], frozenset[int], frozenset[int]]:
    """What the title says by itself: `marks`, `days`, `rubric` and `under`; mostly nothing."""
    nothing: frozenset[int] = frozenset()
    marks, days = (_flagged(sketch, flags) if marked else nothing for flags in (INSTANCE, DATE | NUMBER))
    return marks, days, *(_rubric(sketch) if short else (nothing, nothing))


def _identified(sketch: Sketch) -> tuple[frozenset[int], dict[int, frozenset[int]]]:
    """The identifiers of a report, as `WeightedSketch` has them: `things` and `titled`."""
    titled = sketch.hashes[((sketch.flags & (THING | SERIAL)) > 0) & ((sketch.flags & HEAD) > 0)]
    by_kind: dict[int, set[int]] = {}
    for kind, key in zip(kind_of(titled).tolist(), titled.tolist(), strict=True):
        by_kind.setdefault(kind, set()).add(key)
    return _flagged(sketch, THING), {kind: frozenset(keys) for kind, keys in by_kind.items()}


def _flagged(sketch: Sketch, flags: int) -> frozenset[int]:
    """Hashes of the features that have all of these flags."""
    return frozenset(sketch.hashes[(sketch.flags & flags) == flags].tolist())


def _rubric(sketch: Sketch) -> tuple[frozenset[int], frozenset[int]]:
    """A short title and what stands under it, as `WeightedSketch` has them; nothing where it stands alone."""
    titled = (sketch.flags & HEAD) > 0
    beside = ~titled | (sketch.counts > 1)
    if not beside.any():
        return frozenset(), frozenset()
    profile = sketch.hashes[beside & (sketch.rates < _COMMON)]
    return frozenset(sketch.hashes[titled].tolist()), frozenset(profile.tolist())


def compare(
    one: WeightedSketch,
    others: Sequence[WeightedSketch],
    kept: Floats | None = None,
    alike: Floats | None = None,
) -> Matrix:
    """The signals of `one` with each of `others`, shape (len(others), len(SIGNALS)).

    Args:
        one: a report.
        others: those that it is compared with.
        kept: the share of its weight that each feature of `one` keeps beside another report of its publisher.
        alike: 1 for each of the others that is by the publisher of `one`.

    """
    signals = np.zeros((len(others), len(SIGNALS)), dtype=np.float32)
    if not others:
        return signals
    lengths = np.array([min(one.sketch.length, other.sketch.length) for other in others])
    signals[:, 3] = np.log(lengths + 1.0)
    if not len(one.sketch.hashes):
        return signals
    at, hits = _meet(one.sketch.hashes, np.concatenate([other.sketch.hashes for other in others]))
    sizes = [len(other.sketch.hashes) for other in others]
    owner = np.repeat(np.arange(len(others)), sizes)[hits]
    mine, theirs = one.worth[at], np.concatenate([other.worth for other in others])[hits]
    left = np.ones(len(at), dtype=np.float32)
    if kept is not None and alike is not None:
        left = np.where(alike[owner] > 0, kept[at], left)
    products = mine[:, :3] * theirs[:, :3] * left[:, None]
    for column in range(3):
        signals[:, column] = np.bincount(owner, products[:, column], minlength=len(others))
    rest = _rest(owner, products[:, 0], len(others))
    signals[:, 4] = np.maximum(1.0 - rest / _ENOUGH, 0.0) * (lengths >= _LONG)
    named = (mine[:, 4] > 0) | (theirs[:, 4] > 0)
    if one.names:
        signals[:, 5] = [other.names for other in others]
        signals[owner[named | (one.sketch.rates[at] < _RARE)], 5] = 0.0
    distinctive = np.minimum(mine[:, 3], theirs[:, 3]) * left  # a date in one may be a number in the other
    signals[:, 6] = np.exp(-np.bincount(owner, distinctive * ~named, minlength=len(others)))
    signals[:, 6] *= np.bincount(owner, distinctive * named, minlength=len(others)) > 0
    signals[:, 7] = np.log1p(np.bincount(owner, distinctive > _TELLS, minlength=len(others)))
    signals[:, 8] = [_identifier(one, other) for other in others]
    return np.clip(signals, 0.0, _MOST)


def _identifier(one: WeightedSketch, other: WeightedSketch) -> float:
    if not one.things or not other.things:
        return 0.0
    return len(one.things & other.things) / min(len(one.things), len(other.things))


def _meet(mine: Hashes, theirs: Hashes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions in `mine`, which is sorted and not empty, and in `theirs`, of the hashes that are in both."""
    low = np.zeros(1 << 16, dtype=bool)  # nearly all are told apart by their lower halves
    low[mine & 0xFFFF] = True
    hits = np.flatnonzero(low[theirs & 0xFFFF])
    found = theirs[hits]
    at = np.minimum(np.searchsorted(mine, found), len(mine) - 1)
    both = mine[at] == found
    return at[both], hits[both]


def _rest(owner: npt.NDArray[np.intp], products: Floats, size: int) -> npt.NDArray[np.float64]:
    """For each owner the sum of its products, each in [0, 1], without the two largest, shape (size,)."""
    order = np.argsort(2.0 * owner - products)
    owners = owner[order]
    rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
    lesser = rank >= _CARRIERS
    return np.bincount(owners[lesser], products[order][lesser], minlength=size).astype(np.float64)


def shared(one: WeightedSketch, other: WeightedSketch) -> npt.NDArray[np.intp]:
    """Positions in `one` of the features that both have, the heaviest in this pair first."""
    _, mine, theirs = np.intersect1d(
        one.sketch.hashes, other.sketch.hashes, assume_unique=True, return_indices=True
    )
    order = np.argsort(-(one.vectors[mine, 0] * other.vectors[theirs, 0]), kind="stable")
    return mine[order]
