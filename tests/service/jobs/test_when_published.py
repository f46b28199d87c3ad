"""When the files are written: at the start, at the end, and whenever something has changed."""

import asyncio
from datetime import timedelta

import pytest
from scripted import Scripted, ticking

from aggregator.errors import FetchError, StoreBusy, StoreError
from aggregator.poll.fulltext import PageResult
from aggregator.poll.poll_result import PollResult
from aggregator.service import jobs as subject


def test_only_what_changed_is_published():
    """Once at the start and once at the end; in between only when reports came."""
    quiet = Scripted(PollResult("Inbox"))

    async def run() -> int:
        async with ticking(quiet):
            await quiet.until("look", 5)
            return quiet.counts["publish"]

    assert asyncio.run(run()) == 1
    assert quiet.counts["publish"] == 2


@pytest.mark.parametrize("failed", [PollResult("Inbox", error=FetchError("no answer")), StoreError("full")])
def test_what_a_failed_poll_has_committed_is_published(failed):
    """It may have gained before it failed; the files are not stale until the next report comes."""
    pipeline = Scripted(failed)

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 1)
            await pipeline.until("publish", 3)

    asyncio.run(run())
    assert pipeline.counts["publish"] >= 3


def test_a_correction_is_published():
    """What a person changed in another process is in the files at the next tick, once."""

    async def go() -> int:
        pipeline = Scripted(looks=(StoreBusy("away"),) * 1000)
        async with ticking(pipeline):
            await pipeline.until("publish", 1)
            pipeline.corrections = [True]
            await pipeline.until("publish", 2)
            return pipeline.counts["poll"]

    assert asyncio.run(go()) == 0


def test_pages_are_read_and_what_they_bring_is_published(caplog, monkeypatch):
    """One line says how many texts came."""
    monkeypatch.setattr(subject, "PAGES_EVERY", timedelta(milliseconds=2))
    pipeline = Scripted()

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("publish", 1)  # as at every start; nothing else brings the second one
            pipeline.readings = [
                PageResult(taken=2, stories=frozenset({1}), failed=("https://a.example/: no",))
            ]
            await pipeline.until("publish", 2)

    with caplog.at_level("DEBUG"):
        asyncio.run(run())
    said = [record.getMessage() for record in caplog.records]
    assert "2 reports with the whole text of the page" in said
    assert "https://a.example/: no" in said
