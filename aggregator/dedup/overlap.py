"""What two reports both say, and what only one of them says, in words for people.

The verdict weighs hashes; whoever reads why wants the words. Quotes are compared whole: two reports that
quote one sentence heard it together, or have it from one agency.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aggregator.dedup import fingerprint, signals
from aggregator.dedup.fingerprint import NAME
from aggregator.dedup.text import Feature

_MARKS = ("“”", "„“", "„”", "””", "«»", "»«", "‹›", "「」", "『』", '""')
_LONGEST = 600  # characters of a quote: a mark that nobody closed must not quote the rest
_QUOTE = re.compile("|".join(f"{m[0]}([^{m}]{{3,{_LONGEST}}}){m[1]}" for m in _MARKS))
_HEAVIEST = 60  # of what two reports share, that are spelt out; the others carry nothing
_FEWEST_WORDS = 3  # of a quote; one or two in marks are a name, or irony
_FEWEST_LETTERS = 6  # of one in a script without spaces
_UNSPACED = "\u3040"  # where the scripts begin whose words nothing parts


def shared_words(
    mine: signals.WeightedSketch, other: signals.WeightedSketch, reading: fingerprint.FeatureSequence
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The words, names and numbers that carry what both share, heaviest first, as `reading` has them."""
    shared = mine.sketch.hashes[signals.shared(mine, other)[:_HEAVIEST]]
    spelt = reading.spelling(shared)
    both = [spelt[key] for key in shared.tolist() if key in spelt]
    return (
        tuple(_plain(feature) for feature in both if not feature.name and not feature.number),
        tuple(_plain(feature) for feature in both if feature.name),
        tuple(_plain(feature) for feature in both if feature.number),
    )


def only_titled(
    mine: signals.WeightedSketch, other: signals.WeightedSketch, reading: fingerprint.FeatureSequence
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and numbers in the title of one report that stand nowhere in the other.

    A capital in a title says nothing; a name is what one of the texts writes as one.

    Args:
        mine: the report whose title it is.
        other: the other one.
        reading: how the first one spells it.
    """
    elsewhere = set(other.sketch.hashes.tolist())
    named = set(mine.sketch.hashes[(mine.sketch.flags & NAME) > 0].tolist())
    alone = [feature for feature in reading.headline if feature.hash not in elsewhere]
    return (
        _each_once(_plain(feature) for feature in alone if feature.hash in named),
        _each_once(_plain(feature) for feature in alone if feature.number),
    )


def shared_quotes(one: str, other: str) -> tuple[str, ...]:
    """What both texts have in quotation marks, in the same words, the longest first; as the first has it."""
    theirs = [f" {bare} " for quote in _quotes(other) if (bare := _bare(quote))]
    found = {
        bare: quote
        for quote in _quotes(one)
        if (bare := _bare(quote)) and any(f" {bare} " in each or each in f" {bare} " for each in theirs)
    }
    return tuple(sorted(found.values(), key=lambda quote: (-len(quote), quote)))


def _quotes(text: str) -> list[str]:
    return [" ".join("".join(groups).split()) for groups in _QUOTE.findall(text)]


def _bare(quote: str) -> str:
    """The words of a quote alone: agencies and papers set it differently. Nothing, where it is too short."""
    words = re.findall(r"\w+", quote.casefold())
    letters = "".join(words)
    unspaced = letters > _UNSPACED and len(letters) >= _FEWEST_LETTERS
    return " ".join(words) if len(words) >= _FEWEST_WORDS or unspaced else ""


def _each_once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _plain(feature: Feature) -> str:
    """As it stood in the text, without a possessive."""
    return feature.shown.removesuffix("'s")
