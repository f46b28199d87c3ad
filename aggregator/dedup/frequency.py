"""How common a feature is: in the language (the background) and so far in the stream.

A verdict on the first day needs to know that "said" is worth little and "Peskov" much, when nothing has been
counted yet. So each weight blends two counts of documents: an imaginary archive of `PRIOR` documents with the
language's own word frequencies (wordfreq), and the last `SPAN` reports of the stream::

    weight(t) = log((PRIOR + n + 1) / (PRIOR * p(t) + df(t) + 0.5))
    p(t) = 1 - exp(-rate(t) * words)

The documents of the archive are as long as the stream's reports are on average (``words``): among headlines a
word that stands on every page of a newspaper is rare. This is the inverse document frequency of Spärck Jones
(1972) with a Dirichlet-style prior. As reports come in, the stream outweighs the prior, and yesterday's rare
name becomes today's common word. In a language without frequencies the prior knows nothing and the stream's
counts do all the work.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from aggregator.dedup.text import stemmer

PRIOR = 1000.0
"""Documents in the imaginary archive: how long the language's own frequencies outweigh the stream's."""

SPAN = 10_000
"""Reports of the stream that are counted; older ones leave. A restart counts the same reports again."""

_MILLION = 1e6  # rates are occurrences in a million words
_UNKNOWN = 0.01  # rate of a word that no list holds
_RAREST = 0.3  # rate down to which lists are read: below it all words are worth the same, and lists are long
_LONGEST = 200.0  # words of a document in the imaginary archive, at most, and before any report is known
_SLOTS = 1 << 22  # of the table of counts; two of 200,000 features share one in 5 % of cases, harmlessly

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint32]


_STALE = 10  # weights are computed again when a tenth of the counted reports are new
_LISTED = {"tl": "fil", "no": "nb", "hr": "sh", "sr": "sh", "bs": "sh"}  # languages under another code there
_UNSPACED = frozenset({"zh", "ja"})  # whose lists hold words, while their features are pairs of characters


class _Rates:
    """The rates of a language's features, by hash: a dictionary takes ten times the memory.

    Args:
        known: rate by feature.

    """

    def __init__(self, known: Mapping[str, float]) -> None:
        hashes = np.fromiter(map(hash, known), dtype=np.int64, count=len(known))
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self._rates = np.fromiter(known.values(), dtype=np.float64, count=len(known))[order]

    def of(self, key: str) -> float:
        """The rate of a feature; 0 if it is not listed."""
        place = int(np.searchsorted(self._hashes, hash(key)))
        found = place < len(self._hashes) and self._hashes[place] == hash(key)
        return float(self._rates[place]) if found else 0.0


@functools.cache
def _rates(language: str) -> _Rates:
    """Rate of every feature of a language that wordfreq knows, else nothing."""
    import wordfreq  # noqa: PLC0415 - 0.2 s, which a start with nothing to do need not wait

    listed = _LISTED.get(language, language)
    if listed not in wordfreq.available_languages("best"):
        return _Rates({})
    rates: defaultdict[str, float] = defaultdict(float)
    keys = _pairs if language in _UNSPACED else _stem(language)
    read = inspect.unwrap(wordfreq.get_frequency_list)  # wrapped, it would keep up to 70 MB a language
    for hundredth, words in enumerate(read(listed, "best")):
        each = wordfreq.cB_to_freq(-hundredth) * _MILLION  # of each of them; ever lower
        if each < _RAREST:
            break
        for word in words:
            for key in keys(word):
                rates[key] += each
    return _Rates(rates)


def _stem(language: str) -> Callable[[str], tuple[str]]:
    stem = stemmer(language)
    return lambda word: (stem(word),)


def _pairs(word: str) -> Iterator[str]:
    """The pairs of characters in a word; and, as ``c_`` and ``_c``, how it ends and begins."""
    yield from (word[i : i + 2] for i in range(len(word) - 1))
    yield word[-1] + "_"
    yield "_" + word[0]


def rate(key: str, language: str) -> float:
    """How often this feature stands in a million words of the language."""
    if key[0].isdigit():
        return _number(key)
    rates = _rates(language)
    known = rates.of(key)
    if language in _UNSPACED and len(key) == 2:  # it may also lie across two words
        known += rates.of(key[0] + "_") * rates.of("_" + key[1]) / _MILLION
    return max(known, _UNKNOWN)


def _number(key: str) -> float:
    """Numbers stand in no word list: the fewer digits, the more common; a year is common too."""
    if key.isdigit() and len(key) == 4 and key[:2] in {"19", "20"}:
        return 500.0
    return {1: 1800.0, 2: 1100.0, 3: 150.0}.get(len(key), 15.0)


class StreamCounts:
    """Document frequencies of the last `SPAN` reports, by hashed feature; derived, never stored."""

    def __init__(self, span: int = SPAN) -> None:
        self._span = span
        self._recent: deque[tuple[str, Hashes]] = deque()
        self._counts = np.zeros(_SLOTS, dtype=np.uint16)
        self._documents: Counter[str] = Counter()
        self._features: Counter[str] = Counter()  # of all documents
        self._since = 0  # reports since the epoch moved
        self.epoch = 0  # moves when weights have changed enough to be worth computing again

    def add(self, language: str, hashes: Hashes) -> None:
        """Count one more report; the oldest leaves when there are more than the span."""
        self._recent.append((language, hashes))
        self._documents[language] += 1
        self._features[language] += len(hashes)
        self._counts[hashes % _SLOTS] += 1
        if len(self._recent) > self._span:
            old_language, old = self._recent.popleft()
            self._documents[old_language] -= 1
            self._features[old_language] -= len(old)
            self._counts[old % _SLOTS] -= 1
        self._since += 1
        if self._since * _STALE >= len(self._recent):
            self._since, self.epoch = 0, self.epoch + 1

    def documents(self, language: str) -> int:
        """Reports of a language that are counted."""
        return self._documents[language]

    def weights(self, language: str, hashes: Hashes, rates: Floats) -> Floats:
        """Weight of each feature, at least 0, from its hash and its rate in the language."""
        n = self._documents[language]
        expected = PRIOR * self._background(language, rates) + self._counts[hashes % _SLOTS]
        weights: Floats = np.log((PRIOR + n + 1) / (expected + 0.5)).astype(np.float32)
        return np.maximum(weights, 0.0)

    def share(self, language: str, hashes: Hashes, rates: Floats) -> Floats:
        """Blended share of documents, in [0, 1], that hold each feature."""
        n = self._documents[language]
        expected = PRIOR * self._background(language, rates) + self._counts[hashes % _SLOTS]
        share: Floats = (expected / (PRIOR + n)).astype(np.float32)
        return share

    def _background(self, language: str, rates: Floats) -> Floats:
        """Share of the documents of the imaginary archive that hold each feature."""
        mean = self._features[language] / max(self._documents[language], 1)
        words = min(mean, _LONGEST) or _LONGEST
        background: Floats = -np.expm1(rates * np.float32(-words / _MILLION))
        return background
