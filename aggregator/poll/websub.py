"""Subscriptions at the hubs that feeds name, so that what is new comes by itself.

::

    a poll finds a hub      ──►  a subscription is wanted, with an address of ours and a secret
    the hub is asked        ──►  it asks back ──► confirmed: polled rarely while the lease lasts
    what the hub sends      ──►  signed? ──► the way of every body: parse, normalise, link

Only where ``websub.callback`` says under which public address this service is reached. A hub that falls
silent costs nothing: the lease ends, and the feed is polled as before.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.errors import SourceError
from aggregator.poll.poll_queue import note_other_limit
from aggregator.schedule import websub
from aggregator.schedule.freshness import wished
from aggregator.settings import FeedSource, Settings
from storage import paused_sources, subscriptions
from storage.subscriptions import Subscription

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.model import Answer, Parsed
    from storage.database import Database

Commit = Callable[[Callable[[Any], Any]], Coroutine[Any, Any, Any]]


class Hubs:
    """Subscribes, and knows whom to believe; for one event loop.

    Args:
        settings: all of them.
        database: open and current.
        fetcher: the door to the network.
        commit: writes, one transaction at a time.
        clock: the present time, in UTC.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        fetcher: Fetcher,
        commit: Commit,
        clock: Callable[[], datetime],
    ) -> None:
        feeds = [source for source in settings.sources if isinstance(source, FeedSource)]
        self._sources = {source.name: source for source in feeds}
        self._callback = settings.websub.callback if settings.serve.enabled else None
        self._limits = settings.fetch
        self._database = database
        self._fetcher = fetcher
        self._commit = commit
        self._clock = clock

    @property
    def largest(self) -> int:
        """Bytes of the longest body that a hub may send: as long as a feed may be."""
        return self._limits.max_body_bytes

    def learn(
        self, tx: Any, source: str, answer: Answer, parsed: Parsed | None, now: datetime
    ) -> datetime | None:
        """Note the hub that an answer names, in the open transaction; until when one tells us what is new."""
        if self._callback is None:
            return None
        known = subscriptions.of(tx, source)
        if parsed is not None and not parsed.damaged:
            known = _follow(tx, source, known, websub.offer(answer, parsed), now)
        return known.until if known and known.until and known.until > now else None

    def due(self) -> list[Subscription]:
        """The subscriptions to ask for, or to renew, now."""
        if self._callback is None:
            return []
        with self._database.reading() as tx:
            return [each for each in subscriptions.due(tx, self._clock()) if each.source in self._sources]

    async def ask(self, wanted: Subscription, admit: Admit) -> SourceError | None:
        """Ask a hub; what went wrong, if something did. It asks back later.

        Raises:
            StoreError: the database refused.
        """
        form = websub.request(wanted.topic, f"{self._callback}/{wanted.token}", wanted.secret)
        private = self._sources[wanted.source].allow_private
        now = self._clock()
        again = websub.after_request(wanted.tries, now)
        # Before it is asked: it may ask back at once.
        await self._commit(lambda tx: subscriptions.asked(tx, wanted.token, now, again, "asked"))
        try:
            await self._fetcher.post(wanted.hub, form, allow_private=private, admit=admit)
        except SourceError as error:
            await self._put_off(wanted, error, again)
            return error
        return None

    async def _put_off(self, wanted: Subscription, error: SourceError, again: datetime) -> None:
        """Note a failure, and leave the hub alone for as long as it asks for."""
        now, limits, said = self._clock(), self._limits, str(error)
        later = max(again, now + wished(error, now, limits.retry_after_ceiling))

        def note(tx: Any) -> None:
            subscriptions.told(tx, wanted.token, said, later)
            note_other_limit(tx, error, wanted.source, limits, now)

        await self._commit(note)

    async def known(self, token: str) -> Subscription | None:
        """The subscription whose address of ours ends so.

        Raises:
            StoreError: the database refused.
        """
        if self._callback is None:
            return None
        # In a thread: anybody may ask, and a database that is away would hold up everything.
        found = await asyncio.to_thread(self._look_up, token)
        return found if found and found.source in self._sources else None

    async def verify(self, token: str, query: Mapping[str, str]) -> str | None:
        """What to answer to a hub that asks back, or says no; None where it has no business with us.

        Raises:
            StoreError: the database refused.
        """
        subscription, now = await self.known(token), self._clock()
        if subscription is None:
            return None
        if said := websub.denied(query, subscription.topic):
            again = websub.after_request(10, now)
            await self._commit(lambda tx: subscriptions.refused(tx, token, again, said))
            return ""
        answer = websub.challenge(query, subscription.topic, subscription.asked, now)
        if answer is not None:
            until, renew = websub.lease(query, now)
            await self._commit(lambda tx: subscriptions.confirmed(tx, token, until, renew))
        return answer

    async def sender(self, token: str, body: bytes, signature: str | None) -> FeedSource | None:
        """The source that a body is of; None where nobody has signed it who may, or where it is paused.

        Raises:
            StoreError: the database refused.
        """
        subscription = await self.known(token)
        if subscription is None or not websub.authentic(body, signature, subscription.secret):
            return None
        if await asyncio.to_thread(self._paused, subscription.source):
            return None
        return self._sources[subscription.source]

    def _paused(self, source: str) -> bool:
        with self._database.reading() as tx:
            return source in paused_sources.paused(tx, self._clock())

    def _look_up(self, token: str) -> Subscription | None:
        with self._database.reading() as tx:
            return subscriptions.by_token(tx, token)


def _follow(
    tx: Any, source: str, known: Subscription | None, offered: websub.Offer | None, now: datetime
) -> Subscription | None:
    """The subscription after a feed has said which hub it has, or that it has none."""
    if offered is None:
        if known:
            subscriptions.end(tx, source)
        return None
    if known and (known.hub, known.topic) == (offered.hub, offered.topic):
        return known
    token, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    wanted = Subscription(source, offered.hub, offered.topic, token, secret, now)
    subscriptions.begin(tx, wanted)
    return wanted
