"""Status of each source: its configuration, its stored state and its statistics in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aggregator.display import without_secrets
from aggregator.model import Pause, SourceState
from aggregator.schedule import backoff, next_poll, silence
from aggregator.schedule.freshness import at, in_words
from aggregator.schedule.silence import Silence
from aggregator.settings import FeedSource, Fetching, FolderSource, Settings, Source
from storage import paused_sources, source_stats, sources
from storage import pauses as kept_pauses
from storage.paused_sources import PausedSource
from storage.source_stats import SourceStats


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source fares.

    Attributes:
        source: its configuration.
        state: what is remembered of it.
        condition: in a word: ``new``, ``good``, ``failing``, ``paused`` (by a person, or its host is left
            alone after a 429), ``stopped``, ``moved`` or ``silent``.
        next_poll: when it is polled next, now or later; None for a folder and for what is polled no more.
        why: why then.
        stats: what it gave.
        silence: set where it is silent for longer than it ever is.
        paused: what a person said, where they have paused it.

    """

    source: Source
    state: SourceState
    condition: str
    next_poll: datetime | None
    why: str
    stats: SourceStats
    silence: Silence | None
    paused: PausedSource | None = None

    @property
    def told_share(self) -> float | None:
        """The share of its reports that others had told before, in [0, 1]; None where it gave none."""
        return self.stats.told / self.stats.reports if self.stats.reports else None

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
        return without_secrets(state.moved_to) if state.moved_to and next_poll.has_moved(state) else None

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
            "reports": self.stats.reports,
            "stories": self.stats.stories,
            "told_before": self.stats.told,
            "told_before_share": None if self.told_share is None else round(self.told_share, 4),
            "error": state.error,
            "remedy": state.hint,
            "moved_to": self.moved_to,
            "silence": str(self.silence) if self.silence else None,
        }


def source_statuses(
    tx: Any,
    settings: Settings,
    now: datetime,
    name: str | None = None,
    given: Mapping[str, SourceStats] | None = None,
) -> list[SourceStatus]:
    """How each configured source fares, or the one of this name; in the order of the configuration.

    Args:
        tx: an open transaction.
        settings: all of them.
        now: the present time.
        name: of a source.
        given: what each has given, where that was counted before.

    """
    counts = source_stats.stats_by_source(tx, name) if given is None else given
    states = sources.states(tx)
    standing = kept_pauses.standing(tx)
    paused = paused_sources.paused(tx, now)
    found: list[SourceStatus] = []
    for source in settings.sources:
        if name in (None, source.name):
            state, stats = next_poll.known(states, source), counts.get(source.name, SourceStats())
            moments = source_stats.moments(tx, source.name, silence.MOMENTS)
            if isinstance(source, FolderSource):
                status = _of_folder(source, state, stats, moments, now)
            else:
                status = _of_feed(source, state, stats, moments, standing, settings.fetch, now)
            found.append(_as_paused(status, paused[source.name]) if source.name in paused else status)
    return found


def _of_folder(
    source: FolderSource, state: SourceState, given: SourceStats, moments: Sequence[datetime], now: datetime
) -> SourceStatus:
    silent = None if state.error else silence.unusual(moments, now)  # each look is an answer; few are kept
    why = f"a folder is looked into every {in_words(source.every)}"
    condition = "new" if state.polled is None else _condition(state, silent)
    return SourceStatus(source, state, condition, None, why, given, silent)


def _of_feed(
    source: FeedSource,
    state: SourceState,
    given: SourceStats,
    moments: Sequence[datetime],
    standing: Sequence[Pause],
    fetching: Fetching,
    now: datetime,
) -> SourceStatus:
    silent = silence.unusual(moments, state.succeeded)
    condition = "new" if state.polled is None else _condition(state, silent)
    moment, why = _next(source, state, fetching, now)
    pause = backoff.covering(standing, backoff.host(next_poll.address_to_poll(state, source)), fetching, now)
    if pause and moment and pause.until > moment:
        moment, why = pause.until, pause.reason
        condition = condition if state.error else "paused"
    return SourceStatus(source, state, condition, moment, why, given, silent)


def _as_paused(status: SourceStatus, said: PausedSource) -> SourceStatus:
    """A person's word counts more than what a poll has left behind."""
    until = f"until {at(said.until)}" if said.until else "until it is resumed"
    why = f"paused by a person {until}"
    return replace(status, condition="paused", next_poll=said.until, why=why, silence=None, paused=said)


def _next(
    source: FeedSource, state: SourceState, fetching: Fetching, now: datetime
) -> tuple[datetime | None, str]:
    moment = next_poll.due_at(state, next_poll.bounds(source, fetching), now)
    if moment is not None and state.due is not None and moment < state.due:
        return moment, "due later than any that is set now: the clock was wrong then, or the ceiling higher"
    return (None if moment is None else max(moment, now)), state.reason


def _condition(state: SourceState, silent: Silence | None) -> str:
    if state.stopped:
        return "stopped"
    if state.error:
        return "failing"
    if next_poll.has_moved(state):
        return "moved"
    return "silent" if silent else "good"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
