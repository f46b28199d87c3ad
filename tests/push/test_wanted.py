"""Which stories a target is told of, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from stories_to_tell import make_member, make_story

from aggregator.push.wanted import due, is_wanted, wait
from aggregator.settings import Target

STORY = make_story(members=(make_member(1), make_member(2, text="Port Sallow was evacuated, at once.")))


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, True),
        ({"min_publishers": 2}, True),
        ({"min_publishers": 3}, False),
        ({"tags": ["SEA"]}, True),
        ({"tags": ["land"]}, False),
        ({"tags": ["land", "sea"]}, True),
        ({"words": ["ferry"]}, True),
        ({"words": ["FERRY aground"]}, True),
        ({"words": ["port sallow", "evacuated"]}, True),
        ({"words": ["port-sallow"]}, True),
        ({"words": ["sallow port"]}, False),
        ({"words": ["fog", "evacuated"]}, False),
        ({"words": ["evacuate"]}, False),
        ({"words": ["evacuated"], "min_publishers": 3}, False),
    ],
)
def test_what_is_asked_for_has_to_be_there(asked, wanted):
    """All of it; words and phrases in one report, whole, in any case."""
    assert is_wanted(Target(name="desk", webhook="https://desk.example/", **asked), STORY) is wanted


@pytest.mark.parametrize(
    ("at", "now", "expected"),
    [
        ((), "06:00", "06:00"),
        (("06:30",), "06:00", "06:30"),
        (("18:00", "06:30"), "07:00", "18:00"),
        (("18:00", "06:30"), "18:00", "06:30"),
    ],
)
def test_a_digest_goes_out_at_its_next_time(at, now, expected):
    """At once where there is none; tomorrow, where today's are over."""
    target = Target(name="morning", email=("me@example.org",), at=at)
    moment = datetime.fromisoformat(f"2026-11-20T{now}").replace(tzinfo=UTC)
    found = due(target, moment)
    assert f"{found:%H:%M}" == expected
    assert timedelta(0) <= found - moment <= timedelta(days=1)


def test_waits_grow_to_an_hour():
    """A minute first, and twice as long each time."""
    waits = [wait(tries) for tries in range(9)]
    assert waits[:3] == [timedelta(minutes=n) for n in (1, 2, 4)]
    assert waits[-1] == timedelta(hours=1)
