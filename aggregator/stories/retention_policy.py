"""What may be forgotten, and when: pure decisions.

Two bounds: the text of a report that came longer ago than ``retention.texts`` goes, and its title, address,
evidence, keys and sketch stay, so that a re-post is known. A story that has gained nothing for longer than
``retention.stories`` goes whole, unless a source may still show one of its reports: that would come in again
as new. Its id is never given to another one.

What is forgotten cannot be brought back, and a clock can be wrong. So forgetting goes by a time of its own,
which follows the clock, forward and back, by at most a day at each turn; where the clock shows less, by the
clock. One that is fifty years ahead for a minute costs the oldest day, and one that is set back costs
nothing; after a year without power it takes a fortnight to catch up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator.settings import Settings

TURN = timedelta(days=1)
"""How far the time that forgetting goes by moves at most at each turn."""

SHOWN_AGAIN = timedelta(days=14)
"""What a source showed so shortly before it last brought something, it may show still."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What lies before these moments goes.

    Attributes:
        index: the index of reports that came before.
        texts: texts of reports that came before.
        stories: stories that have gained nothing since, and dropped files that were taken before.

    """

    index: datetime
    texts: datetime
    stories: datetime


def turned(mark: datetime | None, now: datetime) -> datetime:
    """The time that forgetting goes by, at its next turn.

    Args:
        mark: where it stood; None before the first turn of an empty database.
        now: what the clock says.

    """
    if mark is None:
        return now
    return min(now, mark + TURN) if now > mark else max(now, mark - TURN)


def horizon(settings: Settings, mark: datetime, now: datetime) -> Horizon:
    """What is old enough, by the time that forgetting goes by and by the clock."""
    kept, moment = settings.retention, min(mark, now)
    return Horizon(
        index=_before(moment, settings.dedup.window),
        texts=_before(moment, kept.texts),
        stories=_before(moment, kept.stories),
    )


def still_shown(
    sightings: Iterable[tuple[str, datetime]], gained: Mapping[str, datetime | None], before: datetime
) -> bool:
    """Whether a source may still show one of these reports.

    Args:
        sightings: source, and when it last showed one of them.
        gained: when each source that is known last brought a new report, if ever.
        before: shown since then is shown still.

    """
    for source, last in sightings:
        brought = gained.get(source, last + SHOWN_AGAIN * 2)
        if last >= before or brought is None or last + SHOWN_AGAIN >= brought:
            return True
    return False


def _before(moment: datetime, length: timedelta) -> datetime:
    return moment - length if moment - _BEGINNING > length else _BEGINNING
