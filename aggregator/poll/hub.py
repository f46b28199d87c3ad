"""Our own WebSub hub (W3C Recommendation, 2018): who asks for it is told at once what is new in our feeds.

::

    a reader's server asks  ──►  remembered, and answered 202
    a turn                  ──►  it is asked back ──► echoes the challenge: subscribed until the lease ends
    a feed changes          ──►  sent whole, signed with the subscriber's secret ──► where that fails, later

It is no relay: only the feeds of the configuration can be subscribed to, and only by who answers at the
address that is to be told. Those in private networks are told only where ``websub.hub`` says ``private``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from aggregator import log
from aggregator.display import without_secrets
from aggregator.errors import BadStatus, SourceError
from aggregator.poll.named_feeds import KINDS, channel_at, has_hub, hub_of, links, stories_of, topics
from aggregator.poll.poll_queue import note_other_limit
from aggregator.publish import render
from aggregator.push import message
from aggregator.push.outbox import Write
from aggregator.push.wanted import wait
from aggregator.schedule.freshness import wished
from aggregator.stories.additions import Additions
from storage import hub_subscriptions, meta
from storage.hub_subscriptions import HubSubscription

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.settings import Settings
    from storage.database import Database

EVERY = timedelta(seconds=15)
"""Between two looks at whether a feed has changed."""

_MOST_ASKED = 50  # requests that wait to be asked back
_MOST = 500  # subscriptions
_LONGEST_ADDRESS = 2000
_WHOSE = "a subscriber of our feeds"  # whose 429 it was, for people
_LONGEST_SECRET = 200  # bytes, by the standard
_LEASE, _SHORTEST_LEASE, _LONGEST_LEASE = timedelta(days=10), timedelta(hours=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody says that a callback wants.

    Attributes:
        mode: ``subscribe`` or ``unsubscribe``.
        topic: address of one of our feeds.
        callback: where to tell.
        secret: signs what is sent; None: it is not signed.
        lease: for how long.

    """

    mode: str
    topic: str
    callback: str
    secret: str | None
    lease: timedelta


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A feed as it is sent."""

    body: bytes
    headers: dict[str, str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class Hub:
    """Confirms subscriptions, and sends feeds that have changed; for one event loop.

    Args:
        settings: all of them.
        database: is read.
        fetcher: the door to the network.
        write: does work in a transaction.
        clock: the present time.
        intents: what waits to be asked back; it outlives a reload.

    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        fetcher: Fetcher,
        write: Write,
        clock: Callable[[], datetime],
        intents: deque[Intent],
    ) -> None:
        self._settings, self._database, self._fetcher = settings, database, fetcher
        self._write, self._clock, self._intents = write, clock, intents
        self._private = settings.websub.hub == "private"
        self._additions = Additions()
        self._next = clock()

    def ask(self, form: Mapping[str, str]) -> str | None:
        """Take a request; what is wrong with it, None where it is going to be asked back."""
        try:
            intent = _intent(form, topics(self._settings))
        except ValueError as error:
            return str(error)
        if intent not in self._intents:
            self._intents.append(intent)
        return None

    def reached_by(self, path: str) -> bool:
        """Whether this is our present address, by its end."""
        ours = hub_of(self._settings, self._database) or ""
        return bool(ours) and hmac.compare_digest(ours.rpartition("/")[2], path)

    @property
    def full(self) -> bool:
        """Whether no more requests can be taken at the moment."""
        return len(self._intents) >= _MOST_ASKED

    async def turn(self, admit: Admit) -> int:
        """Ask back, and send what is new; how many were told.

        Args:
            admit: is asked before each request whether this host may be asked now.

        Raises:
            StoreError: the database refused; a later turn goes on.

        """
        if not has_hub(self._settings):
            return 0
        if await asyncio.to_thread(hub_of, self._settings, self._database) is None:
            await self._write(lambda tx: meta.keep(tx, meta.HUB, secrets.token_hex(16)))
        asked = list(self._intents)
        await asyncio.gather(*(self._ask_back(intent, admit) for intent in asked))
        for _ in asked:
            self._intents.popleft()
        now = self._clock()
        if not asked and self._next - EVERY <= now < self._next:
            return 0
        self._next = now + EVERY
        return await self._send_what_is_new(admit, now)

    async def _ask_back(self, intent: Intent, admit: Admit) -> None:
        """Confirm that the callback wants it, by a challenge that it has to echo."""
        challenge = secrets.token_urlsafe(32)
        asked = {"hub.mode": intent.mode, "hub.topic": intent.topic, "hub.challenge": challenge}
        if intent.mode == "subscribe":
            asked["hub.lease_seconds"] = str(int(intent.lease.total_seconds()))
        glue = "&" if urlsplit(intent.callback).query else "?"
        try:
            answer = await self._fetcher.get(
                f"{intent.callback}{glue}{urlencode(asked)}",
                accept="*/*",
                allow_private=self._private,
                admit=admit,
                doubtful=True,  # nobody knows yet who it is
            )
        except SourceError as error:
            log.info("hub.not_confirmed", str(error), callback=without_secrets(intent.callback))
            note = partial(note_other_limit, error=error, whose=_WHOSE, fetching=self._settings.fetch)
            await self._write(partial(note, now=self._clock()))
            return
        if not hmac.compare_digest(answer.body.strip(), challenge.encode()):
            log.info("hub.not_confirmed", "another answer", callback=without_secrets(intent.callback))
            return
        await self._write(lambda tx: self._confirm(tx, intent))

    def _confirm(self, tx: Any, intent: Intent) -> None:
        now = self._clock()
        if intent.mode == "unsubscribe":
            hub_subscriptions.drop(tx, intent.topic, intent.callback)
            return
        hub_subscriptions.drop_ended(tx, now)
        known = {(each.topic, each.callback): each for each in hub_subscriptions.standing(tx, now)}
        before = known.get((intent.topic, intent.callback))
        if before is None and len(known) >= _MOST:
            log.warning(
                "hub.full", f"there are {_MOST} subscriptions", callback=without_secrets(intent.callback)
            )
            return
        sent = before.sent if before else None
        until = now + intent.lease
        hub_subscriptions.put(
            tx, HubSubscription(intent.topic, intent.callback, intent.secret, until, now, sent=sent)
        )

    async def _send_what_is_new(self, admit: Admit, now: datetime) -> int:
        """Send each feed that has changed to who has not got it as it is."""
        rendered = await asyncio.to_thread(self._rendered, now)
        sends = [self._send(each, feed, admit) for feed, ready in rendered for each in ready]
        return sum(await asyncio.gather(*sends))

    def _rendered(self, now: datetime) -> list[tuple[_Rendered, list[HubSubscription]]]:
        """Each feed that somebody waits for, and for whom it is something else than what they have got."""
        address, offered = hub_of(self._settings, self._database), topics(self._settings)
        with self._database.reading() as tx:
            standing = [each for each in hub_subscriptions.standing(tx, now) if each.due <= now]
        found = []
        for topic in dict.fromkeys(each.topic for each in standing if each.topic in offered):
            feed, kind = offered[topic]
            path = f"/feeds/{feed.name}.{kind}"
            about = channel_at(self._settings, feed, path, self._database.uuid, address)
            body = render(kind, about, self._additions(stories_of(self._database, feed)))
            made = _Rendered(body, {"Content-Type": KINDS[kind]} | links(about))
            digest = made.digest
            found.append((made, [each for each in standing if each.topic == topic and each.sent != digest]))
        return found

    async def _send(self, to: HubSubscription, feed: _Rendered, admit: Admit) -> bool:
        """Send a feed; whether it was taken."""
        signed = {"X-Hub-Signature": message.signature(to.secret, feed.body)} if to.secret else {}
        try:
            await self._fetcher.post(
                to.callback,
                feed.body,
                headers=feed.headers | signed,
                allow_private=self._private,
                admit=admit,
            )
        except SourceError as error:
            await self._failed(to, error)
            return False
        done = replace(to, due=self._clock(), tries=0, sent=feed.digest)
        await self._write(lambda tx: hub_subscriptions.put(tx, done))
        return True

    async def _failed(self, to: HubSubscription, error: SourceError) -> None:
        """Put a subscriber off, for as long as it asks for; who says that it is gone wants no more."""
        if isinstance(error, BadStatus) and error.status == 410:
            await self._write(lambda tx: hub_subscriptions.drop(tx, to.topic, to.callback))
            return
        log.info("hub.failed", str(error), callback=without_secrets(to.callback))
        now, limits = self._clock(), self._settings.fetch
        pause = max(wait(to.tries), wished(error, now, limits.retry_after_ceiling))
        later = replace(to, due=now + pause, tries=to.tries + 1)

        def note(tx: Any) -> None:
            hub_subscriptions.put(tx, later)
            note_other_limit(tx, error, _WHOSE, limits, now)

        await self._write(note)


