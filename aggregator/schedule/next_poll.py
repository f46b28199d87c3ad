"""When to poll a source next, and what to remember of this poll: pure decisions.

Several want a say, and the latest one wins: the interval that follows the feed, ``Cache-Control`` and
``Expires``, the feed's own ``ttl``, its hours and days to skip, ``Retry-After``, the pause after failures.
All stay within the user's bounds. The state that comes out says in words who won.

::

    poll at address_to_poll(state, source), with state.etag and state.last_modified
    ├── an Answer, read and stored   ──►  after_answer(state, bounds, outcome, now, chance)
    └── a SourceError                ──►  after_failure(state, bounds, error, now, chance)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aggregator.display import short
from aggregator.errors import BadStatus, HeldUp, SourceError
from aggregator.model import Answer, Parsed, SourceState
from aggregator.schedule.freshness import (
    SET_BACK,
    PollDelay,
    after_skips,
    at,
    in_words,
    quiet,
    still_fresh,
    wished,
)
from aggregator.settings import FeedSource, Fetching, Source

_POLLS_A_GAP = 10  # between two polls that bring something
_GROWTH = 1.25  # of the interval, with a poll that brings nothing for longer than it usually lasts
_JITTER = 0.1  # of the wait, at most
_LONGEST_JITTER = timedelta(minutes=5)
_DAYS_TO_MOVE = 3  # a redirect is believed to be permanent after as many days
_FAILURES_TO_RETURN = 3  # a new address that fails so often gives way to the configured one
_MOST_DOUBLINGS = 20
_MOST_SHOWN = 16_000  # bytes of digests that stay beside those of a partial answer


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a user allows for one source.

    Attributes:
        every: shortest time between two polls.
        ceiling: longest wait that the service chooses, or takes from what caches are told.
        retry_after_ceiling: longest wait that a server can ask for outright.
    """

    every: timedelta
    ceiling: timedelta
    retry_after_ceiling: timedelta


