"""What is counted over all that there is: the longer that takes, the less often; no page can wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from aggregator.serve.pages import Desk

_LONGEST = timedelta(minutes=5)
_SHARE = 200  # of the time that counting takes, until it is done again: half a hundredth of one core

Counts = TypeVar("Counts")


class Counted(Generic[Counts]):
    """Counts that are a few minutes old at the most, and fresh where counting is quick.

    Args:
        desk: tells the time.
        count: counts, in an open transaction.
        stopwatch: seconds that have passed.

    """

    def __init__(
        self,
        desk: Desk,
        count: Callable[[Any], Counts],
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._desk, self._count, self._counting = desk, count, threading.Lock()
        self._stopwatch = stopwatch
        self._counted: tuple[datetime, timedelta, Counts] | None = None

    def __call__(self, tx: Any) -> Counts:
        """The counts."""
        with self._counting:  # of many who ask at once, one counts
            now = self._desk.now()
            if self._counted is None or abs(now - self._counted[0]) >= self._counted[1]:
                began = self._stopwatch()
                found = self._count(tx)
                kept = timedelta(seconds=_SHARE * (self._stopwatch() - began))
                self._counted = now, min(kept, _LONGEST), found
            return self._counted[2]
