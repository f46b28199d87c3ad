"""When a source is polled next, whatever it and its clock have shown."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polls import (
    DAY,
    FIRST,
    HOUR,
    LIMITS,
    MINUTE,
    NEW,
    NOW,
    SOURCE,
    URL,
    answered,
    failed,
    status,
    unchanged,
    wait,
)

from aggregator.errors import TooSlow
from aggregator.model import Answer, Parsed
from aggregator.schedule.next_poll import (
    Bounds,
    Outcome,
    address_to_poll,
    after_answer,
    bounds,
    digest,
    due_at,
    is_due,
    person_may_poll,
)
from aggregator.settings import FeedSource, Fetching

# ---- what a user allows, and a new source ----


def test_bounds():
    """No feed is polled more often than the floor, unless its host is the user's own."""
    often = {"name": "a", "url": URL, "every": "5s"}
    assert bounds(FeedSource(**often), Fetching()).every == 15 * MINUTE
    assert bounds(FeedSource(**often, i_own_this_host=True), Fetching()).every == timedelta(seconds=5)
    assert bounds(FeedSource(name="a", url=URL, every="2h"), Fetching()).every == 2 * HOUR
    seldom = bounds(FeedSource(name="a", url=URL, every="3d"), Fetching())
    assert (seldom.every, seldom.ceiling) == (3 * DAY, 3 * DAY)


def test_never_polled():
    """A source that was never polled is due at once, and anybody may poll it."""
    assert is_due(FIRST, LIMITS, NOW)
    assert person_may_poll(FIRST, LIMITS, NOW)
    assert address_to_poll(FIRST, SOURCE) == URL


def test_first_answer():
    """After a first 200 the state holds validators, digest, counts, and the next time with its reason."""
    state = answered(last_modified="yesterday")
    assert (state.etag, state.last_modified, state.answered, state.body_hash) == (
        '"1"',
        "yesterday",
        URL,
        digest(b"feed"),
    )
    assert (state.polls, state.fresh, state.unchanged, state.failed) == (1, 1, 0, 0)
    assert (state.bytes_received, state.body_bytes, state.bytes_saved) == (4, 4, 0)
    assert (state.polled, state.succeeded, state.gained, state.status) == (NOW, NOW, NOW, 200)
    assert (wait(state), state.reason, state.interval) == (15 * MINUTE, "every 15 min", 900)
    assert not is_due(state, LIMITS, NOW + 15 * MINUTE - timedelta(seconds=1))
    assert is_due(state, LIMITS, NOW + 15 * MINUTE)


# ---- how often ----


def test_interval_follows_the_feed():
    """It grows, up to the ceiling, while there are no news for longer than usual; news halve it each time."""
    state, now, waits = answered(), NOW, []
    for _ in range(100):
        now = state.due
        state = unchanged(state, now=now)
        waits.append(wait(state, now))
    assert waits == sorted(waits)
    assert waits[:10] == [15 * MINUTE] * 10, "it was not silent for long yet"
    assert waits[10] == 15 * MINUTE * 1.25
    assert waits[-1] == DAY
    assert state.reason == "every 1 day, as often as it has something new"
    for _ in range(12):
        state = answered(state, now=state.due)
    assert (state.interval, state.reason) == (900, "every 15 min")


@pytest.mark.parametrize("hours", [5, 10, 24, 72])
def test_ten_polls_between_two_that_bring_something(hours):
    """Whatever the rhythm of a feed is, the polls settle at about ten for each time that it has news."""
    state, last, polls = answered(), NOW, []
    for _ in range(600):
        now = state.due
        gained = (now - NOW) // (hours * HOUR) > (last - NOW) // (hours * HOUR)
        polls.append(now)
        state, last = answered(state, now=now, gained=int(gained)), now
    settled = [moment for moment in polls if moment > polls[-1] - 10 * hours * HOUR]
    assert 60 <= len(settled) <= 150


