"""Thresholds of the clustering, and how the agreement of a report with a story is measured.

Agreement is in log odds, so that the mean over many pairs makes sense: no pair outvotes the others by being
very sure, and the larger a story, the more it asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from aggregator.dedup.weights import Model

_STRICTER = 0.4  # log odds that each further e-fold of members costs: big stories attract what is merely near
_SUREST = 8.0  # log odds beyond which one pair must not outvote the others

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a score has to reach; see `settings.Dedup` for the defaults and their meaning.

    Attributes:
        model: the weights by which pairs are judged; None: those that ship.
    """

    story: float
    copy: float
    window: timedelta
    model: Model | None = None


def strictness(sizes: npt.ArrayLike) -> Floats:
    """Log odds that a story of so many members costs whoever would join it; nothing where it has none."""
    cost: Floats = _STRICTER * np.log(np.maximum(sizes, 1.0))
    return cost


def log_odds(probabilities: Floats) -> Floats:
    """Log odds of each probability, within bounds."""
    kept = np.clip(probabilities, sure(-_SUREST), sure(_SUREST))
    odds: Floats = np.log(kept / (1.0 - kept))
    return odds


def sure(odds: float) -> float:
    """The probability that belongs to log odds."""
    return 1.0 / (1.0 + math.exp(-odds))
