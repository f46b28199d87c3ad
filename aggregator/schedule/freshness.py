"""What servers and feeds say about when to come back, read from header fields that may hold anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aggregator.errors import BadStatus, Paused, SourceError

SET_BACK = 1.25
"""So many times the longest wait that is ever set may be ahead: a clock may be set back by a little."""

_LONGEST = timedelta(days=365)  # as good as for ever, and far from where dates overflow
_MAY_ASK = (429, 503)
_DIGITS = re.compile(r"[0-9]{1,30}")


@dataclass(frozen=True, slots=True, order=True)
class PollDelay:
    """Not to be polled for a while, and who wants it so, in words."""

    wait: timedelta
    words: str

    def at_most(self, longest: timedelta) -> PollDelay:
        """The same, cut to a wait that is allowed."""
        if self.wait <= longest:
            return self
        return PollDelay(longest, f"{self.words}, cut to {in_words(longest)}")


def still_fresh(headers: Mapping[str, str], now: datetime) -> PollDelay | None:
    """How long an answer stays good: ``max-age`` less ``Age``, else ``Expires`` (RFC 9111).

    Args:
        headers: names in lower case.
        now: when the answer came.
    """
    directives = [part.strip().lower() for part in headers.get("cache-control", "").split(",")]
    if "no-cache" in directives or "no-store" in directives:
        return None
    age = _seconds(headers.get("age")) or timedelta(0)
    lifetimes = [part.partition("=")[2] for part in directives if part.startswith("max-age=")]
    if lifetimes and (lifetime := _seconds(lifetimes[0].strip('"'))) is not None:
        said = f"server says max-age {lifetime.total_seconds():.0f}"
        return _wish(lifetime - age, f"{said} (age {age.total_seconds():.0f})" if age else said)
    expires = http_date(headers.get("expires"))
    if expires is None:
        return None
    # The server's own clock, since it may go wrong together with what it says.
    sent = http_date(headers.get("date")) or now
    return _wish(expires - sent - age, f"server says that it expires at {at(expires)}")


def asked_pause(retry_after: str | None, now: datetime) -> timedelta | None:
    """The wait that a ``Retry-After`` field (seconds or a date) asks for; None where it says nothing."""
    if (wait := _seconds(retry_after)) is not None:
        return wait
    if (until := http_date(retry_after)) is not None:
        return min(max(until - now, timedelta(0)), _LONGEST)
    return None


def wished(error: SourceError, now: datetime, longest: timedelta) -> timedelta:
    """For how long who failed wants to be left alone outright, up to the longest wait; zero: says nothing."""
    if isinstance(error, Paused):
        return max(error.until - now, timedelta(0))
    if not isinstance(error, BadStatus) or error.status not in _MAY_ASK:
        return timedelta(0)
    return min(asked_pause(error.retry_after, now) or timedelta(0), longest)


def quiet(ttl: int | None) -> PollDelay | None:
    """The wait that a feed's ``ttl`` (minutes) asks for."""
    if ttl is None or ttl <= 0:
        return None
    return PollDelay(
        timedelta(minutes=min(ttl, _LONGEST // timedelta(minutes=1))), f"feed says ttl {ttl} min"
    )


def after_skips(moment: datetime, hours: int, days: int) -> datetime:
    """The first moment from this one on that a feed does not ask to skip.

    Args:
        moment: in UTC.
        hours: hours to skip: bit n stands for hour n.
        days: days to skip: bit 0 stands for Monday. A feed that skips all hours or all days says nothing.
    """
    hours = 0 if hours & 0xFF_FFFF == 0xFF_FFFF else hours
    days = 0 if days & 0x7F == 0x7F else days
    while days >> moment.weekday() & 1 or hours >> moment.hour & 1:
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return moment


def http_date(text: str | None) -> datetime | None:
    """A date of an HTTP field, in UTC; None where there is none or it cannot be read."""
    if text is None or len(text) > 100:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def in_words(wait: timedelta) -> str:
    """A wait as people say it, in its two largest units: ``2 days 3 h``, ``15 min``, ``20 s``."""
    rest = max(round(wait.total_seconds()), 0)
    parts = []
    for unit, seconds in (("day", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
    return " ".join(parts[:2]) or "0 s"


def at(moment: datetime) -> str:
    """A moment in UTC as people say it: ``Tue 2026-11-03 10:00 GMT``."""
    return f"{moment:%a %Y-%m-%d %H:%M} GMT"


def _seconds(text: str | None) -> timedelta | None:
    digits = (text or "").strip()
    if not _DIGITS.fullmatch(digits):
        return None
    return timedelta(seconds=min(int(digits), _LONGEST // timedelta(seconds=1)))


def _wish(wait: timedelta, words: str) -> PollDelay | None:
    return PollDelay(min(wait, _LONGEST), words) if wait > timedelta(0) else None
