"""A stream of made reports, of any length, whose words, names and sources are as often as in a real one.

Measured on `stream_2020_2021` (76,635 titles with a line, 24 outlets): words of a title and of a text, how
fast new names appear (a Pitman-Yor process: its two constants), how much each outlet brings. Other words are
as frequent as in English (wordfreq). What real text has beside it, phrases and subjects that last, is not in
it. Which reports are of one event is known: they share its names and some of its words.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import wordfreq

from aggregator.model import Report

WORDS = 30_000  # of the language, the most frequent
TITLE, TEXT = 11, 40  # words, on average
NAMES, DEEDS = 5, 8  # names and other words that an event is told in
TOLD = 0.7  # of them in each report
DISCOUNT, STRENGTH = 0.58, 180.0  # of new names: 8,000 among 47,000, 31,000 among 494,000
ALONE = 0.62  # of the events: told by one report
MORE = 0.75  # of the others: how probable one report more is; 2.5 on average of all
LASTS = 1 / 14  # of the stream, in which an event's reports come: a day of a window of 14
OUTLETS = (
    *(0.245, 0.116, 0.08, 0.072, 0.052, 0.051, 0.046, 0.038, 0.038, 0.034, 0.032, 0.031, 0.029, 0.023),
    *(0.022, 0.021, 0.02, 0.016, 0.011, 0.009, 0.006, 0.004, 0.003, 0.001),
)
_SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "or")]


@dataclass
class _Names:
    """Names as they come up: often the known ones, and ever again a new one."""

    random: random.Random
    said: list[int] = field(default_factory=list)
    known: int = 0

    def next(self) -> str:
        """One name."""
        new = (STRENGTH + DISCOUNT * self.known) / (STRENGTH + len(self.said))
        if self.random.random() < new:
            number, self.known = self.known, self.known + 1
        else:
            number = self.random.choice(self.said)
        self.said.append(number)
        return _spelt(number)


def _spelt(number: int) -> str:
    """A name for each number, no two alike."""
    parts: list[str] = []
    rest = number
    while rest or len(parts) < 2:
        rest, part = divmod(rest, len(_SYLLABLES))
        parts.append(_SYLLABLES[part])
    return "".join(parts).capitalize()


class _Language:
    """The words of English, as frequent as they are."""

    def __init__(self) -> None:
        self.words = [word for word in wordfreq.top_n_list("en", WORDS) if word.isalpha()]
        self._sums = list(itertools.accumulate(wordfreq.word_frequency(word, "en") for word in self.words))

    def next(self, source: random.Random) -> str:
        """One word."""
        at = bisect.bisect(self._sums, source.random() * self._sums[-1])
        return self.words[min(at, len(self.words) - 1)]


def stream(count: int, seen: datetime, seed: int = 1) -> Iterator[tuple[Report, int]]:
    """Reports in their order, each with the number of its event.

    Args:
        count: how many.
        seen: when all of them are seen; they were published within the 14 days before.
        seed: the same gives the same stream.

    """
    source = random.Random(seed)
    names, language = _Names(source), _Language()
    waiting: list[tuple[float, int, int, list[str]]] = []  # reports of open events, by when they come
    event = 0
    for number in range(count):
        if not (waiting and waiting[0][0] <= number):
            event += 1
            core = [names.next() for _ in range(NAMES)] + [_deed(language, source) for _ in range(DEEDS)]
            reports = 1
            if source.random() >= ALONE:
                reports = 2
                while source.random() < MORE:
                    reports += 1
            for n in range(reports):
                delay = source.expovariate(3 / (LASTS * count)) if n else 0.0
                heapq.heappush(waiting, (number + delay, event, n, core))
        _, told, n, core = heapq.heappop(waiting)
        yield (
            _report(number, told, core, language, source, seen - timedelta(days=14) * (1 - number / count)),
            told,
        )


def _deed(language: _Language, source: random.Random) -> str:
    """A word that tells an event: none of the hundred that every text has."""
    while (word := language.next(source)) in language.words[:100]:
        pass
    return word


def _report(
    number: int, event: int, core: list[str], language: _Language, source: random.Random, published: datetime
) -> Report:
    told = [word for word in core if source.random() < TOLD]
    title = _mixed(told[::2], TITLE, language, source)
    text = _mixed(told, max(8, int(source.expovariate(1 / TEXT))), language, source)
    outlet = f"outlet {source.choices(range(len(OUTLETS)), OUTLETS)[0]}"
    return Report(
        source=outlet,
        publisher=outlet,
        title=title.capitalize(),
        text=f"{title.capitalize()}: {text}.",
        language="en",
        published=published,
        dated=True,
        seen=published,
        url=f"https://example.org/{number}",
        keys=(f"guid:{number}",),
    )


def _mixed(told: list[str], words: int, language: _Language, source: random.Random) -> str:
    """What is told, among so many words in all."""
    said = told + [language.next(source) for _ in range(words - len(told))]
    source.shuffle(said)
    return " ".join(said)
