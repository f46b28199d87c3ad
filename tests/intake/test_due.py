"""When a source is polled next, and what is remembered of a poll."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import BadStatus, FetchError, ParseError, TooSlow
from aggregator.intake.due import (
    Bounds,
    Outcome,
    address_to_poll,
    after_answer,
    after_failure,
    at_address,
    bounds,
    digest,
    due_at,
    is_due,
    person_may_poll,
)
from aggregator.model import Answer, Parsed, SourceState
from aggregator.settings import FeedSource, Fetching

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)  # a Tuesday
URL = "https://news.example/feed"
NEW = "https://new.example/feed"
SOURCE = FeedSource(name="News", url=URL)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMITS = bounds(SOURCE, Fetching())
FIRST = SourceState("News", URL)


def answered(state=FIRST, *, now=NOW, chance=0.0, gained=1, limits=LIMITS, parsed=None, **answer):
    """The state after a 200, or what else is given."""
    full = {"status": 200, "url": URL, "etag": '"1"', "body": b"feed", "wire_bytes": 4} | answer
    body = parsed or (Parsed(()) if full["status"] != 304 else None)
    return after_answer(state, limits, Outcome(Answer(**full), body, gained), now, chance)


def unchanged(state=FIRST, **how):
    """The state after a 304."""
    return answered(state, **{"status": 304, "gained": 0, "body": b"", "wire_bytes": 0, "etag": None} | how)


def failed(state=FIRST, error=None, *, now=NOW, chance=0.0, limits=LIMITS, answer=None):
    """The state after a failure."""
    return after_failure(
        state, limits, error or TooSlow("news.example: slow", hint="wait"), now, chance, answer
    )


def status(number, retry_after=None):
    """An answer that is none."""
    return BadStatus(f"news.example: the server answered {number}", status=number, retry_after=retry_after)


def wait(state, now=NOW):
    """From now to the due time."""
    return state.due - now


# what a user allows


def test_bounds():
    """No feed is polled more often than the floor, unless its host is the user's own."""
    often = {"name": "a", "url": URL, "every": "5s"}
    assert bounds(FeedSource(**often), Fetching()).every == 15 * MINUTE
    assert bounds(FeedSource(**often, i_own_this_host=True), Fetching()).every == timedelta(seconds=5)
    assert bounds(FeedSource(name="a", url=URL, every="2h"), Fetching()).every == 2 * HOUR
    seldom = bounds(FeedSource(name="a", url=URL, every="3d"), Fetching())
    assert (seldom.every, seldom.ceiling) == (3 * DAY, 3 * DAY)


# a new source


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


# validators


def test_unchanged():
    """A 304 counts what it saved and keeps the validators, newer ones where it brings some."""
    state = unchanged(answered(last_modified="yesterday"))
    assert (state.etag, state.last_modified, state.status) == ('"1"', "yesterday", 304)
    assert (state.polls, state.fresh, state.unchanged, state.bytes_saved) == (2, 1, 1, 4)
    assert unchanged(state, etag='"2"').etag == '"2"'
    assert unchanged(state, last_modified="today").last_modified == "today"
    assert unchanged(state).bytes_saved == 8


def test_validators_are_never_older_than_the_body():
    """A 200 without validators leaves none: those of the body before say nothing about this one."""
    state = answered(answered(last_modified="yesterday"), etag=None)
    assert (state.etag, state.last_modified) == (None, None)


def test_damaged_body():
    """A damaged body leaves no validator and no digest, so that it is asked for and read again."""
    state = answered(parsed=Parsed((), damaged="cut off"))
    assert (state.etag, state.last_modified, state.body_hash, state.answered) == (None,) * 4
    assert (state.failures, state.fresh) == (0, 1)


def test_304_from_elsewhere():
    """A 304 from an address that did not give the validators means nothing: the next poll asks for all."""
    state = unchanged(answered(), url="https://elsewhere.example/feed")
    assert (state.etag, state.last_modified, state.body_hash) == (None, None, None)
    state = unchanged(
        answered(url="https://store.example/f?signature=1"), url="https://store.example/f?signature=2"
    )
    assert state.etag == '"1"'


def test_partial_answer():
    """A 226 has validators like a 200, but its size is not that of the whole body."""
    state = answered(answered(), status=226, etag='"2"', wire_bytes=1)
    assert (state.etag, state.body_bytes, state.bytes_received, state.bytes_saved) == ('"2"', 4, 5, 3)


def test_failure_keeps_validators():
    """A failed poll changes no validator: the body before is still the last one."""
    state = failed(answered())
    assert (state.etag, state.answered, state.body_hash) == ('"1"', URL, digest(b"feed"))


def test_new_address():
    """At a new address nothing of the old one is believed; the counts go on."""
    old = failed(answered(parsed=Parsed((), ttl=60)), status(429, "3600"))
    new = at_address(old, NEW)
    assert (new.address, new.due, new.etag, new.answered, new.body_hash) == (NEW, None, None, None, None)
    assert (new.failures, new.error, new.retry_after, new.ttl, new.interval) == (0, None, None, None, None)
    assert (new.polls, new.fresh, new.limited) == (2, 1, 1)
    assert is_due(new, LIMITS, NOW)
    assert at_address(old, URL) is old
    assert not at_address(failed(error=status(410)), NEW).stopped


# how often


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


# failures


