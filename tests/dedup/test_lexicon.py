"""A text cut by looking its words up is the text cut word by word."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedup import lexicon, text
from aggregator.dedup.frequency import rate
from aggregator.dedup.lexicon import cut

WORDS = st.sampled_from(
    ["Lundvall", "spoke", "the ferry's", "1,200", "2012.", "“", ". ", "渡轮起火", "เรือ", "Monday", "x" * 60]
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=30).map(" ".join), st.sampled_from(["en", "zh", "xx"]))
def test_what_is_looked_up_is_what_each_word_is(given_text: str, language: str) -> None:
    """Hash, rate, number and name are those of the features one by one."""
    found = cut(given_text, language)
    one_by_one = [text.feature(token, language) for token in text.tokens(given_text)]
    expected = [feature for feature in one_by_one if feature is not None]
    assert [feature._replace(name=False) for feature in found] == [
        feature._replace(name=False) for feature in expected
    ]
    assert found.hashes.tolist() == [feature.hash for feature in expected]
    assert found.numbers.tolist() == [feature.number for feature in expected]
    assert [round(each, 3) for each in found.rates.tolist()] == [
        round(rate(feature.key, language), 3) for feature in expected
    ]
    assert [feature.name for feature in found] == found.named.tolist()
    assert all(feature.name for feature, named in zip(expected, found.named, strict=True) if named)


def test_a_full_lexicon_starts_again(monkeypatch) -> None:
    """However many words come in, it holds a bounded number; what was cut before stays readable."""
    monkeypatch.setattr(lexicon, "_lexicons", {})
    monkeypatch.setattr(lexicon, "_MOST_WORDS", 50)
    first = cut("Yesterday Lundvall spoke", "en")
    for letter in "abcdefghij":
        cut(" ".join(letter * times for times in range(2, 40)), "en")
        cut(letter, "da")
        assert sum(map(len, lexicon._lexicons.values())) <= 50 + 39
    assert [feature.shown for feature in first] == ["Yesterday", "Lundvall", "spoke"]


def test_threads_learn_words_at_the_same_time(monkeypatch) -> None:
    """A person's question may come while the service links: no word gets another's number."""
    monkeypatch.setattr(lexicon, "_lexicons", {})
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in alphabet for b in alphabet[:10] for c in alphabet]
    given_texts = [" ".join(words[start:] + words[:start]) for start in range(0, len(words), 700)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda each: cut(each, "xx"), given_texts))
    for each, said in zip(found, given_texts, strict=True):
        assert [feature.shown for feature in each] == said.split()
        assert each.hashes.tolist() == [text._hash(word, "xx") for word in said.split()]
