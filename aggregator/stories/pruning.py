"""Forget what is old, in many small transactions between those of the polls; `retention` decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from aggregator.settings import Settings
from aggregator.stories import retention_policy
from storage import retention, sketches, sources

STEP = 200
"""Reports, files or stories that are looked at in one transaction."""

MembershipRecord = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much one turn has let go of."""

    texts: int = 0
    files: int = 0
    stories: int = 0


async def prune(
    write: Callable[[Callable[[Any], Any]], Awaitable[Any]], settings: Settings, now: datetime
) -> Pruned:
    """One turn of forgetting.

    Args:
        write: does work in a transaction of its own.
        settings: how long things are kept.
        now: the present time.

    """
    before: retention_policy.Horizon = await write(lambda tx: _turn(tx, settings, now))
    await write(lambda tx: sketches.prune_bands(tx, before.index))
    texts = await _to_the_end(write, lambda tx: retention.texts(tx, before.texts, now, STEP))
    files = await _to_the_end(write, lambda tx: retention.ledger(tx, before.stories, STEP))
    gone = 0
    place: MembershipRecord | None = None
    while True:
        step, place = await write(partial(_stories, before=before.stories, after=place))
        gone += step
        if place is None:
            break
    while await write(retention.give_back):
        pass
    return Pruned(texts, files, gone)


async def _to_the_end(
    write: Callable[[Callable[[Any], Any]], Awaitable[Any]], step: Callable[[Any], int]
) -> int:
    total = done = await write(step)
    while done == STEP:
        done = await write(step)
        total += done
    return int(total)


def _turn(tx: Any, settings: Settings, now: datetime) -> retention_policy.Horizon:
    """What is old enough, now that the time of forgetting has made its turn."""
    mark = retention_policy.turned(retention.mark(tx), now)
    retention.keep_mark(tx, mark)
    return retention_policy.horizon(settings, mark, now)


def _stories(
    tx: Any, before: datetime, after: MembershipRecord | None
) -> tuple[int, MembershipRecord | None]:
    """Some of the old stories: those that no source shows any more; how many, and the last one looked at."""
    old = retention.old_stories(tx, before, after, STEP)
    gained = {name: state.gained for name, state in sources.states(tx).items()}
    gone = [story.id for story in old if not retention_policy.still_shown(story.sightings, gained, before)]
    retention.stories(tx, gone)
    return len(gone), (old[-1].updated, old[-1].id) if len(old) == STEP else None
