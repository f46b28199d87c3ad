"""Whether the text of a page takes the place of the feed's, for `full_text: true`; pure."""

from __future__ import annotations

import re

from aggregator.model import Entry
from aggregator.normalise.boilerplate import clean

_IN_COMMON = 1 / 3  # of what the feed says, found on the page: else it is a page about cookies, or a login
_LOOKED_AT = 2000  # characters of the feed's text
_WORD = re.compile(r"\w{4,40}")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


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


def _features(text: str, *, spaced: bool) -> set[str]:
    """Its longer words; of a script without spaces, its pairs of letters."""
    if spaced:
        return set(_WORD.findall(text.casefold()))
    letters = "".join(filter(str.isalnum, text.casefold()))
    return {letters[at : at + 2] for at in range(len(letters) - 1)}
