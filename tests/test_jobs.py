"""The ticks: whatever happens, the next one comes; and a stop leaves nothing half done."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock, patch

import pytest
from apscheduler.triggers.date import DateTrigger

from aggregator import jobs as subject
from aggregator import metrics
from aggregator.errors import FetchError, FolderError, StoreBusy, StoreError
from aggregator.fulltext import Reading
from aggregator.intake.contain import Parser
from aggregator.intake.fetch import Fetcher
from aggregator.jobs import Jobs, say
from aggregator.pipeline import Pipeline
from aggregator.polled import Broken, Polled
from aggregator.prune import Forgotten
from aggregator.settings import FeedSource, FolderSource, Settings, Source
from storage import reports, sources
from storage.database import Database

INBOX = FolderSource(name="Inbox", folder=Path("drop"))
PATIENCE = 10.0  # seconds for what takes milliseconds


def wall() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class Scripted:
    """Stands for the pipeline: does what the test says, and counts.

    Attributes:
        polls: what each poll gives or raises; the last one stays.
        looks: likewise for each look at what is due; an empty list for the source that is always due.
        corrections: what it says, when it is asked whether a person has corrected something.
    """

    def __init__(self, *polls: Any, looks: tuple[Any, ...] = ()) -> None:
        self.polls, self.looks = list(polls or [Polled("Inbox")]), list(looks)
        self.counts = {"look": 0, "poll": 0, "read": 0, "publish": 0, "prune": 0}
        self.corrections: list[bool] = []
        self.readings: list[Reading] = []
        self.publishing: Callable[[], None] = lambda: None

    def waiting(self) -> list[Source]:
        self.counts["look"] += 1
        if self.looks and (raised := self.looks.pop(0)):
            raise raised
        return [INBOX]

    def next_wait(self) -> timedelta:
        return timedelta(0)

    @property
    def hubs(self) -> Any:
        return Mock(due=list)

    def with_pages(self) -> list[Source]:
        return [INBOX] if self.readings else []

    async def read_pages(self, source: Source) -> Reading:
        self.counts["read"] += 1
        return self.readings.pop(0)

    async def poll(self, source: Source) -> Polled:
        self.counts["poll"] += 1
        given = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if isinstance(given, asyncio.Event):
            await given.wait()
            given = Polled(source.name)
        if isinstance(given, BaseException):
            raise given
        assert isinstance(given, Polled)
        return given

    def corrected(self) -> bool:
        return self.corrections.pop() if self.corrections else False

    async def publish(self) -> list[Path]:
        self.counts["publish"] += 1
        self.publishing()
        return []

    async def prune(self) -> Forgotten:
        self.counts["prune"] += 1
        return Forgotten()

    async def until(self, what: str, times: int) -> None:
        """Wait until something has happened so often."""
        async with asyncio.timeout(PATIENCE):
            while self.counts[what] < times:  # noqa: ASYNC110 - looks come from a thread
                await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch):
    """Ticks that take milliseconds."""
    monkeypatch.setattr(subject, "SHORTEST", timedelta(milliseconds=2))
    monkeypatch.setattr(subject, "LONGEST", timedelta(milliseconds=10))


@pytest.fixture(autouse=True)
def nothing_complains(caplog) -> Iterator[None]:
    """Neither APScheduler nor asyncio has anything to say, in any of these tests."""
    yield
    others = [record.getMessage() for record in caplog.records if record.name != "aggregator"]
    assert others == []


@contextlib.asynccontextmanager
async def ticking(pipeline: Any, clock: Callable[[], datetime] = wall) -> Any:
    """Jobs that run, and are stopped at the end."""
    made = Jobs(pipeline, clock)
    made.start()
    try:
        yield made
    finally:
        await made.stop()


def test_only_one_shot_jobs_are_armed():
    """An interval that the clock jumps over would be a list of a million missed runs."""

    async def triggers() -> list[Any]:
        async with ticking(Scripted()) as made:
            return [job.trigger for job in made._scheduler.get_jobs()]

    armed = asyncio.run(triggers())
    assert len(armed) == 5
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
    pipeline = Scripted(Polled("Inbox", new=1))

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


def test_a_folder_that_cannot_be_used_is_told_of_once(caplog):
    """It is looked into every few seconds: said are a fault, another one, the end of it, and its return."""
    gone, full = FolderError("drop is not there"), FolderError("the disk is full")
    polls = [Polled("Inbox", error=error) for error in (gone, gone, full, full, None, None, gone, gone)]
    pipeline = Scripted(*polls, Polled("Inbox"))

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 10)

    with caplog.at_level(logging.INFO, "aggregator"):
        asyncio.run(run())
    usable = "the folder can be used again"
    said = [str(gone), str(full), usable, str(gone), usable]
    assert [record.getMessage() for record in caplog.records] == said


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

    assert asyncio.run(run()) <= 5


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


def test_only_what_changed_is_published():
    """Once at the start and once at the end; in between only when reports came."""
    quiet = Scripted(Polled("Inbox"))

    async def run() -> int:
        async with ticking(quiet):
            await quiet.until("look", 5)
            return quiet.counts["publish"]

    assert asyncio.run(run()) == 1
    assert quiet.counts["publish"] == 2


@pytest.mark.parametrize("failed", [Polled("Inbox", error=FetchError("no answer")), StoreError("full")])
def test_what_a_failed_poll_has_committed_is_published(failed):
    """It may have gained before it failed; the files are not stale until the next report comes."""
    pipeline = Scripted(failed)

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 1)
            await pipeline.until("publish", 3)

    asyncio.run(run())
    assert pipeline.counts["publish"] >= 3


def test_a_stop_gives_up_what_is_being_fetched():
    """A server that never answers does not hold the service."""
    pipeline = Scripted(asyncio.Event())

    async def run() -> None:
        async with ticking(pipeline):
            await pipeline.until("poll", 1)

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert pipeline.counts["poll"] == 1


def test_nothing_ticks_after_a_stop():
    """What was armed is disarmed, and what was just beginning does not begin."""
    pipeline = Scripted()

    async def run() -> dict[str, int]:
        async with ticking(pipeline):
            await pipeline.until("look", 1)
        counted = dict(pipeline.counts)
        await asyncio.sleep(0.03)  # some ticks long
        return counted

    assert asyncio.run(run()) == pipeline.counts


def test_a_stop_waits_for_the_write_in_progress(tmp_path, monkeypatch):
    """The real pipeline, stopped in the middle of a transaction: it is whole, and published."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop/ferry.txt").write_text(
        "The ferry Aurelia burns off Port Sallow\n\nAll 214 are saved.\n"
    )
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{tmp_path}/a.db",
            "sources": [{"name": "Inbox", "folder": tmp_path / "drop"}],
            "folders": {"settle": "0s"},
            "publish": {"directory": tmp_path / "feeds"},
        }
    )
    writing, go_on, take = threading.Event(), threading.Event(), sources.take

    def slow(*given: Any) -> None:
        writing.set()
        assert go_on.wait(PATIENCE)
        take(*given)

    monkeypatch.setattr(sources, "take", slow)

    async def run() -> bool:
        database = Database(settings.database)
        async with Fetcher(settings.fetch, "1") as fetcher, Parser(settings.parse) as parser:
            made = Jobs(Pipeline(settings, database, fetcher, parser, wall), wall)
            made.start()
            assert await asyncio.to_thread(writing.wait, PATIENCE)
            stopping = asyncio.ensure_future(made.stop())
            await asyncio.wait([stopping], timeout=0.05)
            waits = not stopping.done()
            go_on.set()
            await stopping
        with database.reading() as tx:
            assert reports.count(tx) == 1
        database.close()
        return waits

    assert asyncio.run(run())
    assert "ferry Aurelia" in (tmp_path / "feeds/all.rss").read_text()


