"""What a source says again and again says nothing about an event.

"Subscribe to our channel", "About National Geographic: …", "Weekdays from 6am on One": such sentences stand
under every report of a source, weigh more than its news, and would make one story of all of them. So do the
names of programmes and columns in its titles ("… | TV Patrol", "Morning bulletin: …"). No list knows them
all, but the source gives them away: what several of its reports with different titles hold is recurring.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from aggregator.dedup.text import MONTHS

LOOKED_AT = 60
"""Reports of a source, the newest, among which a sentence must recur."""

_FEWEST = 3  # reports that hold it
_SHARE = 0.1  # of the reports that were looked at: three follow-ups of one event are no boilerplate
_SHORTEST = 4  # characters of a sentence, or of a part of a title, that is worth leaving out: "#Post"
_PART = re.compile(r"\s+[|–—-]+\s+|\s*:\s+")
_WORD = re.compile(r"\w{1,20}")
_END = re.compile(r"\n+|(?<=[.!?…])\s+|\s+(?=➡|►|▶|→|•)")


def sentences(text: str) -> Iterator[str]:
    """The sentences and lines of a text, in order, without surrounding space."""
    for part in _END.split(text):
        if part := part.strip():
            yield part


def parts(title: str) -> list[str]:
    """The parts of a title: what stands between its colons, dashes and bars."""
    return [part for part in _PART.split(title.strip()) if part]


def recurring(reports: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The sentences, and the parts of titles, that recur among the reports of one source.

    Args:
        reports: title and text of each.

    """
    titles: dict[str, set[str]] = defaultdict(set)
    shown = list(reports)
    if len(shown) < _FEWEST:
        return frozenset()
    for title, text in shown:
        for part in {*sentences(text), *parts(title)}:
            if len(part) >= _SHORTEST:
                titles[part].add(title)
    enough = max(_FEWEST, _SHARE * len(shown))
    return frozenset(part for part, under in titles.items() if len(under) >= enough)


def without(title: str, text: str, known: AbstractSet[str]) -> tuple[str, str]:
    """A title and a text without what recurs in their source; a title of nothing else stays as it is.

    Of a part with a date the date stays: it tells today's edition from yesterday's.
    """
    if not known:
        return title, text
    own = [said for part in parts(title) if (said := _date(part) if part in known else part)]
    if own and own != parts(title):
        title = ": ".join(own)
    return title, "\n".join(sentence for sentence in sentences(text) if sentence not in known)


def _date(part: str) -> str:
    """The month with its numbers, of a part of a title that has one, else nothing."""
    words = _WORD.findall(part)
    found = [word for word in words if word in MONTHS or word.isdecimal()]
    return " ".join(found) if MONTHS.intersection(found) else ""
