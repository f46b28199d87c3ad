"""What may be forgotten, and when; above all when the clock is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.settings import Settings
from aggregator.stories.retention_policy import TURN, horizon, still_shown, turned

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings.model_validate(
    {
        "sources": [{"name": "A", "url": "https://a.example/"}],
        "retention": {"texts": "90d", "stories": "365d"},
    }
)


def after(*clock: datetime) -> datetime:
    """Where the time of forgetting stands after the clock has shown these."""
    mark = None
    for now in clock:
        mark = turned(mark, now)
    assert mark is not None
    return mark


def test_it_follows_a_clock_that_is_right():
    """Hour by hour it is what the clock shows."""
    hours = [NOON + number * HOUR for number in range(100)]
    assert after(*hours) == hours[-1]


def test_a_clock_that_is_far_ahead_for_a_minute_costs_a_day():
    """And no more; when the clock is right again, so is it."""
    assert after(NOON, NOON + 50 * 365 * DAY) == NOON + TURN
    assert after(NOON, NOON + 50 * 365 * DAY, NOON + HOUR) == NOON + HOUR


def test_a_clock_that_was_set_back_forgets_less():
    """Nothing that would not be old enough otherwise; and when the clock is right again, so is it."""
    past = NOON - 20 * 365 * DAY
    assert horizon(SETTINGS, after(NOON, past), past).texts <= past
    assert after(NOON, past, NOON + HOUR, NOON + 2 * HOUR) == NOON + 2 * HOUR


def test_after_a_year_without_power_it_catches_up():
    """A day at each turn, an hour apart: within sixteen days."""
    back = NOON + 365 * DAY
    host_queue = [back + number * HOUR for number in range(16 * 24)]
    assert after(NOON, *host_queue) == host_queue[-1]


@given(st.lists(st.timedeltas(-80 * 365 * DAY, 80 * 365 * DAY).map(NOON.__add__), min_size=2))
def test_whatever_the_clock_does(clock):
    """What is forgotten is old by the clock, and by at most a day more than it was at the turn before."""
    mark = turned(None, clock[0])
    for now in clock[1:]:
        before, mark = mark, turned(mark, now)
        assert abs(mark - before) <= TURN
        found = horizon(SETTINGS, mark, now)
        assert found.texts <= max(now - SETTINGS.retention.texts, datetime(1970, 1, 1, tzinfo=UTC))


def test_each_bound_counts_from_there():
    """The index keeps the window, texts and stories what the settings say."""
    before = horizon(SETTINGS, NOON, NOON)
    assert before.index == NOON - SETTINGS.dedup.window
    assert before.texts == NOON - 90 * DAY
    assert before.stories == NOON - 365 * DAY


def test_a_clock_at_the_beginning_of_time_is_no_error():
    """A machine without a battery starts in 1970; the calendar begins there too."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    assert horizon(SETTINGS, beginning, beginning).stories == beginning
    assert horizon(SETTINGS, NOON, datetime(1, 1, 1, tzinfo=UTC)).texts == beginning


BOUND = NOON - 365 * DAY


@pytest.mark.parametrize(
    ("last", "gained", "shown"),
    [
        (BOUND + DAY, NOON, True),  # shown lately
        (BOUND - DAY, NOON, False),  # its source has gone on without it
        (BOUND - DAY, BOUND - 10 * DAY, True),  # what it showed last: a feed that has fallen asleep
        (BOUND - 30 * DAY, BOUND - 20 * DAY, True),
        (BOUND - 30 * DAY, BOUND - 10 * DAY, False),
        (BOUND - 30 * DAY, None, True),  # it shows what others brought
    ],
)
def test_what_a_source_may_still_show_stays(last, gained, shown):
    """It would come in again as new."""
    assert still_shown([("A", last)], {"A": gained}, BOUND) is shown


def test_one_source_that_shows_it_is_enough():
    """Others have gone on, or are not there any more."""
    old = BOUND - DAY
    gained = {"A": NOON, "B": NOON}
    assert not still_shown([("A", old), ("gone", old)], gained, BOUND)
    assert still_shown([("A", old), ("B", BOUND + DAY)], gained, BOUND)
