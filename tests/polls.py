"""The state of a source after a poll that was answered, or that failed."""

from datetime import UTC, datetime, timedelta

from aggregator.errors import BadStatus, TooSlow
from aggregator.model import Answer, Parsed, SourceState
from aggregator.schedule.next_poll import Outcome, after_answer, after_failure, bounds
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
