"""Whether a page's text takes the place of the feed's, and when to ask for a page again: pure decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.errors import AddressRefused, BadStatus, FetchError, ParseError, SourceError, TooLarge
from aggregator.intake.boilerplate import clean
from aggregator.intake.freshness import wished
from aggregator.model import Entry

_PAUSES = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))  # before the next try
_IN_COMMON = 1 / 3  # of what the feed says, found on the page: else it is a page about cookies, or a login
_LOOKED_AT = 2000  # characters of the feed's text
_WORD = re.compile(r"\w{4,40}")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_FOR_GOOD = (AddressRefused, TooLarge, ParseError)
_PASSING = (408, 425, 429)  # and all from 500 on


@dataclass(frozen=True, slots=True)
class Next:
    """What follows from a failure.

    Attributes:
        due: when to ask again; None: never.
        host: until when all pages of the source wait, since its host is in trouble; None: they need not.
    """

    due: datetime | None
    host: datetime | None = None


def whole_text(title: str, text: str, page: Entry) -> str | None:
    """The text of the page, cleaned, where it is the longer one and about the same; None where it is not.

    Args:
        title: of the report, by the feed.
        text: of the report, by the feed.
        page: what its page gave.
    """
    found = clean(page.text, (title, page.title))
    if len(found) <= len(text):
        return None
    shown = f"{title}\n{text[:_LOOKED_AT]}"
    spaced = not _WITHOUT_SPACES.search(shown)
    said = _features(shown, spaced=spaced)
    there = _features(f"{page.title}\n{found}", spaced=spaced)
    return found if len(said & there) >= len(said) * _IN_COMMON else None


def after_failure(tries: int, error: SourceError, now: datetime, longest: timedelta) -> Next:
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
        return Next(None)
    pause = _PAUSES[min(tries, len(_PAUSES)) - 1]
    until = now + max(pause, wished(error, now, longest))
    return Next(until if tries <= len(_PAUSES) else None, host=until)


def _features(text: str, *, spaced: bool) -> set[str]:
    """Its longer words; of a script without spaces, its pairs of letters."""
    if spaced:
        return set(_WORD.findall(text.casefold()))
    letters = "".join(filter(str.isalnum, text.casefold()))
    return {letters[at : at + 2] for at in range(len(letters) - 1)}
