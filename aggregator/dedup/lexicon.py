"""What each word stands for, found out once: a text is cut by looking its words up.

A report has some four hundred words, and nearly all of them were seen before. So what is known of a word (its
hash, its rate in the language, whether it is a name) stands in arrays at the word's number, and a text is a
row of numbers. A lexicon that has grown too large gives way to an empty one; what was cut by it keeps it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from aggregator.dedup import text as cutting
from aggregator.dedup.frequency import Floats, Hashes, rate
from aggregator.dedup.text import Feature

_MOST_WORDS = 40_000  # in all lexicons; some 400 bytes each
_FIRST_SIZE = 1024  # of the arrays, which double when they are full

FEATURE, NAME, NUMBER, ENDS = 1, 2, 4, 8  # traits of a token

_NO_FEATURE = Feature("", 0, "")

Numbers = npt.NDArray[np.intp]


class Tokens:
    """A text, cut into its features; it is a sequence of them, repetitions included.

    Attributes:
        named: whether each is a name where it stands, shape (n,).
    """

    def __init__(self, lexicon: _Lexicon, numbers: Numbers, named: npt.NDArray[np.bool_]) -> None:
        self._lexicon, self._numbers = lexicon, numbers
        self.named = named

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> Feature:
        found: Feature = self._lexicon.features[self._numbers[place]]
        return found._replace(name=False) if found.name and not self.named[place] else found

    def __iter__(self) -> Iterator[Feature]:
        return (self[place] for place in range(len(self)))

    @property
    def hashes(self) -> Hashes:
        """The hash of each feature, shape (n,)."""
        return self._lexicon.hashes[self._numbers]

    @property
    def rates(self) -> Floats:
        """How often each stands in a million words of the language, shape (n,)."""
        return self._lexicon.rates[self._numbers]

    @property
    def numbers(self) -> npt.NDArray[np.bool_]:
        """Whether each is a number, shape (n,)."""
        traits = self._lexicon.traits[self._numbers]
        return (traits & NUMBER) > 0


class _Lexicon(dict[str, int]):
    """The words of a language that were met, each with its number, at which the arrays know it."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self.features: list[Feature] = []
        self._growing = threading.Lock()
        self.hashes = np.zeros(_FIRST_SIZE, dtype=np.uint32)
        self.rates = np.zeros(_FIRST_SIZE, dtype=np.float32)
        self.traits = np.zeros(_FIRST_SIZE, dtype=np.uint8)

    def __missing__(self, token: str) -> int:
        with self._growing:
            number = len(self.features)
            if number == len(self.hashes):
                self._double()
            found = cutting.feature(token, self._language)
            self.traits[number] = _traits(token, found)
            if found is not None:
                self.hashes[number] = found.hash
                self.rates[number] = rate(found.key, self._language)
            self.features.append(found or _NO_FEATURE)
            self[token] = number
        return number

    def _double(self) -> None:
        for name in ("hashes", "rates", "traits"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros_like(array)]))


_lexicons: dict[str, _Lexicon] = {}


def cut(text: str, language: str) -> Tokens:
    """Every feature of a text in its order; see `text` for what a feature is."""
    if sum(map(len, _lexicons.values())) > _MOST_WORDS:
        _lexicons.clear()
    lexicon = _lexicons.get(language)
    if lexicon is None:
        lexicon = _lexicons.setdefault(language, _Lexicon(language))
    tokens = cutting.tokens(text)
    numbers = np.fromiter(map(lexicon.__getitem__, tokens), dtype=np.intp, count=len(tokens))
    traits = lexicon.traits[numbers]
    opening = np.ones(len(tokens), dtype=bool)  # whether a word here opens a sentence
    opening[1:] = (traits[:-1] & ENDS) > 0
    kept = (traits & FEATURE) > 0
    named = ((traits & NAME) > 0) & ~opening
    return Tokens(lexicon, numbers[kept], named[kept])


def _traits(token: str, found: Feature | None) -> int:
    traits = ENDS * cutting.ends(token)
    return traits if found is None else traits | FEATURE | NAME * found.name | NUMBER * found.number
