"""When a source that failed is tried again: slower and slower, as it was asked to, or never."""

from dataclasses import replace
from datetime import timedelta

import pytest
from polls import DAY, HOUR, LIMITS, MINUTE, NOW, URL, answered, failed, status, wait

from aggregator.errors import FetchError, ParseError, TooSlow
from aggregator.model import Answer
from aggregator.schedule.next_poll import due_at, is_due, person_may_poll


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