def _intent(form: Mapping[str, str], offered: Mapping[str, object]) -> Intent:
    """What a form asks for.

    Raises:
        ValueError: it asks for nothing that can be had, and why.

    """
    mode, topic, callback = (form.get(f"hub.{name}", "") for name in ("mode", "topic", "callback"))
    secret, lease = form.get("hub.secret", ""), form.get("hub.lease_seconds", "")
    if mode not in ("subscribe", "unsubscribe"):
        raise ValueError("hub.mode is subscribe or unsubscribe; we tell by ourselves what is new")
    if topic not in offered:
        raise ValueError("hub.topic is none of the feeds here, as their rel=self names them")
    if not _may_be_told(callback):
        raise ValueError("hub.callback is no address of http or https, without a name and a password in it")
    if len(secret.encode()) > _LONGEST_SECRET:
        raise ValueError(f"hub.secret is longer than {_LONGEST_SECRET} bytes")
    if lease and not (lease.isascii() and lease.isdecimal() and len(lease) <= 12):
        raise ValueError("hub.lease_seconds is no number of seconds")
    wished = timedelta(seconds=min(int(lease), 10**8)) if lease else _LEASE
    bounded = min(max(wished, _SHORTEST_LEASE), _LONGEST_LEASE)
    return Intent(mode, topic, callback, secret or None, bounded)


def _may_be_told(callback: str) -> bool:
    try:
        parts = urlsplit(callback)
        named = parts.hostname and parts.username is None and not parts.fragment
    except ValueError:
        return False
    clean = callback.isascii() and callback.isprintable() and " " not in callback
    return bool(named and clean and parts.scheme in ("http", "https") and len(callback) <= _LONGEST_ADDRESS)