@pytest.mark.parametrize(
    ("polled", "level", "said"),
    [
        (Polled("A"), None, ""),
        (Polled("A", unchanged=True), None, ""),
        (
            Polled("A", new=1, stories=frozenset({4})),
            logging.INFO,
            "1 new report, 0 revised, in 1 story",
        ),
        (
            Polled("A", new=2, revised=1, stories=frozenset({4, 5})),
            logging.INFO,
            "2 new reports, 1 revised, in 2 stories",
        ),
        (Polled("A", error=FetchError("no answer", hint="wait")), logging.WARNING, "no answer (wait)"),
        (Polled("A", error=Broken("a: KeyError()")), logging.ERROR, "a: KeyError()"),
        (
            Polled("A", lost=(Broken("the report 'x': KeyError()"),)),
            logging.ERROR,
            "the report 'x': KeyError()",
        ),
        (Polled("A", refused=("x.exe: no reader",)), logging.WARNING, "x.exe: no reader"),
        (Polled("A", warning="cut off"), logging.DEBUG, "cut off"),
    ],
)
def test_a_poll_is_said_in_one_line_or_not_at_all(polled, level, said, caplog):
    """What came, what failed, what was refused; silence for what brought nothing."""
    with caplog.at_level(logging.DEBUG, "aggregator"):
        say(polled)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == (
        [(level, said)] if level else []
    )


def test_a_reload_waits_for_what_a_hub_has_sent():
    """The parser that reads it is not closed under it: it would be told that it came, and be lost."""
    pipeline, parsed = Scripted(), asyncio.Event()
    hubs = Mock(due=list, sender=AsyncMock(return_value=INBOX))

    async def take_sent(source: Source, *_: Any) -> Polled:
        await parsed.wait()
        return Polled(source.name)

    async def run() -> bool:
        with patch.object(Scripted, "hubs", hubs):
            pipeline.take_sent = take_sent  # type: ignore[attr-defined]
            made = Jobs(pipeline, wall)  # type: ignore[arg-type]  # as much of one as it uses
            receiving = asyncio.ensure_future(made.receive("token", b"", None, None))
            settling = asyncio.ensure_future(_after(3, made.settled))
            await asyncio.wait([settling], timeout=0.05)
            waits = not settling.done()
            parsed.set()
            await asyncio.gather(receiving, settling)
            return waits

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE))


async def _after(turns: int, work: Callable[[], Awaitable[None]]) -> None:
    """Do it a few turns of the event loop later."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await work()


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
            pipeline.readings = [Reading(taken=2, stories=frozenset({1}), failed=("https://a.example/: no",))]
            await pipeline.until("publish", 2)

    with caplog.at_level("DEBUG"):
        asyncio.run(run())
    said = [record.getMessage() for record in caplog.records]
    assert "2 reports with the whole text of the page" in said
    assert "https://a.example/: no" in said
