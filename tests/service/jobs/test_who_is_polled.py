"""Who is polled at a tick, who is put off, and what is said of it."""

import asyncio
import logging
import threading
from datetime import timedelta

import pytest
from scripted import INBOX, PATIENCE, Scripted, ticking

from aggregator import metrics
from aggregator.errors import FetchError, FolderError, StoreError
from aggregator.poll.poll_result import IngestDefect, PollResult
from aggregator.service import jobs as subject
from aggregator.service.jobs import say
from aggregator.settings import FeedSource, Source


def test_a_source_is_polled_once_at_a_time():
    """However often it is due while a slow poll of it goes on."""
    slow = asyncio.Event()
    pipeline = Scripted(slow)

    async def run() -> int:
        async with ticking(pipeline):
            await pipeline.until("look", 4)
            polled = pipeline.counts["poll"]
            slow.set()
            await pipeline.until("poll", 2)
            return polled

    assert asyncio.run(run()) == 1


def test_a_poll_that_ends_while_a_tick_looks_is_not_done_again():
    """What the tick has read is as old as its look: the poll has put the source off since."""
    slow, ended = asyncio.Event(), threading.Event()
    pipeline = Scripted(slow)

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def waiting() -> list[Source]:
            pipeline.counts["look"] += 1
            if pipeline.counts["look"] == 2:  # has read that it is due; and meanwhile the poll ends
                loop.call_soon_threadsafe(slow.set)
                assert ended.wait(PATIENCE)
            return [INBOX] if pipeline.counts["look"] <= 2 else []

        pipeline.waiting = waiting  # type: ignore[method-assign]
        async with ticking(pipeline) as made:
            await slow.wait()
            while made._polling:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            ended.set()
            await pipeline.until("look", 4)

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert pipeline.counts["poll"] == 1


def test_what_waits_and_what_is_polled_is_shown():
    """As it was at the last look."""
    slow, gauges = asyncio.Event(), ("aggregator_sources_due", "aggregator_polls_running")

    def shown() -> list[float | None]:
        return [metrics.REGISTRY.get_sample_value(gauge) for gauge in gauges]

    async def run() -> list[float | None]:
        async with ticking(Scripted(slow)) as made:
            pipeline = made._pipeline
            await pipeline.until("look", 3)
            busy = shown()
            pipeline.waiting = list  # nothing is due
            slow.set()
            async with asyncio.timeout(PATIENCE):
                while shown() != [0, 0]:  # noqa: ASYNC110 - a gauge sends no event
                    await asyncio.sleep(0.001)
            return busy

    assert asyncio.run(run()) == [1, 1]


def test_a_poll_that_could_not_be_kept_is_put_off(monkeypatch):
    """It stays due, and its server is not asked again with every tick; each failure doubles the wait."""
    monkeypatch.setattr(subject, "LONGEST", timedelta(hours=1))
    pipeline = Scripted(StoreError("the disk is full"))

    async def run() -> tuple[float, float]:
        async with ticking(pipeline) as made:
            await pipeline.until("look", 5)
            now = asyncio.get_running_loop().time()
            first = made._put_off["Inbox"][1] - now
            made._put_off["Inbox"] = (1, now)
            await pipeline.until("poll", 2)
            await pipeline.until("look", pipeline.counts["look"] + 2)
            return first, made._put_off["Inbox"][1] - now

    first, second = asyncio.run(run())
    assert pipeline.counts["poll"] == 2
    assert 3500 < first < 3600.1
    assert 7100 < second < 7300


def test_a_feed_whose_poll_could_not_be_kept_is_not_asked_early():
    """Its server was asked all the same: not again before `every` has passed."""
    feed = FeedSource(name="A", url="https://a.example/feed", every=timedelta(minutes=20))
    pipeline = Scripted(StoreError("the disk is full"))
    pipeline.waiting = lambda: [feed]  # type: ignore[method-assign]

    async def run() -> float:
        async with ticking(pipeline) as made:
            await pipeline.until("poll", 1)
            while not made._put_off:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            until: float = made._put_off["A"][1]
            return until - asyncio.get_running_loop().time()

    assert 1190 < asyncio.run(run()) <= 1200


def test_a_folder_that_cannot_be_used_is_told_of_once(caplog):
    """It is looked into every few seconds: said are a fault, another one, the end of it, and its return."""
    gone, full = FolderError("drop is not there"), FolderError("the disk is full")
    polls = [PollResult("Inbox", error=error) for error in (gone, gone, full, full, None, None, gone, gone)]
    pipeline = Scripted(*polls, PollResult("Inbox"))

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 10)

    with caplog.at_level(logging.INFO, "aggregator"):
        asyncio.run(run())
    usable = "the folder can be used again"
    said = [str(gone), str(full), usable, str(gone), usable]
    assert [record.getMessage() for record in caplog.records] == said


@pytest.mark.parametrize(
    ("polled", "level", "said"),
    [
        (PollResult("A"), None, ""),
        (PollResult("A", unchanged=True), None, ""),
        (
            PollResult("A", new=1, stories=frozenset({4})),
            logging.INFO,
            "1 new report, 0 revised, in 1 story",
        ),
        (
            PollResult("A", new=2, revised=1, stories=frozenset({4, 5})),
            logging.INFO,
            "2 new reports, 1 revised, in 2 stories",
        ),
        (PollResult("A", error=FetchError("no answer", hint="wait")), logging.WARNING, "no answer (wait)"),
        (PollResult("A", error=IngestDefect("a: KeyError()")), logging.ERROR, "a: KeyError()"),
        (
            PollResult("A", lost=(IngestDefect("the report 'x': KeyError()"),)),
            logging.ERROR,
            "the report 'x': KeyError()",
        ),
        (PollResult("A", refused=("x.exe: no reader",)), logging.WARNING, "x.exe: no reader"),
        (PollResult("A", warning="cut off"), logging.DEBUG, "cut off"),
    ],
)
def test_a_poll_is_said_in_one_line_or_not_at_all(polled, level, said, caplog):
    """What came, what failed, what was refused; silence for what brought nothing."""
    with caplog.at_level(logging.DEBUG, "aggregator"):
        say(polled)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == (
        [(level, said)] if level else []
    )
