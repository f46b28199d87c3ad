"""The language of searches: what people write, and what is said where it cannot be understood."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import QueryError
from aggregator.model import Query
from aggregator.query import LONGEST, marked, parse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", Query()),
        ("ferry fire", Query(words=("ferry", "fire"))),
        ('"ferry fire" tarnvik', Query(words=("ferry fire", "tarnvik"))),
        ("“ferry fire”", Query(words=("ferry fire",))),
        ('ferry -football -"penalty kick"', Query(words=("ferry",), without=("football", "penalty kick"))),
        ("!!! - ferry", Query(words=("ferry",))),
        ("12:30 http://a.example/x", Query(words=("12:30", "http://a.example/x"))),
        ('source:"BBC News" tag:sea lang:en', Query(sources=("BBC News",), tags=("sea",), languages=("en",))),
        ("publisher:BBC publisher:CNN", Query(publishers=("BBC", "CNN"))),
        ("since:2026-11-19", Query(since=datetime(2026, 11, 19, tzinfo=UTC))),
        ("since:2d before:6h", Query(since=NOW - 2 * DAY, before=NOW - DAY / 4)),
        ("voices:3", Query(voices=3)),
        ("voices:>3", Query(voices=4)),
        ("voices:>=3", Query(voices=3)),
        ("has:image has:files", Query(picture=True, files=True)),
        ("渡轮 起火", Query(words=("渡轮", "起火"))),
    ],
)
def test_it_means_what_it_says(written, expected):
    """Words, phrases, what must not be there, and filters."""
    assert parse(written, NOW) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('ferry "fire', "quotation mark is open"),
        ("sorce:BBC", r"sorce: is no filter.*source:"),
        ("since:yesterday", r"since:yesterday is no time.*since:2d"),
        ("voices:many", r"voices:many is no number.*voices:>3"),
        ("has:wings", r"has:wings is nothing.*has:image or has:files"),
        ('source:""', "source: has no value"),
        ("-source:BBC", "cannot be turned round"),
        (" ".join("abcdefghijklm"), "more than 12"),
        ("x" * (LONGEST + 1), f"{LONGEST} are the most"),
    ],
)
def test_what_cannot_be_understood_is_said(written, said):
    """With what to write instead."""
    with pytest.raises(QueryError, match=said):
        parse(written, NOW)


@given(st.text(max_size=LONGEST + 5))
def test_anything_is_understood_or_refused(written):
    """No text breaks it."""
    try:
        found = parse(written, NOW)
    except QueryError:
        return
    assert "\x00" not in "".join(found.words)


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=4))
def test_marking_changes_no_letter(text, words):
    """The pieces are the text."""
    assert "".join(piece for piece, _ in marked(text, tuple(words))) == text


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("The ferry burns", ("FERRY",), ["ferry"]),
        ("Ferryman saved", ("ferry",), []),
        ("Port-Sallow and port sallow", ("port sallow",), ["Port-Sallow", "port sallow"]),
        ("渡轮起火", ("起火",), ["起火"]),
        ("a ferry, a fire", ("fire", "ferry"), ["ferry", "fire"]),
        ("a ferry", (), []),
    ],
)
def test_what_is_found_is_marked(text, words, expected):
    """Whole words and phrases, as they stand in the text."""
    assert [piece for piece, hit in marked(text, words) if hit] == expected
