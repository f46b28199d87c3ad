"""Cut a report's text into the features that stories are told apart by.

A feature is a *stem*, a *number* or, in scripts without spaces, a run of characters:

* words are folded (case, compatibility forms) and stemmed by Snowball where it knows the language;
* a number keeps its digits and loses its separators, so that ``1,200`` and ``1200`` are one;
* Chinese, Japanese and Thai have no spaces: runs of their letters give overlapping pairs (Thai: runs of
  three), the usual stand-in for words in retrieval (Nie, Gao, Zhang, Zhou 2000, *On the use of words and
  n-grams for Chinese information retrieval*).

A capitalised word inside a sentence counts as a *name*: enough to show a reader what two reports share.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

import Stemmer

RECIPE = 1
"""Raised whenever the features of an unchanged text would change."""

_TOKEN = re.compile(
    r"(?P<number>\d[\d.,]*)"
    r"|(?P<runs>[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
)
_SENTENCE_END = frozenset('.!?:"“”„«»\n-–—•|')  # a capital after one of these says nothing
_LONGEST_WORD = 40  # letters; longer is no word of any language but somebody's junk

_SNOWBALL = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish",
    "nl": "dutch", "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french",
    "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian", "nb": "norwegian",
    "fa": "persian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


class Feature(NamedTuple):
    """One occurrence of a feature.

    Attributes:
        key: what is compared; the same in every inflection.
        shown: how it stood in the text, for people.
        name: a capitalised word inside a sentence.
        number: a number.
    """

    key: str
    shown: str
    name: bool = False
    number: bool = False


@functools.cache
def stemmer(language: str) -> Callable[[str], str]:
    """The function from a folded word of this language (ISO 639-1) to its stem."""
    if language not in _SNOWBALL:
        return lambda word: word
    return functools.lru_cache(maxsize=50_000)(Stemmer.Stemmer(_SNOWBALL[language]).stemWord)


def fold(text: str) -> str:
    """Text in one spelling: compatibility forms, one apostrophe, no soft hyphens."""
    return unicodedata.normalize("NFKC", text).replace("’", "'").replace("\u00ad", "")


def features(text: str, language: str) -> Iterator[Feature]:
    """Every feature of `text` in its order, repetitions included."""
    text = fold(text)
    stem = stemmer(language)
    for match in _TOKEN.finditer(text):
        shown = match.group()
        match match.lastgroup:
            case "number":
                yield _number(shown)
            case "runs":
                yield from _runs(shown)
            case _ if len(shown) <= _LONGEST_WORD:
                name = shown[0].isupper() and not _opens(text, match.start())
                yield Feature(stem(_bare(shown.lower())), shown, name=name)


def shingles(keys: list[str], size: int = 3) -> set[str]:
    """The `size`-shingles of a text's features, for telling copies; a shorter text is one shingle."""
    if len(keys) <= size:
        return {" ".join(keys)} if keys else set()
    return set(map(" ".join, zip(*(keys[i:] for i in range(size)), strict=False)))


def _number(shown: str) -> Feature:
    digits = shown.rstrip(".,")
    whole = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits)  # thousands' separators go, a decimal point stays
    return Feature(whole.replace(",", "."), digits, number=True)


def _runs(run: str) -> Iterator[Feature]:
    size = 3 if "\u0e00" <= run[0] <= "\u0e7f" else 2
    for i in range(max(1, len(run) - size + 1)):
        yield Feature(run[i : i + size], run[i : i + size])


def _bare(word: str) -> str:
    """Without the English possessive, which Snowball leaves on some words."""
    return word.removesuffix("'s").removesuffix("'")


def _opens(text: str, start: int) -> bool:
    """Whether the word at `start` opens a sentence, where a capital says nothing."""
    before = start - 1
    while before >= 0 and text[before] in " \t(":
        before -= 1
    return before < 0 or text[before] in _SENTENCE_END
