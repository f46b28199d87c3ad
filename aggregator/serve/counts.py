"""What each source has given, counted now and then: it is all that there is, and no page can wait for it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from storage import source_stats
from storage.source_stats import SourceStats

if TYPE_CHECKING:
    from aggregator.serve.pages import Desk

_KEPT = timedelta(minutes=5)


class SourceCounts:
    """Counts that are a few minutes old at the most.

    Args:
        desk: tells the time.

    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._counting = desk, threading.Lock()
        self._counted: tuple[datetime, Mapping[str, SourceStats]] | None = None

    def __call__(self, tx: Any) -> Mapping[str, SourceStats]:
        """The counts of each source that gave anything."""
        with self._counting:  # of many who ask at once, one counts
            now = self._desk.now()
            if self._counted is None or abs(now - self._counted[0]) >= _KEPT:
                self._counted = now, source_stats.stats_by_source(tx)
            return self._counted[1]
