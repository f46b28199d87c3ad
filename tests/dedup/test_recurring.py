"""What a source says under everything is left out before reports are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup.recurring import recurring, sentences, without

FOOT = "Subscribe to our channel! More at https://gazette.example/tv • Serving the truth. #Gazette"
SHOWN = [
    ("Ferry burns off Port Sallow | Night Desk", f"All 214 aboard were saved. {FOOT}"),
    ("Budget passes by three votes | Night Desk", f"The upper house votes on Tuesday. {FOOT}"),
    ("Night Desk: choir sings in the rain", f"Nobody minded.\n{FOOT}"),
    ("Dam at Orlec holds", "Engineers opened all four gates. The mayor slept elsewhere."),
]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (SHOWN[0], ("Ferry burns off Port Sallow", "All 214 aboard were saved.")),
        (SHOWN[2], ("choir sings in the rain", "Nobody minded.")),
        (SHOWN[3], (SHOWN[3][0], "Engineers opened all four gates.\nThe mayor slept elsewhere.")),
        (("Night Desk", f"Fog. {FOOT}"), ("Night Desk", "Fog.")),
        (("Choir | Radio Gazette (10 June 2026)", "Fog."), ("Choir: 10 June 2026", "Fog.")),
        (("Choir | 24 Hours", "Fog."), ("Choir", "Fog.")),
    ],
    ids=["foot and programme", "programme first", "nothing recurs", "no other title", "date", "number"],
)
def test_what_several_reports_hold_is_left_out(report: tuple[str, str], expected: tuple[str, str]) -> None:
    """Sentences, hashtags and parts of titles; a title of nothing else stays, and so does a date."""
    assert without(*report, recurring(SHOWN) | {"Radio Gazette (10 June 2026)", "24 Hours"}) == expected


def test_what_one_event_is_told_with_does_not_recur() -> None:
    """A sentence in two reports, or under one title again and again, says something."""
    twice = SHOWN[:2]
    same_title = [("Ferry burns", f"All were saved. Part {number}.") for number in range(5)]
    few = [*((f"Report {number}", f"Number {number} of many.") for number in range(57)), *SHOWN[:3]]
    assert [recurring(shown) for shown in (twice, same_title, few, [])] == [frozenset()] * 4


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60)), max_size=6))
def test_only_what_recurs_goes(shown: list[tuple[str, str]]) -> None:
    """Every other sentence stays, in its order; and to leave it out again changes nothing."""
    known = recurring(shown)
    for title, text in shown:
        left = without(title, text, known)
        assert [part for part in sentences(text) if part not in known] == list(
            sentences(left[1])
        ) or not known
        assert without(*left, known) == left