def test_a_daily_feed_costs_few_polls():
    """A feed with one report a day is polled far less often than four times an hour."""
    state, now, polls = answered(), NOW, 0
    while now < NOW + 10 * DAY:
        polls += 1
        gained = int((state.polled - NOW) // DAY < (state.due - NOW) // DAY)
        now = state.due
        state = answered(state, now=now, gained=gained)
    assert polls < 10 * 20


def test_interval_obeys_a_changed_configuration():
    """A longer `every` counts from the next poll on, a lower ceiling too."""
    state = answered()
    assert unchanged(state, limits=Bounds(2 * HOUR, DAY, DAY)).interval == 7200
    assert unchanged(replace(state, interval=9e9), limits=Bounds(MINUTE, HOUR, DAY)).interval == 3600


@pytest.mark.parametrize(
    ("headers", "parsed", "expected", "reason"),
    [
        ({"cache-control": "max-age=1800"}, {}, 30 * MINUTE, "server says max-age 1800"),
        ({"cache-control": "max-age=60"}, {}, 15 * MINUTE, "every 15 min"),
        ({"cache-control": "max-age=900"}, {}, 15 * MINUTE, "every 15 min"),
        ({"cache-control": "max-age=99999999"}, {}, DAY, "server says max-age 31536000, cut to 1 day"),
        ({"expires": "Tue, 03 Nov 2026 12:00:00 GMT"}, {}, 2 * HOUR, "expires at Tue 2026-11-03 12:00 GMT"),
        ({}, {"ttl": 60}, HOUR, "feed says ttl 60 min"),
        ({}, {"ttl": 5}, 15 * MINUTE, "every 15 min"),
        ({}, {"ttl": 525_600}, DAY, "feed says ttl 525600 min, cut to 1 day"),
        ({"cache-control": "max-age=1800"}, {"ttl": 60}, HOUR, "feed says ttl 60 min"),
        ({"cache-control": "max-age=7200"}, {"ttl": 60}, 2 * HOUR, "server says max-age 7200"),
        ({}, {"skip_hours": {10, 11}}, 2 * HOUR, "not to be polled before Tue 2026-11-03 12:00 GMT"),
        ({}, {"skip_days": {1, 2}}, 38 * HOUR, "not to be polled before Thu 2026-11-05 00:00 GMT"),
        ({"cache-control": "max-age=7200"}, {"skip_hours": {12}}, 3 * HOUR, "before Tue 2026-11-03 13:00"),
        ({}, {"skip_hours": set(range(24))}, 15 * MINUTE, "every 15 min"),
        ({"retry-after": "86400"}, {}, 15 * MINUTE, "every 15 min"),
    ],
)  # fmt: skip
def test_the_latest_wish_wins(headers, parsed, expected, reason):
    """Of all who want a later poll the latest wins, within the bounds, and the reason names it."""
    facts = Parsed((), **{name: frozenset(v) if isinstance(v, set) else v for name, v in parsed.items()})
    state = answered(headers=headers, parsed=facts)
    assert wait(state) == expected
    assert reason in state.reason


def test_what_the_feed_asked_holds_after_a_304():
    """A 304 carries no body, and an unchanged body is not parsed: what the feed asked for still holds."""
    facts = Parsed((), ttl=120, skip_hours=frozenset({12}), skip_days=frozenset({6}))
    state = answered(parsed=facts)
    assert (state.ttl, state.skip_hours, state.skip_days) == (120, 1 << 12, 1 << 6)
    for after in (
        unchanged(state),
        after_answer(state, LIMITS, Outcome(Answer(200, URL)), NOW, 0.0),
        failed(state),
    ):
        assert (after.ttl, wait(after)) == (120, 3 * HOUR)
    assert answered(state).ttl is None


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.999])
def test_chance_only_puts_off(chance):
    """By chance a poll comes up to a tenth later, five minutes at most, and never earlier."""
    assert wait(answered(chance=chance)) == 15 * MINUTE * (1 + 0.1 * chance)
    state = answered(chance=chance, headers={"cache-control": "max-age=36000"})
    assert wait(state) == 10 * HOUR + 5 * MINUTE * chance
    assert wait(answered(chance=chance, headers={"cache-control": "max-age=99999999"})) == DAY
    skipping = answered(chance=chance, parsed=Parsed((), skip_hours=frozenset({10})))
    assert HOUR <= wait(skipping) <= HOUR + 5 * MINUTE


# ---- clocks, and everything together ----

headers = st.dictionaries(
    st.sampled_from(["cache-control", "expires", "age", "date", "retry-after"]),
    st.sampled_from(
        ["max-age=99999999999", "max-age=600", "9999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "0", "x"]
    ),
)
facts = st.builds(
    Parsed,
    st.just(()),
    damaged=st.none() | st.just("broken"),
    ttl=st.none() | st.integers(-5, 10**12),
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
)
answers = st.builds(
    lambda **how: lambda state, now, chance: answered(state, now=now, chance=chance, **how),
    headers=headers,
    parsed=facts,
    gained=st.integers(0, 2),
    moved_to=st.none() | st.just(NEW),
)
failures = st.builds(
    lambda error: lambda state, now, chance: failed(state, error, now=now, chance=chance),
    st.sampled_from([TooSlow("slow"), status(404), status(429, "99999999"), status(503, "60"), status(429)]),
)


def _longest(state):
    asked = state.retry_after or state.skip_hours or state.skip_days
    return LIMITS.retry_after_ceiling if asked else LIMITS.ceiling


@given(
    st.lists(
        st.tuples(answers | failures, st.floats(0, 0.999), st.integers(-(10**9), 10**9)),
        min_size=1,
        max_size=12,
    ),
    st.integers(-(10**9), 10**9),
)
@settings(max_examples=300, deadline=None)
def test_bounds_hold_and_no_clock_stops_polling(events, jump):
    """Whatever happened, however the clock jumped: never under the floor, due within the longest wait.

    After a clock was set back it may be a quarter more.
    """
    state, now = FIRST, NOW
    for event, chance, seconds in events:
        state = event(state, now, chance)
        assert LIMITS.every <= state.due - now <= _longest(state)
        assert state.reason.isprintable()
        now = now + timedelta(seconds=seconds)
    now = NOW + timedelta(seconds=jump)
    assert due_at(state, LIMITS, now) <= now + _longest(state) * 1.25
    assert is_due(state, LIMITS, due_at(state, LIMITS, now))


@pytest.mark.parametrize("days", [-20_000, -365, -2, 2, 365, 20_000])
def test_clock_set_wrong_and_right_again(days):
    """A poll under a clock that was days or years off does not hold up the next one."""
    assert is_due(answered(now=NOW + days * DAY), LIMITS, NOW)
    assert is_due(failed(now=NOW + days * DAY), LIMITS, NOW)


def test_clock_set_back_a_little():
    """After a clock was set back by hours a source waits those hours longer, but not past the ceiling."""
    state = answered(now=NOW + 5 * HOUR)
    assert due_at(state, LIMITS, NOW) == NOW + 5 * HOUR + 15 * MINUTE
