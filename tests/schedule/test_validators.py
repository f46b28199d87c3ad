"""What is remembered of a body, so that it need not be sent again, and when it is forgotten."""

from polls import LIMITS, NEW, NOW, URL, answered, failed, status, unchanged

from aggregator.model import Parsed
from aggregator.schedule.next_poll import at_address, digest, is_due


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
