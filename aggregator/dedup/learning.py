"""Learn the weights of the verdict from corrections: what people put together, and what they took apart.

A logistic regression (Cox 1958) whose weights have a normal prior around the shipped ones: the maximum a
posteriori, by Newton's method with halved steps. A few corrections move the weights a little, many of one
kind move them as far as the evidence goes. Each counts the same, however many reports it was about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aggregator.dedup.weights import Model

FEWEST = 8
"""Corrections in force below which it is too early to learn."""

_SHARE, _LEAST = 0.1, 0.3  # of a weight, and beside that: the standard deviation of its prior
_COUNTS = 2.5  # pairs that a correction counts as
_STEPS = 50
_SETTLED = 1e-8  # change of the weights, squared, at which it is done

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one correction says of pairs of reports.

    Attributes:
        correction: its number.
        same: whether they tell one event.
        terms: of each pair, shape (n, len(verdict.TERMS)), n at least 1.
    """

    correction: int
    same: bool
    terms: Floats

    def log_odds(self, model: Model) -> float:
        """The mean over the pairs."""
        return float(np.mean(model.intercept + self.terms @ model.weights))


def fit(lessons: Sequence[Lesson], prior: Model) -> Model:
    """The weights that agree best with the lessons and with the prior."""
    rows = np.concatenate([lesson.terms for lesson in lessons])
    rows = np.column_stack([np.ones(len(rows)), rows])
    same = np.concatenate([np.full(len(lesson.terms), float(lesson.same)) for lesson in lessons])
    count = np.concatenate([np.full(len(each.terms), _COUNTS / len(each.terms)) for each in lessons])
    start = np.array([prior.intercept, *prior.weights])
    precision = np.diag((_SHARE * np.abs(start) + _LEAST) ** -2.0)
    found = start.copy()

    def loss(weights: Floats) -> float:
        odds = rows @ weights
        unlike = count @ (np.logaddexp(0.0, odds) - same * odds)
        return float(unlike + 0.5 * (weights - start) @ precision @ (weights - start))

    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(rows @ found, -30.0, 30.0)))
        slope = rows.T @ (count * (chance - same)) + precision @ (found - start)
        curvature = (rows * (count * chance * (1.0 - chance))[:, None]).T @ rows + precision
        step = np.linalg.solve(curvature, slope)
        while loss(found - step) > loss(found) and float(step @ step) > _SETTLED:
            step = step / 2.0
        found = found - step
        if float(step @ step) < _SETTLED:
            break
    return Model(float(found[0]), found[1:])


def agreeing(lessons: Sequence[Lesson], model: Model, bar: float) -> int:
    """How many of the lessons a model sees as people do; `bar` in log odds."""
    return sum((lesson.log_odds(model) >= bar) is lesson.same for lesson in lessons)


def cross_validated(lessons: Sequence[Lesson], prior: Model, bar: float) -> int:
    """How many lessons come out as people said when each is left out of what is learnt."""
    return sum(
        agreeing([lesson], fit([*lessons[:place], *lessons[place + 1 :]], prior), bar)
        for place, lesson in enumerate(lessons)
    )
