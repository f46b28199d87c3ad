"""The ticks: whatever happens, the next one comes."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from apscheduler.triggers.date import DateTrigger
from scripted import PATIENCE, Scripted, ticking, wall

from aggregator.errors import StoreBusy, StoreError
from aggregator.poll.poll_result import PollResult
from aggregator.service import jobs as subject
from aggregator.service.jobs import Jobs


def test_only_one_shot_jobs_are_armed():
    """An interval that the clock jumps over would be a list of a million missed runs."""

    async def triggers() -> list[Any]:
        async with ticking(Scripted()) as made:
            return [job.trigger for job in made._scheduler.get_jobs()]

    armed = asyncio.run(triggers())
    assert len(armed) == 8
    assert all(isinstance(trigger, DateTrigger) for trigger in armed)


def test_it_is_alive_when_the_database_has_answered_a_tick():
    """A tick that the database refuses is none; the silence before and between is told."""

    async def silences() -> tuple[Any, ...]:
        pipeline, alive = Scripted(looks=(StoreBusy("locked"),) * 5), Mock()
        made = Jobs(pipeline, wall, alive)
        made.start()
        try:
            await pipeline.until("look", 5)
            refused = made.silence(), alive.call_count
            await pipeline.until("look", 8)
            return refused, made.silence(), alive.call_count
        finally:
            await made.stop()

    refused, silence, calls = asyncio.run(silences())
    assert refused == (None, 0)
    assert silence < timedelta(seconds=PATIENCE)
    assert calls >= 2


def test_ticks_come_again_and_again():
    """Each look, and each try to publish, arms the next."""
    pipeline = Scripted(PollResult("Inbox", new=1))

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("look", 5)
            await pipeline.until("publish", 5)

    asyncio.run(run())
    assert min(pipeline.counts["look"], pipeline.counts["publish"]) >= 5


@pytest.mark.parametrize("raised", [StoreBusy("locked"), StoreError("full"), ZeroDivisionError("a defect")])
def test_a_tick_that_raises_arms_itself_again(raised, caplog):
    """Whether the database refused or nobody foresaw it: it is said, and the next tick comes."""
    pipeline = Scripted(looks=(raised, raised))

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 1)

    asyncio.run(run())
    said = [record for record in caplog.records if str(raised) in record.getMessage()]
    assert len(said) == 2
    assert all(bool(record.exc_info) == isinstance(raised, ZeroDivisionError) for record in said)


@pytest.mark.parametrize("job", ["publish", "prune"])
def test_a_job_that_raises_is_tried_again(job, monkeypatch):
    """A full disk today does not stop publishing for ever."""
    monkeypatch.setattr(subject, "PRUNE_EVERY", timedelta(0))
    pipeline = Scripted()
    real, raised = getattr(pipeline, job), []

    async def fails_twice() -> Any:
        if len(raised) < 2:
            raised.append(StoreError("full"))
            raise raised[-1]
        return await real()

    setattr(pipeline, job, fails_twice)

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until(job, 1)

    asyncio.run(run())
    assert len(raised) == 2


def test_a_clock_that_was_set_back_stops_no_tick():
    """Armed by a clock that was an hour ahead, the tick would come in an hour; the monotonic clock knows."""
    pipeline, ahead = Scripted(), [timedelta(hours=1)]

    def clock() -> datetime:
        return wall() + ahead[0]

    async def run() -> datetime:
        async with ticking(pipeline, clock) as made:
            armed: datetime = made._scheduler.get_job("poll").next_run_time
            ahead[0] = timedelta(0)
            await pipeline.until("look", 3)
            return armed

    assert asyncio.run(run()) > wall() + timedelta(minutes=50)


def test_a_clock_that_jumps_ahead_costs_one_tick():
    """Armed by a clock that stood in 1970, it is late by half a century, and comes once."""
    pipeline, behind = Scripted(), [timedelta(days=20_000)]

    def clock() -> datetime:
        return wall() - behind[0]

    async def run() -> int:
        async with ticking(pipeline, clock) as made:
            behind[0] = timedelta(0)
            await pipeline.until("look", 2)
            return len(made._scheduler.get_jobs())

    assert asyncio.run(run()) <= 8
