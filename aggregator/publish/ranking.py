"""How much a story weighs on the front page: one formula, whose parts can be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GROWING = timedelta(hours=6)
"""How long a publisher counts as one that has just come to the story."""

_HALF_DAY = timedelta(hours=12)
_GROWTH = 0.5


@dataclass(frozen=True, slots=True)
class Weight:
    """The parts of a story's weight; see `weigh`."""

    corroboration: float
    growth: float
    age: float

    @property
    def total(self) -> float:
        """The sum, by which stories are ordered."""
        return self.corroboration + self.growth - self.age


def weigh(firsts: Sequence[datetime], updated: datetime, now: datetime) -> Weight:
    """The weight of a story: ``log2(1 + publishers) + log2(1 + newcomers) / 2 - hours / 12``.

    Twice the publishers are worth twelve hours: what two independent publishers have had for a day stands
    beside what one has brought just now. Newcomers are publishers whose first report came in the last six
    hours: a story that grows rises. Hours are those since it last gained something. Copies count nothing of
    their own: a wire text in forty papers of one house is one publisher.

    Args:
        firsts: when each publisher came to the story.
        updated: when the story last gained something.
        now: the present time.

    """
    newcomers = sum(timedelta(0) <= now - first < GROWING for first in firsts)
    return Weight(
        corroboration=math.log2(1 + len(firsts)),
        growth=_GROWTH * math.log2(1 + newcomers),
        age=max(now - updated, timedelta(0)) / _HALF_DAY,
    )
