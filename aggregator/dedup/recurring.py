"""What a source says again and again says nothing about an event.

"Subscribe to our channel", "About National Geographic: …", "Weekdays from 6am on One": such sentences stand
under every report of a source, weigh more than its news, and would make one story of all of them. No list
knows them all, but the source gives them away: a sentence is recurring when several of its reports with
different titles hold it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

LOOKED_AT = 60
"""Reports of a source, the newest, among which a sentence must recur."""

_FEWEST = 3  # reports that hold it
_SHARE = 0.1  # of the reports that were looked at: three follow-ups of one event are no boilerplate
_SHORTEST = 12  # characters of a sentence that is worth leaving out
_END = re.compile(r"\n+|(?<=[.!?…])\s+|\s+(?=➡|►|▶|→|•)")


def sentences(text: str) -> Iterator[str]:
    """The sentences and lines of a text, in order, without surrounding space."""
    for part in _END.split(text):
        if part := part.strip():
            yield part


def recurring(reports: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The sentences that recur among the reports of one source.

    Args:
        reports: title and text of each.

    """
    titles: dict[str, set[str]] = defaultdict(set)
    looked_at = 0
    for title, text in reports:
        looked_at += 1
        for sentence in set(sentences(text)):
            if len(sentence) >= _SHORTEST:
                titles[sentence].add(title)
    enough = max(_FEWEST, _SHARE * looked_at)
    return frozenset(sentence for sentence, under in titles.items() if len(under) >= enough)


def without(text: str, known: AbstractSet[str]) -> str:
    """A text without the sentences that recur in its source."""
    if not known:
        return text
    return "\n".join(sentence for sentence in sentences(text) if sentence not in known)
