"""When a feed has moved for good, and when it has not."""

import pytest
from polls import DAY, FIRST, HOUR, NEW, NOW, SOURCE, URL, answered, failed, unchanged

from aggregator.schedule.next_poll import address_to_poll
from aggregator.settings import FeedSource


def moving(state=FIRST, days=3, to=NEW, start=NOW):
    """The state after permanent redirects on so many days."""
    for day in range(days):
        state = answered(state, now=start + day * DAY, url=to, moved_to=to)
    return state


def test_moved_for_good():
    """After three equal permanent redirects on three days the new address is polled, and a person is told."""
    assert address_to_poll(moving(days=2), SOURCE) == URL
    assert "moved" not in moving(days=2).reason
    state = moving(days=3)
    assert address_to_poll(state, SOURCE) == NEW
    assert state.reason.endswith(f"moved for good to '{NEW}', change the address in the configuration")
    assert state.etag == '"1"'
    direct = answered(state, url=NEW)
    assert address_to_poll(direct, SOURCE) == NEW
    assert address_to_poll(unchanged(direct, url=NEW), SOURCE) == NEW


def test_three_polls_of_one_day_are_one():
    """Many redirects on one day, or with the clock going back, count once."""
    state = FIRST
    for hour in (0, 1, 5, 13, -30):
        state = answered(state, now=NOW + hour * HOUR, url=NEW, moved_to=NEW)
    assert state.moved_days == 1
    assert address_to_poll(state, SOURCE) == URL


@pytest.mark.parametrize(
    "between",
    [
        {"url": NEW},  # 302 to the same address
        {"url": URL},  # no redirect at all
        {"url": "https://third.example/", "moved_to": "https://third.example/"},
    ],
)
def test_not_moved(between):
    """A temporary redirect, none, or one to elsewhere in between starts the count again."""
    state = answered(moving(days=2), now=NOW + 2 * DAY, **between)
    assert address_to_poll(state, SOURCE) == URL
    state = answered(state, now=NOW + 3 * DAY, url=NEW, moved_to=NEW)
    assert (state.moved_days, state.moved_since, address_to_poll(state, SOURCE)) == (1, NOW + 3 * DAY, URL)


def test_moved_and_lost():
    """A new address that fails three times gives way to the configured one, which decides anew."""
    state = moving()
    for _ in range(2):
        state = failed(state, now=NOW + 3 * DAY)
    assert address_to_poll(state, SOURCE) == NEW
    state = failed(state, now=NOW + 3 * DAY)
    assert address_to_poll(state, SOURCE) == URL
    back = answered(state, now=NOW + 4 * DAY, url=URL)
    assert (back.moved_to, address_to_poll(back, SOURCE)) == (None, URL)
    still = answered(state, now=NOW + 4 * DAY, url=NEW, moved_to=NEW)
    assert address_to_poll(still, SOURCE) == NEW


def test_moved_on():
    """When the new address redirects further, the configured one is asked until that has lasted."""
    state = answered(
        moving(), now=NOW + 3 * DAY, url="https://third.example/", moved_to="https://third.example/"
    )
    assert address_to_poll(state, SOURCE) == URL


def test_a_changed_configuration_wins_over_a_move():
    """An address that was changed in the configuration is polled, whatever the old one led to."""
    changed = FeedSource(name="News", url="https://third.example/feed")
    assert address_to_poll(moving(), changed) == "https://third.example/feed"