def bounds(source: FeedSource, fetching: Fetching) -> Bounds:
    """The bounds of a source: never under the floor, unless its host is the user's own."""
    every = source.every if source.i_own_this_host else max(source.every, fetching.floor)
    return Bounds(every, max(fetching.ceiling, every), fetching.retry_after_ceiling)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a poll that was answered.

    Attributes:
        answer: what the server said.
        parsed: what its body gave; None where there was nothing to parse (304, or the same body again).
        gained: how many reports were new.
        shown: digests of its entries, see `normalise.seen_entries`.
        pushed_until: until when a WebSub hub tells us what is new; None where none does.
    """

    answer: Answer
    parsed: Parsed | None = None
    gained: int = 0
    shown: bytes | None = None
    pushed_until: datetime | None = None


def due_at(state: SourceState, limits: Bounds, now: datetime) -> datetime | None:
    """When to poll; a time that is past (or now) means at once, None never."""
    if state.stopped:
        return None
    return now if state.due is None else _believed(state.due, state.polled, _farthest(state, limits), now)


def is_due(state: SourceState, limits: Bounds, now: datetime) -> bool:
    """Whether to poll now."""
    moment = due_at(state, limits, now)
    return moment is not None and moment <= now


def person_may_poll(state: SourceState, limits: Bounds, now: datetime) -> bool:
    """Whether a person may have the source polled before it is due: not against a Retry-After, nor a 410."""
    return not state.stopped and not asked_to_wait(state, limits, now)


def asked_to_wait(state: SourceState, limits: Bounds, now: datetime) -> bool:
    """Whether its server has asked for a time that is not over."""
    asked, longest = state.retry_after, limits.retry_after_ceiling
    return asked is not None and _believed(asked, state.polled, longest, now) > now


def _believed(moment: datetime, polled: datetime | None, longest: timedelta, now: datetime) -> datetime:
    """A moment up to which was to be waited, as far as it can be one.

    None is set further ahead of its poll than the longest wait; if one is, that was shortened since. A poll
    in the future shows a clock that was set back: by a little, and all wait so much longer; or by so much
    that what it had set means nothing.
    """
    if polled is not None and polled <= now:
        return min(moment, polled + longest)
    return moment if moment <= now + longest * SET_BACK else now


def known(states: Mapping[str, SourceState], source: Source) -> SourceState:
    """What is remembered of a source; nothing that was true of another address."""
    return at_address(states.get(source.name) or SourceState(source.name, source.address), source.address)


def at_address(state: SourceState, address: str) -> SourceState:
    """The state for the configured address: at a new one everything but the counts begins anew."""
    if state.address == address:
        return state
    kept = ("polls", "fresh", "unchanged", "limited", "failed", "bytes_received", "bytes_saved")
    counts: dict[str, Any] = {name: getattr(state, name) for name in kept}
    reason = "the address is new" if state.polled else state.reason
    return SourceState(state.name, address, reason=reason, polled=state.polled, gained=state.gained, **counts)


def address_to_poll(state: SourceState, source: FeedSource) -> str:
    """The configured address, or the one that it has moved to for good."""
    if state.address == source.address and state.moved_to and has_moved(state):
        return state.moved_to
    return source.address


def digest(body: bytes) -> bytes:
    """What `SourceState.body_hash` holds of a body."""
    return hashlib.blake2b(body, digest_size=16).digest()


def after_answer(
    state: SourceState, limits: Bounds, outcome: Outcome, now: datetime, chance: float
) -> SourceState:
    """The state after a poll that was answered.

    Args:
        state: the state before it.
        limits: see `bounds`.
        outcome: what came of it.
        now: when the answer was there.
        chance: from 0 up to 1, by which the next poll is put off a little, so that not all come at once.
    """
    answer = outcome.answer
    state = _moved(state, answer, now)
    state = _unchanged(state, answer) if answer.status == 304 else _whole(state, outcome)
    interval = _interval(state, limits, outcome.gained, now)
    state = replace(
        state,
        polled=now,
        succeeded=now,
        gained=now if outcome.gained else state.gained,
        status=answer.status,
        polls=state.polls + 1,
        failures=0,
        error=None,
        hint=None,
        retry_after=None,
        stopped=False,
        interval=interval.total_seconds(),
    )
    often = f"every {in_words(interval)}"
    wishes = [
        PollDelay(
            interval, often if interval <= limits.every else f"{often}, as often as it has something new"
        )
    ]
    if fresh := still_fresh(answer.headers, now):
        wishes.append(fresh.at_most(limits.ceiling))
    if outcome.pushed_until:
        rare = min(limits.ceiling, outcome.pushed_until - now)
        wishes.append(PollDelay(rare, f"a hub tells what is new until {at(outcome.pushed_until)}"))
    return _scheduled(state, limits, wishes, now, chance)


def after_failure(
    state: SourceState,
    limits: Bounds,
    error: SourceError,
    now: datetime,
    chance: float,
    answer: Answer | None = None,
) -> SourceState:
    """The state after a poll that failed: ever slower with each in a row, and given up for a 410 only.

    Where a redirect leads may be gone today and another place tomorrow.

    Args:
        state: the state before it.
        limits: see `bounds`.
        error: what went wrong.
        now: when it did.
        chance: see `after_answer`.
        answer: what the server said, where its body was what failed.
    """
    if isinstance(error, HeldUp):
        return _held_up(state, limits, error, now)
    status = error.status if isinstance(error, BadStatus) else answer.status if answer else None
    limited, gone = status == 429, _is_gone(error, state)
    state = replace(
        state,
        polled=now,
        status=status,
        failures=state.failures + 1,
        error=error.message,
        hint=error.hint,
        retry_after=None,
        polls=state.polls + 1,
        limited=state.limited + limited,
        failed=state.failed + (not limited),
        bytes_received=state.bytes_received + (answer.wire_bytes if answer else 0),
    )
    if gone:
        return replace(state, stopped=True, due=None, reason="410: gone for good, polled no more")
    wishes = [_pause(state, limits)]
    if isinstance(error, BadStatus) and (asked := _asked(error, limits, now)):
        wishes.append(asked)
        state = replace(state, retry_after=now + asked.wait)
    return _scheduled(state, limits, wishes, now, chance)


def _is_gone(error: SourceError, before: SourceState) -> bool:
    """Whether the configured address itself is gone, and not one that it led to."""
    if not isinstance(error, BadStatus) or error.status != 410:
        return False
    return not error.redirected and not has_moved(before)


def _held_up(state: SourceState, limits: Bounds, error: HeldUp, now: datetime) -> SourceState:
    """Nothing failed, and nothing was learnt: it waits with the host that it leads to."""
    return replace(
        state,
        polled=now,
        polls=state.polls + 1,
        due=max(error.until, now + limits.every),
        reason=error.message,
        retry_after=error.until if error.asked else None,
    )


def _scheduled(
    state: SourceState, limits: Bounds, wishes: list[PollDelay], now: datetime, chance: float
) -> SourceState:
    """The state with its due time: the latest of the wishes and the feed's own, a little later by chance."""
    if feed_asks := quiet(state.ttl):
        wishes.append(feed_asks.at_most(limits.ceiling))
    latest = max(wishes, key=lambda wish: wish.wait)  # the first of equals
    later = min(latest.wait * _JITTER, _LONGEST_JITTER) * chance
    wait = min(latest.wait + later, max(limits.ceiling, latest.wait))
    due, words = now + wait, latest.words
    if (open_again := after_skips(due, state.skip_hours, state.skip_days)) > due:
        due = min(open_again + later, now + _farthest(state, limits))
        words = f"feed asks not to be polled before {at(open_again)}"
    if has_moved(state):
        words += f"; moved for good to {short(state.moved_to, 200)}, change the address in the configuration"
    return replace(state, due=due, reason=words)


