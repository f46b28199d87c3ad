"""How each source fares: put together from the configuration, what is remembered of it, and what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator.intake import due, pauses, silence
from aggregator.intake.freshness import in_words
from aggregator.intake.silence import Silence
from aggregator.model import Pause, SourceState
from aggregator.settings import FeedSource, Fetching, FolderSource, Settings, Source
from aggregator.shown import without_secrets
from storage import giving, sources
from storage import pauses as kept_pauses
from storage.giving import Giving


@dataclass(frozen=True, slots=True)
class Overview:
    """How a source fares.

    Attributes:
        source: its configuration.
        state: what is remembered of it.
        condition: in a word: ``new``, ``good``, ``failing``, ``paused`` (its host is left alone after a 429),
            ``stopped``, ``moved`` or ``silent``.
        next_poll: when it is polled next, now or later; None for a folder and for what is polled no more.
        why: why then.
        giving: what it gave.
        silence: set where it is silent for longer than it ever is.

    """

    source: Source
    state: SourceState
    condition: str
    next_poll: datetime | None
    why: str
    giving: Giving
    silence: Silence | None

    @property
    def told_share(self) -> float | None:
        """The share of its reports that others had told before, in [0, 1]; None where it gave none."""
        return self.giving.told / self.giving.reports if self.giving.reports else None

    @property
    def troubles(self) -> list[str]:
        """What a person should know, each with its remedy."""
        state, found = self.state, []
        if state.error:
            found.append(f"{state.error} ({state.hint})" if state.hint else state.error)
        if self.condition == "moved":
            found.append(f"moved for good to {self.moved_to}; change the address in the configuration")
        if self.silence:
            found.append(str(self.silence))
        return found

    @property
    def moved_to(self) -> str | None:
        """Where it has moved to for good."""
        state = self.state
        return without_secrets(state.moved_to) if state.moved_to and due.has_moved(state) else None

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; times in UTC, sizes in bytes."""
        state = self.state
        return {
            "source": self.source.name,
            "kind": "folder" if isinstance(self.source, FolderSource) else "feed",
            "address": without_secrets(self.source.address),
            "state": self.condition,
            "polled": _iso(state.polled),
            "status": state.status,
            "succeeded": _iso(state.succeeded),
            "gained": _iso(state.gained),
            "next_poll": _iso(self.next_poll),
            "why": self.why,
            "polls": state.polls,
            "answers": {
                "200": state.fresh,
                "304": state.unchanged,
                "429": state.limited,
                "failed": state.failed,
            },
            "failures_in_a_row": state.failures,
            "bytes_received": state.bytes_received,
            "bytes_saved": state.bytes_saved,
            "reports": self.giving.reports,
            "stories": self.giving.stories,
            "told_before": self.giving.told,
            "told_before_share": None if self.told_share is None else round(self.told_share, 4),
            "error": state.error,
            "remedy": state.hint,
            "moved_to": self.moved_to,
            "silence": str(self.silence) if self.silence else None,
        }


def overviews(tx: Any, settings: Settings, now: datetime, name: str | None = None) -> list[Overview]:
    """How each configured source fares, or the one of this name; in the order of the configuration.

    Args:
        tx: an open transaction.
        settings: all of them.
        now: the present time.
        name: of a source.

    """
    states, givings = sources.states(tx), giving.givings(tx, name)
    standing = kept_pauses.standing(tx)
    found = []
    for source in settings.sources:
        if name in (None, source.name):
            state, given = due.known(states, source), givings.get(source.name, Giving())
            moments = giving.moments(tx, source.name, silence.MOMENTS)
            if isinstance(source, FolderSource):
                found.append(_of_folder(source, state, given, moments, now))
            else:
                found.append(_of_feed(source, state, given, moments, standing, settings.fetch, now))
    return found


def _of_folder(
    source: FolderSource, state: SourceState, given: Giving, moments: Sequence[datetime], now: datetime
) -> Overview:
    silent = None if state.error else silence.unusual(moments, now)  # each look is an answer; few are kept
    why = f"a folder is looked into every {in_words(source.every)}"
    condition = "new" if state.polled is None else _condition(state, silent)
    return Overview(source, state, condition, None, why, given, silent)


def _of_feed(
    source: FeedSource,
    state: SourceState,
    given: Giving,
    moments: Sequence[datetime],
    standing: Sequence[Pause],
    fetching: Fetching,
    now: datetime,
) -> Overview:
    silent = silence.unusual(moments, state.succeeded)
    condition = "new" if state.polled is None else _condition(state, silent)
    next_poll, why = _next(source, state, fetching, now)
    pause = pauses.covering(standing, pauses.host(due.address_to_poll(state, source)), fetching, now)
    if pause and next_poll and pause.until > next_poll:
        next_poll, why = pause.until, pause.reason
        condition = condition if state.error else "paused"
    return Overview(source, state, condition, next_poll, why, given, silent)


def _next(
    source: FeedSource, state: SourceState, fetching: Fetching, now: datetime
) -> tuple[datetime | None, str]:
    moment = due.due_at(state, due.bounds(source, fetching), now)
    if moment is not None and state.due is not None and moment < state.due:
        return moment, "due later than any that is set now: the clock was wrong then, or the ceiling higher"
    return (None if moment is None else max(moment, now)), state.reason


def _condition(state: SourceState, silent: Silence | None) -> str:
    if state.stopped:
        return "stopped"
    if state.error:
        return "failing"
    if due.has_moved(state):
        return "moved"
    return "silent" if silent else "good"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
