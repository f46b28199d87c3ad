"""What is counted over all that there is: now and then, for no page can wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from aggregator.serve.pages import Desk

_KEPT = timedelta(minutes=5)

Counts = TypeVar("Counts")


class Counted(Generic[Counts]):
    """Counts that are a few minutes old at the most.

    Args:
        desk: tells the time.
        count: counts, in an open transaction.

    """

    def __init__(self, desk: Desk, count: Callable[[Any], Counts]) -> None:
        self._desk, self._count, self._counting = desk, count, threading.Lock()
        self._counted: tuple[datetime, Counts] | None = None

    def __call__(self, tx: Any) -> Counts:
        """The counts."""
        with self._counting:  # of many who ask at once, one counts
            now = self._desk.now()
            if self._counted is None or abs(now - self._counted[0]) >= _KEPT:
                self._counted = now, self._count(tx)
            return self._counted[1]
