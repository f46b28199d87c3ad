"""Keeps what is to be told to whom, sends it in order, and tries again.

A story is queued for a target when it first fits, in a transaction; it ends when it was taken, or after a day
of failures. A kill between the two tells twice at the most, never nothing: that is what the id is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from aggregator import log
from aggregator.display import counted
from aggregator.errors import AggregatorError
from aggregator.fetch.fetcher import Fetcher
from aggregator.model import Story
from aggregator.push import message
from aggregator.push.wanted import PATIENCE, due, is_wanted, wait
from aggregator.settings import Settings, Target
from storage import deliveries, meta, stories
from storage.database import Database
from storage.deliveries import Delivery

_LOADED = 100  # stories at a time
_OVERLAP = timedelta(minutes=2)  # of two looks: what began first may be written last
_AT_ONCE = 500  # deliveries that are looked at in one step
_DIGEST = 100  # stories in an e-mail; the rest comes in the next

Write = Callable[[Callable[[Any], Any]], Awaitable[Any]]


class Outbox:
    """What is told to whom.

    Args:
        settings: the targets, and how mail is sent.
        database: is read.
        fetcher: posts to webhooks.
        write: does work in a transaction.
        clock: the present time.

    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        fetcher: Fetcher,
        write: Write,
        clock: Callable[[], datetime],
    ) -> None:
        self._targets = {target.name: target for target in settings.push.targets}
        self._mail, self._public = settings.push.mail, settings.serve.public_url
        self._database, self._fetcher, self._write, self._clock = database, fetcher, write, clock
        self.failed: dict[str, str] = {}
        """What went wrong with each target that could not be told at the last turn."""
        self._seen: dict[int, datetime] = {}  # at the last look: when each story that was new then had gained

    async def turn(self) -> int:
        """Queue what has come to fit, and send what is due; how many stories were told.

        Raises:
            StoreError: the database refused; nothing is lost.

        """
        self.failed = {}
        if not self._targets:
            return 0
        fitting, until = await asyncio.to_thread(self._fitting)
        if until is not None:
            await self._write(lambda tx: self._queue(tx, fitting, until))
        told = 0
        for target, waiting in await asyncio.to_thread(self._due):
            told += await self._tell(target, waiting)
        return told

    def _fitting(self) -> tuple[dict[str, list[int]], datetime | None]:
        """The stories that fit each target, of those that have gained something since the last look.

        And when the newest of them did, None where there is none. A first look begins now.
        """
        found: dict[str, list[int]] = {name: [] for name in self._targets}
        with self._database.reading() as tx:
            last = meta.read(tx, meta.PUSHED)
            if last is None:
                return found, self._clock()
            updated = stories.updated_since(tx, datetime.fromisoformat(last) - _OVERLAP)
            fresh = [story for story, at in updated.items() if self._seen.get(story) != at]
            for start in range(0, len(fresh), _LOADED):
                for story in stories.load(tx, fresh[start : start + _LOADED], self._database.uuid):
                    for name, target in self._targets.items():
                        if is_wanted(target, story):
                            found[name].append(story.id)
        self._seen = updated
        return found, max(updated.values(), default=None) if fresh else None

    def _queue(self, tx: Any, fitting: Mapping[str, Sequence[int]], until: datetime) -> None:
        now = self._clock()
        for name, ids in fitting.items():
            deliveries.queue(tx, name, ids, now, due(self._targets[name], now))
        meta.keep(tx, meta.PUSHED, until.isoformat())

    def _due(self) -> list[tuple[Target, list[Delivery]]]:
        """For each target what is to be sent now, in order: the first that waits holds up the rest."""
        with self._database.reading() as tx:
            waiting = deliveries.waiting(tx, _AT_ONCE)
        return list(self._first(waiting))

    def _first(self, waiting: Sequence[Delivery]) -> Iterator[tuple[Target, list[Delivery]]]:
        now = self._clock()
        by_target = sorted(waiting, key=lambda each: (each.target, each.id))
        for name, listed in groupby(by_target, key=lambda each: each.target):
            queue = list(listed)
            if name in self._targets and queue[0].due <= now:
                ready = [each for each in queue if each.due <= now]
                yield self._targets[name], ready[:_DIGEST]

    async def _tell(self, target: Target, waiting: Sequence[Delivery]) -> int:
        """Send to one target, in order, until it is done or fails."""
        batches = [waiting] if target.at else [[each] for each in waiting]
        told = 0
        for batch in batches:
            ids = [each.id for each in batch]
            found = await asyncio.to_thread(self._stories, [each.story_id for each in batch])
            try:
                if found:
                    await self._send(target, found)
            except AggregatorError as error:
                await self._failed(target, batch, error)
                break
            await self._write(partial(deliveries.end, ids=ids, now=self._clock()))
            told += len(found)
        return told

    async def _failed(self, target: Target, batch: Sequence[Delivery], error: AggregatorError) -> None:
        now, ids, said = self._clock(), [each.id for each in batch], str(error)
        self.failed[target.name] = said
        if now - batch[0].queued > PATIENCE:
            log.error("push.given_up", f"{counted(len(ids), 'story', 'stories')}: {said}", target=target.name)
            await self._write(lambda tx: deliveries.end(tx, ids, now, said))
            return
        log.warning("push.failed", said, target=target.name)
        again = now + wait(batch[0].tries)
        await self._write(lambda tx: deliveries.put_off(tx, ids, again, said))

    def _stories(self, ids: Sequence[int]) -> list[Story]:
        with self._database.reading() as tx:
            standing = dict.fromkeys(filter(None, (stories.resolve(tx, story) for story in ids)))
            return stories.load(tx, list(standing), self._database.uuid)

    async def _send(self, target: Target, found: Sequence[Story]) -> None:
        if target.webhook:
            for story in found:
                await self._post(target, story)
            return
        from aggregator.push import mail, notify  # noqa: PLC0415 - only who is told so needs them

        pages = [self._page(story) for story in found]
        subject, text = message.subject(found), message.as_text(found, pages)
        if target.notify:
            await asyncio.to_thread(notify.send, target.notify, subject, text)
            return
        html = message.as_html(found, pages)
        made = mail.composed(self._mail, target.email, subject, text, html, self._clock())
        await asyncio.to_thread(mail.send, self._mail, made)

    async def _post(self, target: Target, story: Story) -> None:
        body = message.as_json(story, self._page(story))
        headers = {"Content-Type": "application/json", "X-Aggregator-Delivery": story.uuid}
        if target.secret:
            headers[message.SIGNATURE] = message.signature(target.secret, body)
        await self._fetcher.post(
            target.webhook or "", body, headers=headers, allow_private=target.allow_private
        )

    def _page(self, story: Story) -> str | None:
        return f"{self._public}/stories/{story.id}" if self._public else None
