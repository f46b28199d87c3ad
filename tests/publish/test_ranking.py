"""How much a story weighs."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.publish.ranking import GROWING, weigh

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOURS = st.floats(0, 500)
FIRSTS = st.lists(HOURS, min_size=1, max_size=30)


def weight(firsts: list[float], updated: float) -> float:
    """Of publishers that came, and a story that gained, so many hours ago."""
    moments = [NOON - timedelta(hours=each) for each in firsts]
    return weigh(moments, NOON - timedelta(hours=updated), NOON).total


@given(FIRSTS, HOURS, HOURS)
def test_one_more_publisher_never_weighs_less(firsts, further, updated):
    """Nor does one that came long ago."""
    assert weight([*firsts, further], updated) > weight(firsts, updated)


@given(FIRSTS, HOURS, HOURS)
def test_what_is_older_never_weighs_more(firsts, updated, older):
    """With the same publishers."""
    assert weight(firsts, updated + older) <= weight(firsts, updated)


def test_twice_the_publishers_are_worth_half_a_day():
    """Three publishers half a day ago weigh what one weighs now: 1 + 3 is twice 1 + 1."""
    old = [100.0]
    assert abs(weight(old * 3, 12) - weight(old, 0)) < 1e-9


def test_newcomers_count_while_it_grows():
    """A publisher that came in the last hours weighs more than one of yesterday, up to an edge."""
    edge = GROWING / timedelta(hours=1)
    assert weight([edge - 0.01], 0) > weight([edge], 0) == weight([30.0], 0)


def test_a_clock_that_was_set_back_lifts_nothing():
    """What is dated ahead weighs as if it were now."""
    assert weight([20.0], -50) == weight([20.0], 0)
