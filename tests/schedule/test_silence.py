"""Whether a source is silent for longer than it ever is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.schedule.silence import MOMENTS, unusual

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def every(pause: timedelta, count: int = 10) -> list[datetime]:
    """So many moments, the last one at noon."""
    return [NOON - pause * number for number in range(count)]


@pytest.mark.parametrize(
    ("moments", "silent_for", "said"),
    [
        (every(HOUR), 23 * HOUR, None),
        (every(HOUR), 25 * HOUR, "nothing new for 1 day 1 h; the longest of its last 9 pauses was 1 h"),
        (every(7 * DAY), 13 * DAY, None),
        (every(7 * DAY), 15 * DAY, "nothing new for 15 days; the longest of its last 9 pauses was 7 days"),
        (every(HOUR, 5), 99 * DAY, None),
        (every(HOUR, 6), 99 * DAY, "nothing new for 99 days"),
        ([*every(HOUR), NOON - 12 * DAY], 20 * DAY, None),
        ([*every(HOUR), NOON - 9 * DAY], 20 * DAY, "nothing new for 20 days"),
        (every(HOUR) * 3, 23 * HOUR, None),
        ([NOON] * 40, 99 * DAY, None),
        ([], 99 * DAY, None),
        (every(HOUR), -99 * DAY, None),
    ],
)
def test_a_source_is_measured_by_itself(moments, silent_for, said):
    """More than a day, and more than twice its own longest pause; with few pauses there is no rhythm."""
    silence = unusual(moments, NOON + silent_for)
    assert (silence is None) if said is None else str(silence).startswith(said)


def test_a_server_that_never_answered_is_not_silent():
    """What it would have said is not known."""
    assert unusual(every(HOUR), None) is None


@given(
    st.lists(st.integers(0, 10**7), max_size=MOMENTS),
    st.integers(0, 10**8),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter_and_more_silence_is_never_less_unusual(seconds, wait, chance):
    """Whatever the past was."""
    moments = [NOON - timedelta(seconds=each) for each in seconds]
    found = unusual(moments, NOON + timedelta(seconds=wait))
    chance.shuffle(moments)
    assert unusual(moments, NOON + timedelta(seconds=wait)) == found
    if found:
        assert unusual(moments, NOON + timedelta(seconds=2 * wait))
