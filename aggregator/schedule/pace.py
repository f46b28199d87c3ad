"""What a feed asks of its pollers: to be left alone for some minutes, hours or days."""

from __future__ import annotations

import re

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200, "yearly": 525_600}
_MOST = 525_600  # minutes in a year
_HOUR = re.compile(r"<hours?>\s{0,99}([0-9]{1,2})\s{0,99}</", re.IGNORECASE)
_DAY = re.compile(r"<day>\s{0,99}([A-Za-z]{6,9})\s{0,99}</", re.IGNORECASE)
_HOURS = re.compile("</?skiphours>", re.IGNORECASE)
_DAYS = re.compile("</?skipdays>", re.IGNORECASE)
_LONGEST = 4000  # characters of one list: 24 hours with room around them


def minutes(ttl: str | None, period: str | None, frequency: str | None) -> int | None:
    """Minutes between polls: the longer of RSS ``ttl`` and of the syndication module's."""
    wishes = [min(wished, _MOST)] if (wished := _number(ttl)) else []
    if length := _PERIODS.get((period or "").strip().lower()):
        wishes.append(max(length // (_number(frequency) or 1), 1))
    return max(wishes, default=None)


def skip_hours(text: str) -> frozenset[int]:
    """Hours (GMT, 0 to 23) of an RSS feed's ``skipHours``; RSS 0.91 calls midnight 24."""
    hours = (int(hour) for hour in _HOUR.findall(_list(text, _HOURS)))
    return frozenset(hour % 24 for hour in hours if hour <= 24)


def skip_days(text: str) -> frozenset[int]:
    """Days (GMT, Monday is 0) of an RSS feed's ``skipDays``."""
    days = (day.lower() for day in _DAY.findall(_list(text, _DAYS)))
    return frozenset(_NAMES.index(day) for day in days if day in _NAMES)


def _list(text: str, tag: re.Pattern[str]) -> str:
    """Content of the first such element: feedparser keeps only the last member of a list."""
    start = tag.search(text)
    end = tag.search(text, start.end(), start.end() + _LONGEST) if start else None
    return text[start.end() : end.start()] if start and end else ""


def _number(value: str | None) -> int | None:
    digits = (value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
