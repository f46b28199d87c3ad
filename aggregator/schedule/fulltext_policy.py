"""When the page of a report is asked for again after a failure, for `full_text: true`; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.errors import AddressRefused, BadStatus, FetchError, ParseError, SourceError, TooLarge
from aggregator.schedule.freshness import wished

_PAUSES = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))  # before the next try
_FOR_GOOD = (AddressRefused, TooLarge, ParseError)
_PASSING = (408, 425, 429)  # and all from 500 on


@dataclass(frozen=True, slots=True)
class Retry:
    """What follows from a failure.

    Attributes:
        due: when to ask again; None: never.
        host: until when all pages of the source wait, since its host is in trouble; None: they need not.
    """

    due: datetime | None
    host: datetime | None = None


def after_failure(tries: int, error: SourceError, now: datetime, longest: timedelta) -> Retry:
    """When to ask for a page again.

    Args:
        tries: how often it was asked for, this time too.
        error: what went wrong.
        now: when it did.
        longest: wait that a server can ask for.
    """
    status = error.status if isinstance(error, BadStatus) else None
    passing = isinstance(error, FetchError) and not isinstance(error, _FOR_GOOD)
    if status is not None:
        passing = status >= 500 or status in _PASSING
    if not passing:
        return Retry(None)
    pause = _PAUSES[min(tries, len(_PAUSES)) - 1]
    until = now + max(pause, wished(error, now, longest))
    return Retry(until if tries <= len(_PAUSES) else None, host=until)
