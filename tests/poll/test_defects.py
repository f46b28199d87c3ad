"""What fails, or brings out a defect of ours, costs itself alone."""

import asyncio
import json

import pytest
from workbench import FERRY, NOON, Bench, failing, item, poison

from aggregator.errors import BadStatus, ParseError
from aggregator.poll import ingestion
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import IngestDefect, PollResult


def test_a_failing_source_costs_only_itself(tmp_path, origin, rss):
    """An error status, a body that is no feed, a dead server: the fourth source does not notice."""
    origin.pages |= {"/broken": 500, "/page": b"<html><body>Hello</body></html>", "/good": rss(item(1))}
    addresses = [f"{origin.url}/broken", f"{origin.url}/page", "http://127.0.0.1:9/", f"{origin.url}/good"]
    bench = Bench(
        tmp_path,
        *({"name": f"S{n}", "url": url, "allow_private": True} for n, url in enumerate(addresses)),
    )

    async def all_at_once(pipeline: Pipeline) -> list[PollResult]:
        return await asyncio.gather(*map(pipeline.poll, pipeline.waiting()))

    ((*failed, good),) = bench.run(all_at_once)
    assert [type(polled.error) for polled in failed[:2]] == [BadStatus, ParseError]
    assert all(polled.error and not polled.new for polled in failed)
    assert (good.new, good.error) == (1, None)
    for polled in failed:
        state = bench.state(polled.source)
        assert (state.failures, state.error) == (1, polled.error.message)
        assert state.due is not None
        assert state.due > NOON


def test_a_defect_of_ours_is_a_failure_of_what_brought_it_out(tmp_path, origin, rss, monkeypatch):
    """It is said, the source waits like any that failed, and the others do not notice."""
    origin.pages |= {"/a": rss(item(1)), "/b": rss(item(2))}
    bench = Bench(
        tmp_path, *({"name": n, "url": f"{origin.url}/{n}", "allow_private": True} for n in ("a", "b"))
    )
    failing(monkeypatch, ingestion, "changes", ZeroDivisionError("nobody foresaw it"))
    polled = bench.poll()
    assert isinstance(polled.error, IngestDefect)
    assert isinstance(polled.error.__cause__, ZeroDivisionError)
    assert "nobody foresaw it" in bench.state("a").error
    assert bench.state("a").due > NOON
    assert bench.poll(source=1).new == 1


@pytest.mark.parametrize("poisoned", [0, 4, 7])
def test_a_report_that_brings_out_a_defect_costs_itself_alone(feed, origin, rss, monkeypatch, poisoned):
    """It is named; all others are kept; and it is asked for again, without a condition."""
    monkeypatch.setattr(ingestion, "_BATCH", 3)
    origin.pages["/a"] = rss(*map(item, range(8)))
    with monkeypatch.context() as patch:
        poison(patch, item(poisoned)["title"])
        polled = feed.poll()
    assert (polled.new, polled.error) == (7, None)
    (lost,) = polled.lost
    assert item(poisoned)["title"] in lost.message
    assert item(poisoned)["link"] in lost.message
    assert isinstance(lost.__cause__, ZeroDivisionError)
    state = feed.state("A")
    assert (state.etag, state.body_hash, state.failures) == (None, None, 0)
    assert feed.poll().new == 1
    assert feed.state("A").etag


def test_a_defect_that_every_report_brings_out_is_the_sources_failure(feed, origin, rss, monkeypatch):
    """It gives up soon, and tells what was committed before."""
    monkeypatch.setattr(ingestion, "_BATCH", 20)
    items = [item(number) for number in range(40)]
    origin.pages["/a"] = rss(*items)
    poison(monkeypatch, *(each["title"] for each in items[20:]))
    polled = feed.poll()
    assert (polled.new, len(polled.lost)) == (20, ingestion._MOST_LOST + 1)
    assert isinstance(polled.error, IngestDefect)
    assert feed.state("A").failures == 1
    assert feed.state("A").etag is None


def test_a_file_with_one_poisoned_report_gives_the_others(inbox, monkeypatch):
    """It lies in failed/ with the title, is not in the ledger, and the folder has not failed."""
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(3)]
    inbox.drop("many.jsonl", "\n".join(lines))
    with monkeypatch.context() as patch:
        poison(patch, item(1)["title"])
        polled = inbox.poll()
    assert (polled.new, polled.error, len(polled.refused)) == (2, None, 1)
    assert item(1)["title"] in (inbox.folder / "drop/failed/many.jsonl.reason.txt").read_text()
    inbox.drop("many.jsonl", "\n".join(lines))
    assert inbox.poll().new == 1
    assert "done/many.jsonl" in inbox.lying()


def test_a_file_that_brings_out_a_defect_does_not_block_the_folder(inbox, monkeypatch):
    """It goes to failed/, and the files after it are taken."""
    inbox.drop("a.txt", FERRY)
    inbox.drop("b.txt", FERRY)
    failing(monkeypatch, ingestion, "changes", RecursionError("too deep"))
    polled = inbox.poll()
    assert polled.new == 1
    assert "too deep" in (inbox.folder / "drop/failed/a.txt.reason.txt").read_text()
    assert "done/b.txt" in inbox.lying()
