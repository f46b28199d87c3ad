"""The benchmarks of real feeds: templates are kept apart, and labelled days are scored as they say."""

import pytest

from benchmarks import templates, windows
from benchmarks.windows import Window

DEBATABLE = {"match"}  # reports of one match's two halves are alike in all but the score


@pytest.mark.parametrize("kind", templates.KINDS)
def test_a_feed_with_a_template_does_not_merge(kind):
    """Eight advisories are eight stories, and the advisory of two vendors is one."""
    items, wrong, of_one_thing, found = templates.measure(kind)
    assert items > 0
    assert wrong <= (3 if kind in DEBATABLE else 0)
    assert found == of_one_thing


def test_a_window_is_scored_by_its_certain_pairs():
    """One wrong pair spoils the larger story; only certain pairs are asked for; umbrellas do not count."""
    window = Window(
        name="made up",
        items=[{"id": each} for each in "abcdefg"],
        event={"a": 0, "b": 0, "c": 0, "d": 1, "e": 1},
        core=frozenset("abde"),
        umbrellas={"f": frozenset({0}), "g": frozenset({0})},
    )
    figures = windows.score(window, [["a", "b", "d"], ["c"], ["e"], ["f", "g"]])
    assert figures["precision"] == pytest.approx(1 / 3)
    assert figures["recall"] == pytest.approx(1 / 2)
    assert figures["pure"] == pytest.approx(1 / 2)
    assert figures["largest"] == 3
