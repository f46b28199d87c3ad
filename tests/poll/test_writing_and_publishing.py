"""What the pipeline writes: whole transactions, published files, an index that forgets."""

import asyncio
import contextlib
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from workbench import FERRY, NOON, item

from aggregator.errors import StoreError
from aggregator.model import Report
from aggregator.poll import ingestion
from aggregator.poll import pipeline as subject
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult
from aggregator.stories import correct
from aggregator.stories.linker import Linker
from storage import reports, sources
from storage.database import Database


def test_a_cancelled_poll_waits_for_its_transaction(inbox, monkeypatch):
    """What is being committed when the service stops is committed, not torn."""
    inbox.drop("ferry.txt", FERRY)
    writing, go_on = threading.Event(), threading.Event()
    take = sources.take

    def slow(*given: Any) -> None:
        writing.set()
        assert go_on.wait(20)
        take(*given)

    monkeypatch.setattr(subject.sources, "take", slow)

    async def cancelled(pipeline: Pipeline) -> bool:
        poll = asyncio.ensure_future(pipeline.poll(inbox.settings.sources[0]))
        await asyncio.to_thread(writing.wait, 20)
        poll.cancel()
        await asyncio.wait([poll], timeout=0.05)
        waits = not poll.done()
        go_on.set()
        with contextlib.suppress(asyncio.CancelledError):
            await poll
        return waits and poll.cancelled()

    assert inbox.run(cancelled) == [True]
    assert len(inbox.titles()) == 1
    assert inbox.lying() == {"ferry.txt"}, "it is moved by the next look"


def test_stories_are_published_and_written_once(inbox):
    """All three formats tell the story; the same stories are the same files, left alone."""
    inbox.drop("ferry.txt", FERRY)
    _, written, again = inbox.run(
        lambda pipeline: pipeline.poll(inbox.settings.sources[0]),
        lambda pipeline: pipeline.publish(),
        lambda pipeline: pipeline.publish(),
    )
    assert [path.name for path in written] == ["all.rss", "all.atom", "all.json"]
    assert again == []
    for path in written:
        assert "ferry Aurelia burns" in path.read_text()


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 10_000)), max_size=300))
@bounds(max_examples=40, deadline=None)
def test_transactions_are_bounded_in_reports_and_in_text(found):
    """All reports in order of publishing, in batches that a stop can wait for; there is always a last one."""
    text = "x" * 300_000
    given_ = [
        Report(
            source="s",
            publisher="p",
            title="",
            text=text[:length],
            language="en",
            published=NOON + timedelta(minutes=minute),
            dated=True,
            seen=NOON,
        )
        for length, minute in found
    ]
    batches = ingestion._batches(given_)
    assert [report for batch in batches for report in batch] == sorted(given_, key=lambda r: r.published)
    assert all(batches) or batches == [[]]
    for batch in batches:
        assert len(batch) <= ingestion._BATCH
        assert len(batch) <= 1 or sum(len(report.text) for report in batch) <= ingestion._BATCH_TEXT


def test_pruning_forgets_the_index_and_keeps_the_reports(inbox):
    """What has left the window is no candidate any more; the reports stay."""
    inbox.drop("ferry.txt", FERRY)
    inbox.poll()
    assert inbox.rows("SELECT count(*) FROM band") != [(0,)]

    async def a_day_later(pipeline: Pipeline) -> None:
        inbox.clock.later(days=1)
        await pipeline.prune()

    inbox.run(*[a_day_later] * 23)
    assert inbox.rows("SELECT count(*) FROM band") == [(0,)]
    database = Database(inbox.settings.database)
    with database.reading() as tx:
        assert reports.count(tx) == 1
    database.close()


# ---- what people change meanwhile ----


def test_a_correction_in_another_process_is_seen_published_and_obeyed(feed, origin, rss):
    """It is told of until it is published; and what comes in later does not go against it."""
    other = item(2, title="Orchard blooms in Fenrow", description="Apple trees bloom early, said Ada Quill.")
    origin.pages["/a"] = rss(item(1), other)

    async def correct_meanwhile(pipeline: Pipeline) -> None:
        with contextlib.closing(Database(feed.settings.database)) as other, other.writing() as tx:
            correct.merge(tx, Linker(feed.settings.dedup), [1, 2], feed.clock())

    async def corrected(pipeline: Pipeline) -> bool:
        return pipeline.corrected()

    async def publish(pipeline: Pipeline) -> list[Path]:
        return await pipeline.publish()

    async def poll(pipeline: Pipeline) -> PollResult:
        origin.pages["/a"] = rss(item(1), other | {"description": "A ferry burns off Port Sallow, 214 safe."})
        feed.clock.later(hours=1)
        return await pipeline.poll(feed.settings.sources[0])

    feed.poll()
    done = feed.run(publish, corrected, correct_meanwhile, corrected, publish, corrected, poll)
    assert (done[1], done[3], done[5], done[6].revised) == (False, True, False, 1)
    assert len(done[4]) == 3
    (shown,) = json.loads((feed.folder / "feeds/all.json").read_text())["items"]
    assert len(shown["_story"]["reports"]) == 2
    assert feed.rows("SELECT reports FROM stories") == [(2,)]


def test_after_a_reload_it_is_the_new_linker_that_forgets(inbox):
    """What a rolled-back transaction has left in its memory was never committed."""

    async def reload_and_fail(pipeline: Pipeline) -> None:
        before = pipeline._linker
        dedup = inbox.settings.dedup.model_copy(update={"story_bar": 0.8})
        pipeline.adopt(inbox.settings.model_copy(update={"dedup": dedup}))
        assert pipeline._linker is not before
        pipeline._linker.known.keys[1] = [1]

        def fail(_: Any) -> None:
            raise StoreError("the disk is full")

        with pytest.raises(StoreError):
            await pipeline._writer.write(fail)
        assert pipeline._linker.known.keys == {}

    inbox.run(reload_and_fail)
