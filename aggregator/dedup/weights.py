"""The weights of the verdict: those that ship, and others that were learnt from corrections."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The logistic model: ``logit = intercept + sum(weights * terms)``.

    Attributes:
        intercept: log odds with nothing in common.
        weights: one for each of `verdict.TERMS`, in their order, shape (len(TERMS),).
    """

    intercept: float
    weights: npt.NDArray[np.float64]

    def as_json(self, terms: Sequence[str]) -> dict[str, Any]:
        """The same as a JSON object; a weight by the name of its term."""
        return {
            "intercept": self.intercept,
            "weights": dict(zip(terms, self.weights.tolist(), strict=True)),
        }


def from_json(read: dict[str, Any], terms: Sequence[str]) -> Model:
    """The model that `Model.as_json` wrote.

    Raises:
        KeyError: it has no weight for one of the terms.
    """
    return Model(float(read["intercept"]), np.array([float(read["weights"][name]) for name in terms]))


@functools.cache
def shipped(terms: tuple[str, ...]) -> Model:
    """The model that ships with the package."""
    read = json.loads(resources.files("aggregator.dedup").joinpath("weights.json").read_text("utf-8"))
    return from_json(read, terms)