def _farthest(state: SourceState, limits: Bounds) -> timedelta:
    """No due time is set further ahead; only what is asked for outright goes past the ceiling."""
    if state.retry_after or state.skip_hours or state.skip_days:
        return max(limits.ceiling, limits.retry_after_ceiling)
    return limits.ceiling


def _interval(state: SourceState, limits: Bounds, gained: int, now: datetime) -> timedelta:
    """Often while the feed publishes, ever more seldom while it sleeps.

    It aims at `_POLLS_A_GAP` polls between two that bring something: fewer are late, and more are in vain. So
    each gain moves it half of the way to that part of the gap before, and it grows once the gap is as long as
    so many of its own length.
    """
    if state.interval is None:
        return limits.every
    interval = timedelta(seconds=min(state.interval, limits.ceiling.total_seconds()))
    gap = max(now - state.gained, timedelta(0)) if state.gained else limits.ceiling
    if gained:
        interval = (interval + min(gap / _POLLS_A_GAP, limits.ceiling)) / 2
    elif gap > _POLLS_A_GAP * interval:
        interval *= _GROWTH
    return min(max(interval, limits.every), limits.ceiling)


def _pause(state: SourceState, limits: Bounds) -> PollDelay:
    """Twice as long with each failure in a row; one more for being told that it was too often."""
    start = max(timedelta(seconds=state.interval or 0), limits.every)
    doublings = state.failures - 1 + (state.status == 429)
    wait = min(min(start, limits.ceiling) * 2 ** min(doublings, _MOST_DOUBLINGS), limits.ceiling)
    if state.status == 429:
        return PollDelay(wait, f"429: polled too often, next try in {in_words(wait)}")
    polls = "failed" if state.failures == 1 else f"failing for {state.failures} polls"
    return PollDelay(wait, f"{polls}, next try in {in_words(wait)}")


def _asked(error: BadStatus, limits: Bounds, now: datetime) -> PollDelay | None:
    """What the server asks for outright, on the two statuses that may."""
    wait = wished(error, now, limits.retry_after_ceiling)
    if not wait:
        return None
    return PollDelay(wait, f"{error.status}: asked to wait until {at(now + wait)}")


def _whole(state: SourceState, outcome: Outcome) -> SourceState:
    """After a body came: its validators, and none of a damaged one, so that it comes again."""
    answer, parsed = outcome.answer, outcome.parsed
    partial = answer.status == 226  # only what is new; the validators are those of the whole body
    state = replace(
        state,
        fresh=state.fresh + 1,
        bytes_received=state.bytes_received + answer.wire_bytes,
        bytes_saved=state.bytes_saved + (max(state.body_bytes - answer.wire_bytes, 0) if partial else 0),
        body_bytes=state.body_bytes if partial else answer.wire_bytes,
    )
    if parsed is not None:
        hours, days = _bits(parsed.skip_hours), _bits(parsed.skip_days)
        before = state.shown or b"" if partial else b""
        shown = before[-_MOST_SHOWN:] + (outcome.shown or b"")
        state = replace(state, ttl=parsed.ttl, skip_hours=hours, skip_days=days, shown=shown)
        if parsed.damaged:
            return _without_validators(state)
    return replace(
        state,
        etag=answer.etag,
        last_modified=answer.last_modified,
        answered=answer.url,
        body_hash=digest(answer.body),
    )


def _unchanged(state: SourceState, answer: Answer) -> SourceState:
    """After a 304: newer validators where it brought some."""
    state = replace(state, unchanged=state.unchanged + 1, bytes_saved=state.bytes_saved + state.body_bytes)
    if _page(answer.url) != _page(state.answered or ""):
        # A redirect leads elsewhere than it did: what has not changed there was never seen.
        return _without_validators(state)
    return replace(
        state,
        etag=answer.etag or state.etag,
        last_modified=answer.last_modified or state.last_modified,
    )


def _page(url: str) -> str:
    # Redirects to storage carry a new signature in their query each time.
    return url.partition("?")[0]


def _without_validators(state: SourceState) -> SourceState:
    return replace(state, etag=None, last_modified=None, answered=None, body_hash=None, shown=None)


def _moved(state: SourceState, answer: Answer, now: datetime) -> SourceState:
    """Counts the days on which permanent redirects led to one and the same address."""
    if answer.moved_to is None:
        if has_moved(state) and answer.url == state.moved_to:
            return state  # this was the new address itself
        return replace(state, moved_to=None, moved_since=None, moved_last=None, moved_days=0)
    if answer.moved_to != state.moved_to or state.moved_last is None:
        return replace(state, moved_to=answer.moved_to, moved_since=now, moved_last=now, moved_days=1)
    if now.date() > state.moved_last.date():
        return replace(state, moved_last=now, moved_days=state.moved_days + 1)
    return state


def has_moved(state: SourceState) -> bool:
    """Whether permanent redirects have led to one address for long enough to believe them."""
    enough = state.moved_to is not None and state.moved_days >= _DAYS_TO_MOVE
    return enough and state.failures < _FAILURES_TO_RETURN


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in set(numbers))
