"""What two reports both say: whole quotes; and what only a title says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup import fingerprint, signals
from aggregator.dedup.frequency import StreamCounts
from aggregator.dedup.overlap import only_titled, shared_quotes

SAID = "We will not sell the mine"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (
            'He said: "We will not sell the mine." Then',
            "“We will not sell the mine”, he",
            ["We will not sell the mine."],
        ),
        (
            "«Nous ne vendrons pas la mine», dit-il",
            "« Nous ne vendrons pas la mine »",
            ["Nous ne vendrons pas la mine"],
        ),
        (
            "„Wir verkaufen die Mine nicht“",
            "»Wir verkaufen die Mine nicht, niemals.«",
            ["Wir verkaufen die Mine nicht"],
        ),
        ("他说「我们绝不会卖掉矿山」。", "「我们绝不会卖掉矿山」", ["我们绝不会卖掉矿山"]),
        ('the "mine" is', 'a "mine" for', []),
        ('"We will not sell the mine"', "We will not sell the mine", []),
        ('"We will not sell the mine"', '"We will sell the mine now"', []),
        ('an " that nobody closed', 'an " that nobody closed', []),
    ],
)
def test_quotes_are_shared_by_their_words(one, other, shared):
    """Whatever the marks, the case and the end; half a quote is one; a word in marks is none."""
    assert list(shared_quotes(one, other)) == shared


@given(text=st.text(alphabet='“”„«»"「」ab c', max_size=60))
def test_a_text_shares_its_own_quotes(text):
    """Sharing is symmetric, but for the spelling; a text has all that it has."""
    assert len(shared_quotes(text, text)) <= len(text)
    assert bool(shared_quotes(text, "“a b c”")) == bool(shared_quotes("“a b c”", text))


def titled(one: tuple[str, str], other: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and numbers of the first title that the other report has nowhere."""
    counts = StreamCounts()
    mine, theirs = (signals.weigh(fingerprint.sketch(*each, "en"), counts) for each in (one, other))
    return only_titled(mine, theirs, fingerprint.read(*one, "en"))


def test_only_what_the_other_report_has_nowhere():
    """A capital in a title is no name; a number that the other's text has is none that contradicts."""
    one = ("Quake of 5.9 Shakes Fenrow, 12 hurt", "People in Fenrow ran when the quake shook Fenrow again.")
    other = ("Quake of 5.6 shakes Doring", "In Doring 12 people were hurt when the quake shook it.")
    assert titled(one, other) == (("Fenrow",), ("5.9",))
    assert titled(one, one) == ((), ())
