"""How common a feature is in its language, and what it costs to know that."""

import tracemalloc

import pytest
import wordfreq

from aggregator.dedup import frequency
from aggregator.dedup.frequency import rate


@pytest.mark.parametrize(
    ("language", "common", "rare"),
    [("en", "time", "coastguard"), ("fr", "temp", "ferri"), ("zh", "我们", "渡轮")],
)
def test_a_common_word_has_a_higher_rate(language: str, common: str, rare: str) -> None:
    """And one that no list holds has the lowest; so has every word of a language without a list."""
    unknown = rate("qoxqox", language)
    assert rate(common, language) > 10 * rate(rare, language) > 10 * unknown
    assert rate("qoxqox", "xx") == rate("time", "xx") == unknown


def test_every_listed_word_is_found() -> None:
    """By its stem, with at least the rate that is its own; in Danish: a list that is read quickly."""
    stem = frequency.stemmer("da")
    for hundredth, words in enumerate(wordfreq.get_frequency_list("da")[:550]):
        for word in words:
            if not word[0].isdigit():
                assert rate(stem(word), "da") >= wordfreq.cB_to_freq(-hundredth) * 1e6 * 0.999


def test_a_language_is_small_in_memory() -> None:
    """A service that meets forty languages in its years keeps a megabyte of each, not its whole word list."""
    frequency._rates.cache_clear()
    rate("bulletin", "da")  # what all languages share is in memory now
    tracemalloc.start()
    try:
        rate("bulletin", "it")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2e6
