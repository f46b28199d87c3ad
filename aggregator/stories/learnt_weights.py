"""The weights that were learnt from this archive's corrections, as the database keeps them."""

from __future__ import annotations

import json
from typing import Any

from aggregator.dedup.verdict import TERMS
from aggregator.dedup.weights import Model, from_json
from storage import corrections, meta


def read(tx: Any) -> Model | None:
    """The learnt weights; None where none were kept, or where the verdict has other terms since an update."""
    kept = meta.read(tx, meta.WEIGHTS)
    if not kept:
        return None
    found = json.loads(kept)
    return from_json(found, TERMS) if set(found["weights"]) == set(TERMS) else None


def keep(tx: Any, model: Model | None) -> None:
    """Judge by these from now on, also in a service that runs meanwhile; None: by those that ship."""
    meta.keep(tx, meta.WEIGHTS, "" if model is None else json.dumps(model.as_json(TERMS)))
    corrections.changed(tx)
