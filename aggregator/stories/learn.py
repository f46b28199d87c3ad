"""Learn from corrections: what they say of pairs, what comes of it, and what that would change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from aggregator.dedup import corrections as meaning
from aggregator.dedup.learning import FEWEST, Lesson, agreeing, cross_validated, fit
from aggregator.dedup.verdict import Profile, pair_terms, shipped_model, veto
from aggregator.dedup.weights import Model
from aggregator.display import counted
from aggregator.errors import NothingToLearn
from aggregator.model import Correction
from aggregator.stories.linker import Linker
from storage import corrections, stories

_PAIRS = 40  # of a correction that are looked at, spread over all


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt.

    Attributes:
        model: the weights.
        together: corrections in force that put reports together, of those that say something.
        apart: those that took reports apart.
        shipped: how many of them the shipped weights agree with.
        left_out: how many come out right when each is left out of what is learnt.
    """

    model: Model
    together: int
    apart: int
    shipped: int
    left_out: int


def learn(tx: Any, linker: Linker) -> Learnt:
    """Fit the weights on the corrections in force, with the shipped ones as prior.

    Args:
        tx: an open transaction.
        linker: knows features and bars.

    Raises:
        NothingToLearn: there are too few corrections, or of one kind only.

    """
    linker.refresh(tx)
    found = list(lessons(tx, linker))
    together = sum(lesson.same for lesson in found)
    apart = len(found) - together
    if len(found) < FEWEST or not together or not apart:
        raise NothingToLearn(
            f"it is too early to learn: {counted(together, 'correction')} in force that put together, "
            f"and {apart} that took apart",
            hint=f"{FEWEST} are needed, and some of either kind; correct what is wrong, and try again",
        )
    bar = math.log(linker.thresholds.story / (1.0 - linker.thresholds.story))
    prior = shipped_model()
    return Learnt(
        fit(found, prior), together, apart, agreeing(found, prior, bar), cross_validated(found, prior, bar)
    )


def lessons(tx: Any, linker: Linker) -> Iterator[Lesson]:
    """What each correction in force says of pairs that no newer one overruled and no veto decides."""
    listed = corrections.listed(tx)
    said = meaning.constraints(listed)
    told = _profiles(tx, linker, listed)
    for correction in listed:
        if correction.undone is not None:
            continue
        same = correction.what == "merge"
        holding = said.together if same else said.apart
        pairs = [pair for pair in _across(correction) if pair[1] in holding.get(pair[0], ())]
        terms = [
            pair_terms(told[one], told[other])
            for one, other in _spread([pair for pair in pairs if told.keys() >= set(pair)])
            if veto(told[one], told[other], linker.thresholds.window) is None
        ]
        if terms:
            yield Lesson(correction.id, same, np.array(terms))


def _across(correction: Correction) -> list[tuple[int, int]]:
    sides = [sorted(side.reports) for side in correction.sides]
    return [pair for n, side in enumerate(sides) for other in sides[:n] for pair in product(other, side)]


def _spread(pairs: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    step = max(1, math.ceil(len(pairs) / _PAIRS))
    return pairs[::step]


def _profiles(tx: Any, linker: Linker, listed: Sequence[Correction]) -> dict[int, Profile]:
    """The reports that corrections are about, of those that are still there and have a sketch."""
    wanted = {report for each in listed for side in each.sides for report in side.reports}
    where = set(stories.of_reports(tx, sorted(wanted)).values())
    members = [each for each in stories.memberships(tx, sorted(where)) if each.report in wanted]
    return {profile.id: profile for profile in linker.known.profiles(tx, members)}
