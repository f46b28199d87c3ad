"""Texts are cut into features that compare across inflections, spellings and scripts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedup import text
from aggregator.dedup.lexicon import cut


def keys(given_text: str, language: str) -> list[str]:
    """The features of a text, as they are compared."""
    return [feature.key for feature in cut(given_text, language)]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "ferries burned", "ferry burning"),
        ("en", "the captain's order", "the captain orders"),
        ("en", "the captain’s order", "the captain's order"),
        ("ru", "взрыв прогремел", "взрыва прогремела"),
        ("ar", "السفينة", "سفينة"),
        ("de", "FÄHRE", "fähre"),
        ("en", "1,200 people", "1200 people"),
        ("en", "ﬁre", "fire"),
    ],
)
def test_one_word_in_two_shapes_is_one_feature(language: str, one: str, other: str) -> None:
    """Inflection, case, apostrophes, separators and compatibility forms make no difference."""
    assert keys(one, language) == keys(other, language)


@pytest.mark.parametrize(
    ("language", "given_text", "expected"),
    [
        ("zh", "渡轮起火", ["渡轮", "轮起", "起火"]),
        ("ja", "船で火災", ["船で", "で火", "火災"]),
        ("th", "เรือไฟ", ["เรื", "รือ", "ือไ", "อไฟ"]),
        ("zh", "火", ["火"]),
        ("vi", "Tàu cháy ở Hạ Long", ["tàu", "cháy", "ở", "hạ", "long"]),
        ("hi", "नौका में आग", ["नौका", "में", "आग"]),
        ("ko", "여객선 화재", ["여객선", "화재"]),
        ("zh", "2026年大火", ["2026", "年大", "大火"]),
    ],
)
def test_scripts_are_cut_as_their_words_are(language: str, given_text: str, expected: list[str]) -> None:
    """Scripts without spaces give overlapping runs; marks do not tear a word apart."""
    found = keys(given_text, language)
    assert [key[: len(want)] for key, want in zip(found, expected, strict=True)] == [
        want[: len(key)] for key, want in zip(found, expected, strict=True)
    ]


@pytest.mark.parametrize(
    ("given_text", "names"),
    [
        ("Yesterday Peder Lundvall spoke. The ship sank.", ["Peder", "Lundvall"]),
        ("“Nobody was lost,” said Lundvall", ["Lundvall"]),
        ("It sank in 2012. The crew lived.", []),
        ("the crew of the Maren Skou", ["Maren", "Skou"]),
    ],
)
def test_a_capital_inside_a_sentence_is_a_name(given_text: str, names: list[str]) -> None:
    """A capital at the start of a sentence or a quotation says nothing."""
    assert [feature.shown for feature in cut(given_text, "en") if feature.name] == names


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Council adopts 12th package", {"12"}),
        ("Quake of 5.9 shakes the islands", {"5.9"}),
        ("Ferry fire leaves 6 dead", set()),
        ("Morning briefing for Friday 20 November", {"friday", "20"}),
        ("Prices in November", {"novemb"}),
        ("", set()),
    ],
)
def test_what_names_an_instance_is_told_from_a_count(title: str, expected: set[str]) -> None:
    """Ordinals, decimals and dates say which one of a series it is; a count of people does not."""
    found = text.instances(list(cut(title, "en")))
    assert {key[:6] for key in found} == {key[:6] for key in expected}


@pytest.mark.parametrize(
    ("given_text", "words"),
    [
        ("More at https://gazette.example/news?id=7 today", ["more", "at", "today"]),
        ("More at www.gazette.example today", ["more", "at", "today"]),
        ("More at gazette.example/ferry, today", ["more", "at", "today"]),
        ("见https://gazette.example/a，214人", ["见", "214", "人"]),
        ("Half and/or 3/4 of U.S./Canada", ["half", "and", "or", "3", "4", "of", "u", "s", "canada"]),
        ("Gazette.example is shut", ["gazett", "exampl", "is", "shut"]),
    ],
)
def test_an_address_is_no_words(given_text: str, words: list[str]) -> None:
    """What a site calls itself stands under all that it shows; a slash between words is no address."""
    assert [feature.key for feature in cut(given_text, "zh" if "见" in given_text else "en")] == words


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["en", "zh", "th", "vi", "ru", "ar", "xx", "und"]))
def test_no_text_raises(given_text: str, language: str) -> None:
    """Any text in any language gives features with a key, none longer than a word can be."""
    for feature in cut(given_text, language):
        assert feature.key
        assert len(feature.key) <= max(len(feature.shown), text._LONGEST_WORD) * 2
