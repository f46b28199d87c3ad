"""Cut a report's text into the features that stories are told apart by.

A feature is a *stem*, a *number* or, in scripts without spaces, a run of characters:

* words are folded (case, compatibility forms) and stemmed by Snowball where it knows the language;
* a number keeps its digits and loses its separators, so that ``1,200`` and ``1200`` are one;
* an address on the web is no words: a site's name would stand in all that the site shows;
* Chinese and Japanese, Thai, Lao, Burmese and Khmer have no spaces: runs of their letters give overlapping
  pairs (the latter four: runs of three), the usual stand-in for words in retrieval (Nie, Gao, Zhang, Zhou
  2000, *On the use of words and n-grams for Chinese information retrieval*).

A capitalised word inside a sentence counts as a *name*: enough to show a reader what two reports share.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import Stemmer

RECIPE = 3
"""Raised whenever the features of an unchanged text would change."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Japanese, Chinese
)
# Marks stand inside of words, yet are no letters.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0dff"
_ENDS = '.!?:"“”„«»\n–—•|।。！？-'  # a capital after one of these says nothing


def _pattern(letter: str) -> re.Pattern[str]:
    """Numbers, runs, words and sentence ends, in this order."""
    return re.compile(rf"\d[\d.,]*|[{_UNSPACED}]+|{letter}+(?:'{letter}+)*|[{_ENDS}]")


_TOKEN = _pattern(r"[^\W\d_]")
_MARKED_TOKEN = _pattern(rf"(?:[^\W\d_]|[{_MARKS}])")  # slower, and only needed where there are marks
_MARK = re.compile(f"[{_MARKS}]")
_RUN = re.compile(f"[{_UNSPACED}]")
_ADDRESS = re.compile(  # in ASCII: no space need follow it in Chinese
    r"https?://[!-~]{1,2000}|\bwww\.[!-~]{1,500}|\b(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,12}/[!-~]{0,500}"
)
_LONGEST_WORD = 40  # letters; longer is no word of any language but somebody's junk

_SNOWBALL = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish",
    "nl": "dutch", "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french",
    "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian", "nb": "norwegian",
    "fa": "persian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip

_ORDINALS = frozenset({"st", "nd", "rd", "th"})
MONTHS = frozenset(
    {
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
        *("Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"),
    }
)
"""As English dates have them."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CALENDAR = MONTHS.union(_WEEKDAYS)


class Feature(NamedTuple):
    """One occurrence of a feature.

    Attributes:
        key: what is compared; the same in every inflection.
        hash: 32 bits for the key in its language; numbers are the same in every language.
        shown: how it stood in the text, for people.
        name: a capitalised word inside a sentence.
        number: a number.
    """

    key: str
    hash: int
    shown: str
    name: bool = False
    number: bool = False


@functools.cache
def stemmer(language: str) -> Callable[[str], str]:
    """The function from a folded word of this language (ISO 639-1) to its stem."""
    if language not in _SNOWBALL:
        return lambda word: word
    # Without a cache of its own, which takes two megabytes a language: see `lexicon`.
    stem: Callable[[str], str] = Stemmer.Stemmer(_SNOWBALL[language], 0).stemWord
    return stem


def fold(text: str) -> str:
    """Text in one spelling: compatibility forms, one apostrophe, no soft hyphens."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).replace("’", "'").replace("\u00ad", "")


def tokens(text: str) -> list[str]:
    """The words, numbers, pieces of unspaced runs and sentence ends of `text`, in its order."""
    if "/" in text or "www." in text:
        # Before a comma of full width, which ends an address, becomes one in ASCII.
        text = _ADDRESS.sub(" ", text)
    text = fold(text)
    found = (_MARKED_TOKEN if _MARK.search(text) else _TOKEN).findall(text)
    if _RUN.search(text):
        return [piece for token in found for piece in (_pieces(token) if _RUN.match(token) else (token,))]
    return found


def ends(token: str) -> bool:
    """Whether a word behind this token opens a sentence; a number may have taken the full stop with it."""
    return token[-1] in _ENDS


def feature(token: str, language: str) -> Feature | None:
    """The feature that a token is; None for the end of a sentence and for junk."""
    first = token[0]
    if first.isdecimal():
        return _number(token, language)
    if _RUN.match(first):
        return Feature(token, _hash(token, language), token)
    if not first.isalpha() or len(token) > _LONGEST_WORD:
        return None
    word = _bare(token.lower())
    stem = stemmer(language)(word) or word  # the Arabic stemmer leaves nothing of a lone tatweel
    name = first.isupper() and token not in _CALENDAR
    return Feature(stem, _hash(stem, language), token, name=name) if stem else None


def instances(title: Sequence[Feature]) -> set[str]:
    """The keys in a title that say which one of a series it is: ordinals, decimals, days, months, weekdays.

    The 12th package is not the 13th, a quake of 5.9 not one of 5.6, Monday's briefing not Tuesday's. A count
    ("6 dead") is none of these: it changes while the event stays. Month and weekday names are English.
    """
    calendar = {feature.key for feature in title if feature.shown in _CALENDAR}
    found = calendar - dates(title)  # "Apr 5" and "5 April" are one day
    for feature, following in zip(title, (*title[1:], None), strict=False):
        if feature.number and (
            "." in feature.key
            or (following is not None and following.shown.lower() in _ORDINALS)
            or (calendar and len(feature.key) <= 2)
        ):
            found.add(feature.key)
    return found


def dates(title: Sequence[Feature]) -> set[str]:
    """The keys of the dates in a title: an English month, the day beside it, and a year behind them."""
    found: set[str] = set()
    for one, other, behind in zip(title, title[1:], (*title[2:], None), strict=False):
        month, day = (one, other) if other.number else (other, one)
        if month.shown in MONTHS and day.number and len(day.key) <= 2:
            found |= {month.key, day.key}
            if behind is not None and behind.number and len(behind.key) == 4:
                found.add(behind.key)
    return found


def _hash(key: str, language: str) -> int:
    spelt = key if key[0].isdigit() else f"{language}:{key}"
    return int.from_bytes(hashlib.blake2b(spelt.encode(), digest_size=4).digest(), "little")


def _number(shown: str, language: str) -> Feature:
    digits = shown.rstrip(".,")
    whole = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits)  # thousands' separators go, a decimal point stays
    key = whole.replace(",", ".")
    return Feature(key, _hash(key, language), digits, number=True)


def _pieces(run: str) -> Iterator[str]:
    """Overlapping pieces of a run, two or three letters each; a shorter run is one."""
    size = 2 if run[0] >= "\u3040" else 3
    return (run[i : i + size] for i in range(max(1, len(run) - size + 1)))


def _bare(word: str) -> str:
    """Without the English possessive, which Snowball leaves on some words."""
    return word.removesuffix("'s").removesuffix("'")
