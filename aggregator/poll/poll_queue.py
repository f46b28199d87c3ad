"""Queue of sources to poll: which are due, which a person may poll now, and which are left alone.

When a feed is due lives in the database, and so do the pauses after a 429, so that a restart polls nothing
early. What a person has paused is polled by nobody, person or not, until they resume it. Folders are looked
into by a clock of this process alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aggregator import metrics
from aggregator.errors import BadStatus, LeftAlone, SourceError
from aggregator.model import Pause, SourceState
from aggregator.schedule import backoff, next_poll
from aggregator.settings import FeedSource, Fetching, FolderSource, Settings, Source
from storage import paused_sources, sources
from storage import pauses as kept_pauses
from storage.database import Database


class PollQueue:
    """What there is to do, and when.

    Args:
        settings: all of them.
        database: open and current.
        clock: the present time, in UTC.

    """

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._next_look: dict[str, datetime] = {}  # into each folder; a restart looks at once
        self._kept: list[Pause] = []  # as the database had them at the last look
        self._told: dict[str, Pause] = {}  # of this process; some are still being written

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings

    def waiting(self) -> list[Source]:
        """The sources to poll now, the one that has waited longest first."""
        now = self._clock()
        self._learn_pauses()
        moments = [(self._due_at(source, state, now), source) for source, state in self._active(now)]
        overdue = [(moment, source) for moment, source in moments if moment is not None and moment <= now]
        return [source for _, source in sorted(overdue, key=lambda pair: pair[0])]

    def allowed(self) -> list[Source]:
        """The sources that a person may have polled now, due or not; pauses that no server asked for end."""
        now = self._clock()
        self.person_comes()
        return [source for source, state in self._active(now) if self._may_poll(source, state, now)]

    def person_comes(self) -> None:
        """Learn of the pauses, and let those end that no server asked for."""
        self._learn_pauses()
        self._kept = [pause for pause in self._kept if pause.asked]
        self._told = {name: pause for name, pause in self._told.items() if pause.asked}

    def asked_to_wait(self, source: FeedSource) -> str | None:
        """Why not even a person has a feed asked now, as its server wishes; None where they may."""
        now, state = self._clock(), self.state(source)
        if pause := self._pause_of(backoff.host(next_poll.address_to_poll(state, source)), now):
            return pause.reason
        return state.reason if next_poll.asked_to_wait(state, self.bounds(source), now) else None

    def next_wait(self) -> timedelta | None:
        """How long until the next source is due; None if all have been given up or paused."""
        now = self._clock()
        moments = [self._due_at(source, state, now) for source, state in self._active(now)]
        return min((moment - now for moment in moments if moment is not None), default=None)

    def state(self, source: Source) -> SourceState:
        """What is remembered of a source."""
        with self._database.reading() as tx:
            return next_poll.known(sources.states(tx, source.name), source)

    def bounds(self, source: FeedSource) -> next_poll.Bounds:
        """What the user allows for a feed."""
        return next_poll.bounds(source, self._settings.fetch)

    def looked(self, source: FolderSource, now: datetime) -> None:
        """A folder is looked into."""
        if source.name in self._next_look:
            metrics.late(now - self._next_look[source.name])
        self._next_look[source.name] = now + source.every

    def admit(self, host: str) -> None:
        """Let a poll go on whose turn has come: others may have been told 429 while it waited.

        Raises:
            LeftAlone: its host is paused.

        """
        if pause := self._pause_of(host, self._clock()):
            raise LeftAlone(pause.reason, until=pause.until, asked=pause.asked)

    async def admitted(self, host: str) -> None:
        """The same for who fetches without a pipeline; raises as `admit` does."""
        self.admit(host)

    def limited(
        self, source: FeedSource, before: SourceState, after: SourceState, error: SourceError, now: datetime
    ) -> Pause | None:
        """The pause that follows, if the error is a 429; keep it together with the state of its source.

        In this process it holds from here on: before the next in the queue of that host has its turn.
        """
        if not isinstance(error, BadStatus) or error.status != 429:
            return None
        neighbours = [
            state
            for other, state in self._states()
            if isinstance(other, FeedSource) and other.name != source.name
            if backoff.host(next_poll.address_to_poll(state, other)) == error.host
        ]
        standing, fetch = self._standing(), self._settings.fetch
        pause = backoff.after_limit(error.host, before, after, neighbours, standing, fetch, now)
        if pause:
            standing = [each for each in self._told.values() if now < each.until]
            self._told = {each.name: each for each in (*standing, pause)}
        return pause

    def _learn_pauses(self) -> None:
        with self._database.reading() as tx:
            self._kept = kept_pauses.standing(tx)

    def _standing(self) -> list[Pause]:
        """Every pause that is known; some may be over."""
        # Two collections, each exchanged as a whole: a tick learns in a thread what the database has.
        return [*self._kept, *self._told.values()]

    def _states(self) -> list[tuple[Source, SourceState]]:
        with self._database.reading() as tx:
            known = sources.states(tx)
        return [(source, next_poll.known(known, source)) for source in self._settings.sources]

    def _active(self, now: datetime) -> list[tuple[Source, SourceState]]:
        """All that no person has paused."""
        with self._database.reading() as tx:
            paused = paused_sources.paused(tx, now)
        return [(source, state) for source, state in self._states() if source.name not in paused]

    def _due_at(self, source: Source, state: SourceState, now: datetime) -> datetime | None:
        if isinstance(source, FolderSource):
            look = self._next_look.get(source.name, now)
            return look if look <= now + source.every else now  # the clock was set back
        moment = next_poll.due_at(state, self.bounds(source), now)
        pause = self._pause_of(backoff.host(next_poll.address_to_poll(state, source)), now)
        return max(moment, pause.until) if moment and pause else moment

    def _may_poll(self, source: Source, state: SourceState, now: datetime) -> bool:
        if isinstance(source, FolderSource):
            return True
        pause = self._pause_of(backoff.host(next_poll.address_to_poll(state, source)), now)
        return not pause and next_poll.person_may_poll(state, self.bounds(source), now)

    def _pause_of(self, host: str, now: datetime) -> Pause | None:
        return backoff.covering(self._standing(), host, self._settings.fetch, now)


def note_other_limit(tx: Any, error: SourceError, whose: str, fetching: Fetching, now: datetime) -> None:
    """Keep the pause that follows where no feed was asked for, if there is one; see `backoff`."""
    pause = backoff.after_other_limit(error, whose, kept_pauses.standing(tx), fetching, now)
    if pause is not None:
        kept_pauses.keep(tx, pause, now)