def test_slower_and_slower():
    """Each failure in a row doubles the wait up to the ceiling, and the source is never given up."""
    state, now, waits = answered(), NOW, []
    for _ in range(40):
        state = failed(state, status(404), now=now)
        waits.append(wait(state, now))
        now = state.due
    assert waits[:4] == [15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]
    assert waits[-1] == DAY
    assert not state.stopped
    assert (state.failures, state.failed, state.polls) == (40, 40, 41)


@pytest.mark.parametrize(
    "error", [TooSlow("x: slow"), FetchError("x: reset"), status(500), ParseError("x: no feed")]
)
def test_failure_in_words(error):
    """The state says what went wrong, how often, and when the next try comes; an answer clears it."""
    state = failed(failed(failed(answered(), error), error), error)
    assert (state.error, state.reason) == (error.message, "failing for 3 polls, next try in 1 h")
    assert (state.succeeded, state.polled, state.status) == (NOW, NOW, getattr(error, "status", None))
    state = answered(state)
    assert (state.failures, state.error, state.hint, state.reason) == (0, None, None, "every 15 min")


def test_unreadable_body():
    """A body that could not be parsed counts as received, and as a failure."""
    answer = Answer(200, URL, body=b"<html>", etag='"2"', wire_bytes=6)
    state = failed(answered(), ParseError("a page, not a feed", hint="look"), answer=answer)
    assert (state.status, state.bytes_received, state.etag, state.failed) == (200, 10, '"1"', 1)
    assert (state.error, state.hint) == ("a page, not a feed", "look")


def test_gone():
    """A 410 stops the source, and says so; not even a person has it polled."""
    state = failed(answered(), status(410))
    assert (state.stopped, state.due, state.reason) == (True, None, "410: gone for good, polled no more")
    assert due_at(state, LIMITS, NOW + 999 * DAY) is None
    assert not is_due(state, LIMITS, NOW + 999 * DAY)
    assert not person_may_poll(state, LIMITS, NOW)


@pytest.mark.parametrize(
    ("number", "retry_after", "expected", "reason"),
    [
        (429, "7200", 2 * HOUR, "429: asked to wait until Tue 2026-11-03 12:00 GMT"),
        (429, "Tue, 03 Nov 2026 12:00:00 GMT", 2 * HOUR, "429: asked to wait until Tue 2026-11-03 12:00 GMT"),
        (503, "7200", 2 * HOUR, "503: asked to wait until Tue 2026-11-03 12:00 GMT"),
        (429, "259200", 3 * DAY, "429: asked to wait until Fri 2026-11-06 10:00 GMT"),
        (429, "999999999", 7 * DAY, "429: asked to wait until Tue 2026-11-10 10:00 GMT"),
        (429, "1", 30 * MINUTE, "429: polled too often, next try in 30 min"),
        (429, None, 30 * MINUTE, "429: polled too often, next try in 30 min"),
        (429, "soon", 30 * MINUTE, "429: polled too often, next try in 30 min"),
        (503, None, 15 * MINUTE, "failed, next try in 15 min"),
        (500, "7200", 15 * MINUTE, "failed, next try in 15 min"),
        (403, "7200", 15 * MINUTE, "failed, next try in 15 min"),
    ],
)
def test_retry_after(number, retry_after, expected, reason):
    """429 and 503 may ask for a wait, in seconds or to a date, up to a cap; other statuses may not."""
    state = failed(error=status(number, retry_after))
    assert (wait(state), state.reason) == (expected, reason)
    assert (state.limited, state.failed) == ((1, 0) if number == 429 else (0, 1))


def test_person_and_retry_after():
    """A person passes the interval, but never a Retry-After."""
    assert person_may_poll(answered(), LIMITS, NOW + MINUTE)
    assert person_may_poll(failed(), LIMITS, NOW + MINUTE)
    state = failed(error=status(429, "60"))
    assert state.retry_after == NOW + MINUTE
    assert not person_may_poll(state, LIMITS, NOW)
    assert not person_may_poll(state, LIMITS, NOW + timedelta(seconds=59))
    assert person_may_poll(state, LIMITS, NOW + MINUTE)
    assert person_may_poll(state, LIMITS, NOW - 30 * DAY)  # the clock was set back
    assert answered(state).retry_after is None


@pytest.mark.parametrize("back", [timedelta(milliseconds=1), HOUR, 23 * HOUR])
def test_a_clock_that_is_set_back_a_little_ends_no_longest_wait(back):
    """The longest wait that is ever set is honoured as well as any other: by the service, and by a person."""
    state = failed(error=status(429, "999999999"))
    assert state.due == NOW + LIMITS.retry_after_ceiling
    assert not is_due(state, LIMITS, NOW - back)
    assert not person_may_poll(state, LIMITS, NOW - back)
    assert not is_due(state, LIMITS, NOW + 7 * DAY - MINUTE)
    assert is_due(state, LIMITS, NOW + 7 * DAY)


def test_a_ceiling_that_was_lowered_counts_from_the_last_poll():
    """A reload that shortens the longest wait polls nobody at once who was polled just now."""
    state = failed(error=status(429, "999999999"))
    lower = replace(LIMITS, retry_after_ceiling=2 * DAY)
    assert due_at(state, lower, NOW + MINUTE) == NOW + 2 * DAY
    assert not person_may_poll(state, lower, NOW + 2 * DAY - MINUTE)
    assert person_may_poll(state, lower, NOW + 2 * DAY)


# moved


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


# clocks, and everything together

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
