"""Fingerprint again what another recipe has fingerprinted, after an update, in bounded steps.

Reports whose sketch is of another recipe are compared with nothing new. So the service makes sketches and
index entries anew by itself, for what is in the window; nobody has to know of `recluster`, which does all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aggregator.dedup import fingerprint
from aggregator.stories.linker import Linker
from storage import reports, sketches

STEP = 200
"""Reports of one transaction: a part of a second."""


def refingerprint(tx: Any, linker: Linker, since: datetime) -> int:
    """One step; how many reports were fingerprinted again, 0 where all are of the present recipe.

    Args:
        tx: an open writing transaction.
        linker: knows features; they are entered there.
        since: leave out what was first seen before: it has left the window.

    """
    found = reports.get(tx, sketches.without(tx, fingerprint.RECIPE, since, STEP))
    for report in found.values():
        sketches.drop_bands(tx, report.id, report.seen)
    if found:
        linker.known.enter(tx, list(found.values()), {})
        linker.known.index(tx, found.values())
    return len(found)
