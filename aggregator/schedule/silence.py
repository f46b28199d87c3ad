"""Whether a source has been silent for longer than it ever is: a pure decision from its own past.

A weekly magazine may say nothing for a week, a news agency not for a morning. So each source is measured by
itself: by the longest pause between the moments at which it last showed something that it had not shown
before. That pause holds the nights and weekends of a source, once it has been followed for some weeks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from aggregator.schedule.freshness import in_words

MOMENTS = 31
"""How many of the last moments are looked at."""

_LEAST_PAUSES = 5  # fewer are no rhythm
_TIMES = 2  # the longest pause
_LEAST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is unusual for a source.

    Attributes:
        lasts: since it last showed something.
        longest: the longest pause before that.
        pauses: how many there were to compare with.

    """

    lasts: timedelta
    longest: timedelta
    pauses: int

    def __str__(self) -> str:
        """In words."""
        rhythm = f"the longest of its last {self.pauses} pauses was {in_words(self.longest)}"
        return f"nothing new for {in_words(self.lasts)}; {rhythm}"


def unusual(moments: Iterable[datetime], asked: datetime | None) -> Silence | None:
    """The silence of a source, if it is longer than a day and twice as long as any pause before.

    Args:
        moments: when it last showed something new, in any order; `MOMENTS` of them are enough.
        asked: when it last answered: what a server that is down would have said is not known.

    """
    known = sorted(set(moments))
    pauses = [after - before for before, after in pairwise(known)]
    if asked is None or len(pauses) < _LEAST_PAUSES:
        return None
    lasts, longest = asked - known[-1], max(pauses)
    return Silence(lasts, longest, len(pauses)) if lasts > max(_LEAST, _TIMES * longest) else None
