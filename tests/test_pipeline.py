"""The data's way: from real HTTP and real folders into a real database file, and out as files."""

import asyncio
import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from aggregator import correct, taking
from aggregator import pipeline as subject
from aggregator.errors import BadStatus, FolderError, ParseError, StoreError
from aggregator.intake.contain import Parser
from aggregator.intake.fetch import Fetcher
from aggregator.linker import Linker
from aggregator.model import Report, SourceState
from aggregator.pipeline import Pipeline
from aggregator.polled import Broken, Polled
from aggregator.settings import Settings
from storage import reports, sources
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)

FERRY = """ date 2026-11-20 The ferry Aurelia burns off Port Sallow

The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under Captain
Ines Marrow took all 214 passengers and crew aboard, the harbour office said.
"""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **wait: float) -> None:
        self.now += timedelta(**wait)


class Bench:
    """A pipeline with all that it stands on; a `restart` leaves only the files on the disk."""

    def __init__(self, folder: Path, *given: dict[str, Any], **more: Any) -> None:
        self.folder = folder
        self.clock = Clock()
        self.parsed: list[str] = []
        self.settings = Settings.model_validate(
            {
                "database": f"sqlite:///{folder}/a.db",
                "sources": list(given),
                "fetch": {"host_spacing": "0s"},
                "folders": {"settle": "0s"},
                "publish": {
                    "directory": folder / "feeds",
                    "feeds": [{"name": "all", "formats": ["rss", "atom", "json"]}],
                },
            }
            | more
        )

    def run(self, *steps: Callable[[Pipeline], Awaitable[Any]]) -> list[Any]:
        """Take steps, each with the same pipeline; what each gave."""

        async def all_steps() -> list[Any]:
            async with self.started() as pipeline:
                return [await step(pipeline) for step in steps]

        return asyncio.run(all_steps())

    def poll(self, times: int = 1, *, source: int = 0, patient: bool = False) -> Polled:
        """Poll one source so often, an hour between; the last outcome."""
        chosen = self.settings.sources[source]

        async def step(pipeline: Pipeline) -> Polled:
            polled = await pipeline.poll(chosen, patient=patient)
            self.clock.later(hours=1)
            return polled

        return self.run(*[step] * times)[-1]

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[Pipeline]:
        database = Database(self.settings.database)
        try:
            async with Fetcher(self.settings.fetch, "1") as fetcher, Parser(self.settings.parse) as parser:
                yield Pipeline(self.settings, database, fetcher, self._counted(parser), self.clock)
        finally:
            database.close()

    def _counted(self, parser: Parser) -> Parser:
        parse = parser.parse

        async def counted(body: bytes, kind: str, **about: Any) -> Any:
            self.parsed.append(kind)
            return await parse(body, kind, **about)

        parser.parse = counted  # type: ignore[method-assign]
        return parser

    def titles(self) -> list[str]:
        """Of all reports, sorted."""
        return sorted(row[0] for row in self.rows("SELECT title FROM story_reports"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As another program reads the file."""
        with contextlib.closing(sqlite3.connect(self.folder / "a.db")) as connection:
            return connection.execute(query).fetchall()

    def state(self, name: str) -> SourceState:
        database = Database(self.settings.database)
        with database.reading() as tx:
            found = sources.states(tx)[name]
        database.close()
        return found


def item(number: int, **given: str) -> dict[str, str]:
    """An item of a feed about an event of its own."""
    words = ("Harvest", "Tunnel", "Orchestra", "Glacier", "Beekeeper", "Lighthouse", "Parliament", "Comet")
    word = words[number % len(words)]
    return {
        "guid": f"tag:{number}",
        "title": f"{word} {number} makes itself heard",
        "link": f"https://gazette.example/{word.lower()}-{number}",
        "description": f"{word} news from district {number}: {number + 2} people, and one {word.lower()}.",
        "pubDate": f"Fri, 20 Nov 2026 10:{number:02}:00 GMT",
    } | given


@pytest.fixture
def feed(tmp_path, origin) -> Bench:
    """A bench with one feed, at /a."""
    return Bench(tmp_path, {"name": "A", "url": f"{origin.url}/a", "allow_private": True})


@pytest.fixture
def inbox(tmp_path) -> Bench:
    """A bench with one drop folder."""
    (tmp_path / "drop").mkdir()
    return Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"})


def drop(bench: Bench, name: str, text: str, written: datetime = LONG_AGO) -> Path:
    """Put a file into the folder."""
    path = bench.folder / "drop" / name
    path.write_text(text)
    os.utime(path, (written.timestamp(), written.timestamp()))
    return path


def lying(bench: Bench) -> set[str]:
    """Every file below the folder."""
    root = bench.folder / "drop"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def failing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: BaseException) -> None:
    """Let a function raise the first time that it is called."""
    real, calls = getattr(module, name), []

    def once(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise error
        return real(*given, **named)

    monkeypatch.setattr(module, name, once)


# ---- feeds ----


def test_a_second_poll_is_conditional_and_doubles_nothing(feed, origin, rss):
    """The entity tag goes back byte for byte, a 304 comes, and everything is there once."""
    origin.pages["/a"] = rss(item(1), item(2))
    polled = feed.poll(2)
    assert (polled.new, polled.unchanged, polled.error) == (0, True, None)
    (_, first, asked_first), (_, second, asked_again) = origin.asked
    assert (first, second) == (200, 304)
    assert asked_first["If-None-Match"] is None
    assert asked_again["If-None-Match"] == feed.state("A").etag
    assert feed.titles() == sorted([item(1)["title"], item(2)["title"]])
    assert feed.parsed == ["feed"]
    assert (feed.state("A").fresh, feed.state("A").unchanged) == (1, 1)


def test_an_unchanged_body_is_not_parsed_again(feed, origin, rss):
    """A server without validators sends the same bytes, and they are known by their digest."""
    origin.tags = False
    origin.pages["/a"] = rss(item(1))
    polled = feed.poll(3)
    assert polled.unchanged
    assert [status for _, status, _ in origin.asked] == [200, 200, 200]
    assert feed.parsed == ["feed"]


def test_a_damaged_feed_gives_its_good_entries_and_stores_no_validator(feed, origin, rss):
    """What was cut off is asked for again, without a condition; what was saved is there once."""
    whole = rss(item(1), item(2), item(3))
    origin.pages["/a"] = whole[: whole.index(b"<item>", whole.index(b"tag:2")) + 30]
    polled = feed.poll()
    assert polled.warning
    assert polled.new == 2
    state = feed.state("A")
    assert (state.etag, state.last_modified, state.body_hash) == (None, None, None)
    origin.pages["/a"] = whole
    assert feed.poll().new == 1
    assert origin.asked[-1][2]["If-None-Match"] is None
    assert len(feed.titles()) == 3


def test_what_a_feed_no_longer_shows_stays(feed, origin, rss):
    """Absence is no deletion, not even that of everything."""
    origin.pages["/a"] = rss(item(0), item(1))
    feed.poll()
    for shown in ([item(1)], []):
        origin.pages["/a"] = rss(*shown)
        assert feed.poll().error is None
        assert feed.titles() == sorted([item(0)["title"], item(1)["title"]])


def test_an_entry_that_changes_is_a_revision(feed, origin, rss):
    """The same guid with other words is the same report."""
    origin.pages["/a"] = rss(item(1), item(2))
    feed.poll()
    origin.pages["/a"] = rss(item(1, title="Tunnel 1 is flooded"), item(2))
    polled = feed.poll()
    assert (polled.new, polled.revised) == (0, 1)
    assert "Tunnel 1 is flooded" in feed.titles()
    assert len(feed.titles()) == 2


@pytest.mark.parametrize("with_links", [True, False])
def test_a_new_guid_at_every_poll_doubles_nothing(feed, origin, rss, with_links):
    """Their entries are known by address, and without one by what they say and when."""
    for poll in range(3):
        items = [item(number, guid=f"{poll}-{number}") for number in range(3)]
        if not with_links:
            items = [{name: text for name, text in each.items() if name != "link"} for each in items]
        origin.pages["/a"] = rss(*items)
        feed.poll()
    assert feed.titles() == sorted(item(number)["title"] for number in range(3))


def test_a_failing_source_costs_only_itself(tmp_path, origin, rss):
    """An error status, a body that is no feed, a dead server: the fourth source does not notice."""
    origin.pages |= {"/broken": 500, "/page": b"<html><body>Hello</body></html>", "/good": rss(item(1))}
    addresses = [f"{origin.url}/broken", f"{origin.url}/page", "http://127.0.0.1:9/", f"{origin.url}/good"]
    bench = Bench(
        tmp_path,
        *({"name": f"S{n}", "url": url, "allow_private": True} for n, url in enumerate(addresses)),
    )

    async def all_at_once(pipeline: Pipeline) -> list[Polled]:
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


def test_reports_come_before_validators(feed, origin, rss, monkeypatch):
    """A crash in the last transaction loses the validators: all is asked for again, and none doubled."""
    monkeypatch.setattr(taking, "_BATCH", 3)
    origin.pages["/a"] = rss(*map(item, range(8)))
    failing(monkeypatch, subject.sources, "save", StoreError("the power is gone"))
    with pytest.raises(StoreError):
        feed.poll()
    assert len(feed.titles()) == 6, "two of three transactions stand"
    polled = feed.poll()
    assert polled.new == 2
    assert [asked["If-None-Match"] for _, _, asked in origin.asked] == [None, None]
    assert feed.titles() == sorted(item(number)["title"] for number in range(8))
    assert feed.state("A").etag


def test_a_feed_is_polled_when_it_is_due(feed, origin, rss):
    """Due times live in the database: a restart polls nothing early."""
    origin.pages["/a"] = rss(item(1))

    async def names(pipeline: Pipeline) -> list[str]:
        return [source.name for source in pipeline.waiting()]

    assert feed.run(names) == [["A"]]
    feed.run(lambda pipeline: pipeline.poll(feed.settings.sources[0]))
    assert feed.run(names) == [[]]
    feed.clock.later(minutes=20)
    assert feed.run(names) == [["A"]]


def test_what_is_gone_is_polled_no_more_and_nobody_may(feed, origin):
    """410: not by its due time, not by a person."""
    origin.pages["/a"] = 410
    feed.poll()
    feed.clock.later(days=300)

    async def chosen(pipeline: Pipeline) -> tuple[object, ...]:
        return pipeline.waiting(), pipeline.allowed(), pipeline.next_wait()

    assert feed.run(chosen) == [([], [], None)]


def test_a_defect_of_ours_is_a_failure_of_what_brought_it_out(tmp_path, origin, rss, monkeypatch):
    """It is said, the source waits like any that failed, and the others do not notice."""
    origin.pages |= {"/a": rss(item(1)), "/b": rss(item(2))}
    bench = Bench(
        tmp_path, *({"name": n, "url": f"{origin.url}/{n}", "allow_private": True} for n in ("a", "b"))
    )
    failing(monkeypatch, taking, "changes", ZeroDivisionError("nobody foresaw it"))
    polled = bench.poll()
    assert isinstance(polled.error, Broken)
    assert isinstance(polled.error.__cause__, ZeroDivisionError)
    assert "nobody foresaw it" in bench.state("a").error
    assert bench.state("a").due > NOON
    assert bench.poll(source=1).new == 1


@pytest.mark.parametrize("size", [100, 3])
@pytest.mark.parametrize("poisoned", [None, 3])
def test_who_is_who_is_decided_with_the_whole_body_in_view(feed, origin, rss, monkeypatch, size, poisoned):
    """Today's news stands where yesterday's was, which has moved: in one transaction or in several."""
    monkeypatch.setattr(taking, "_BATCH", size)
    front = "https://gazette.example/front"
    origin.pages["/a"] = rss(item(0, link=front))
    feed.poll()
    feed.clock.now += timedelta(hours=2)
    today = item(9, link=front, pubDate="Fri, 20 Nov 2026 11:30:00 GMT")
    origin.pages["/a"] = rss(item(0), *map(item, range(1, 7)), today)
    if poisoned is not None:
        poison(monkeypatch, item(poisoned)["title"])
    polled = feed.poll()
    expected = {item(n)["title"] for n in (*range(7), 9)}
    if poisoned is not None:
        expected.remove(item(poisoned)["title"])
    assert set(feed.titles()) == expected
    assert polled.new == len(expected) - 1


def poison(monkeypatch: pytest.MonkeyPatch, *titles: str) -> None:
    """Let reports of these titles bring out a defect whenever they are taken in."""
    real = taking.ingest

    def ingest(tx: Any, linker: Any, batch: Any, now: datetime, beside: Any = ()) -> Any:
        if any(report.title in titles for report in batch):
            raise ZeroDivisionError("nobody foresaw it")
        return real(tx, linker, batch, now, beside)

    monkeypatch.setattr(taking, "ingest", ingest)


@pytest.mark.parametrize("poisoned", [0, 4, 7])
def test_a_report_that_brings_out_a_defect_costs_itself_alone(feed, origin, rss, monkeypatch, poisoned):
    """It is named; all others are kept; and it is asked for again, without a condition."""
    monkeypatch.setattr(taking, "_BATCH", 3)
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
    monkeypatch.setattr(taking, "_BATCH", 20)
    items = [item(number) for number in range(40)]
    origin.pages["/a"] = rss(*items)
    poison(monkeypatch, *(each["title"] for each in items[20:]))
    polled = feed.poll()
    assert (polled.new, len(polled.lost)) == (20, taking._MOST_LOST + 1)
    assert isinstance(polled.error, Broken)
    assert feed.state("A").failures == 1
    assert feed.state("A").etag is None


def test_a_file_with_one_poisoned_report_gives_the_others(inbox, monkeypatch):
    """It lies in failed/ with the title, is not in the ledger, and the folder has not failed."""
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(3)]
    drop(inbox, "many.jsonl", "\n".join(lines))
    with monkeypatch.context() as patch:
        poison(patch, item(1)["title"])
        polled = inbox.poll()
    assert (polled.new, polled.error, len(polled.refused)) == (2, None, 1)
    assert item(1)["title"] in (inbox.folder / "drop/failed/many.jsonl.reason.txt").read_text()
    drop(inbox, "many.jsonl", "\n".join(lines))
    assert inbox.poll().new == 1
    assert "done/many.jsonl" in lying(inbox)


# ---- folders ----


def test_a_file_is_stored_and_moves_to_done(inbox):
    """Its reports are in the database, and it is out of the way."""
    drop(inbox, "ferry.txt", FERRY)
    polled = inbox.poll()
    assert (polled.new, len(polled.stories), polled.error, polled.refused) == (1, 1, None, ())
    assert inbox.titles() == ["The ferry Aurelia burns off Port Sallow"]
    assert lying(inbox) == {"done/ferry.txt"}


def test_a_bad_file_moves_to_failed_with_its_reason(inbox):
    """And the good one beside it is taken all the same."""
    drop(inbox, "a.json", "{not json")
    drop(inbox, "b.txt", FERRY)
    drop(inbox, "c.exe", "MZ")
    polled = inbox.poll()
    assert polled.new == 1
    assert polled.error is None
    assert [reason.partition(":")[0] for reason in polled.refused] == ["a.json", "c.exe"]
    moved = {"failed/a.json", "failed/c.exe"}
    assert lying(inbox) == {"done/b.txt", *moved, *(f"{name}.reason.txt" for name in moved)}
    assert "no reader" in (inbox.folder / "drop/failed/c.exe.reason.txt").read_text()


@pytest.mark.parametrize(
    ("most", "broken", "kept", "said"),
    [(100, "{not json", 3, "1 of 4 lines hold no record: line 3"), (2, "", 2, "more than 2 entries")],
)
def test_a_file_that_is_damaged_in_part_gives_the_rest_and_is_seen(tmp_path, most, broken, kept, said):
    """Its good entries are kept, and it lies in failed/ with the reason, as often as it is dropped."""
    (tmp_path / "drop").mkdir()
    inbox = Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"}, parse={"max_entries": most})
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(3)]
    text = "\n".join([*lines[:2], *([broken] if broken else []), lines[2]])
    for times, new in ((1, kept), (2, 0)):
        drop(inbox, "many.jsonl", text)
        polled = inbox.poll()
        assert (polled.new, len(polled.refused)) == (new, 1)
        assert said in polled.refused[0]
        assert len(inbox.titles()) == kept
        assert len(lying(inbox)) == 2 * times
        assert all(name.startswith("failed/") for name in lying(inbox))
    assert said in (inbox.folder / "drop/failed/many.jsonl.reason.txt").read_text()


def test_the_same_file_twice_changes_nothing(inbox):
    """Under the same name, under another one, or with a word before it that is no word."""
    drop(inbox, "ferry.txt", FERRY)
    inbox.poll()
    before = inbox.rows("SELECT * FROM stories")
    drop(inbox, "ferry.txt", FERRY)
    drop(inbox, "copy.txt", FERRY)
    drop(inbox, "other.txt", "\n" + FERRY + "\n")
    polled = inbox.poll()
    assert (polled.new, polled.revised, polled.refused) == (0, 0, ())
    assert inbox.rows("SELECT * FROM stories") == before
    assert len(lying(inbox)) == 4
    assert all(name.startswith("done/") for name in lying(inbox))


def test_a_crash_between_commit_and_move_is_made_good_by_the_next_look(inbox, monkeypatch):
    """The file lies there still, is known by its content, and moves; nothing is doubled."""
    drop(inbox, "ferry.txt", FERRY)
    failing(monkeypatch, subject.folder, "done", FolderError("the disk is read-only", hint="wait"))
    polled = inbox.poll()
    assert isinstance(polled.error, FolderError)
    assert inbox.state("Inbox").error == "the disk is read-only"
    assert lying(inbox) == {"ferry.txt"}
    assert len(inbox.titles()) == 1
    again = inbox.poll()
    assert (again.new, again.error) == (0, None)
    assert lying(inbox) == {"done/ferry.txt"}
    assert len(inbox.titles()) == 1
    assert inbox.state("Inbox").error is None


@pytest.mark.parametrize("name", ["take", "taken", "states"])
def test_a_database_that_refuses_leaves_the_files_where_they_are(inbox, monkeypatch, name):
    """A file leaves the folder only when what it said is kept."""
    drop(inbox, "ferry.txt", FERRY)
    failing(monkeypatch, subject.sources, name, StoreError("the disk is full"))
    with pytest.raises(StoreError):
        inbox.poll()
    taken = name == "states"  # what is remembered of the folder comes last
    assert lying(inbox) == ({"done/ferry.txt"} if taken else {"ferry.txt"})
    inbox.poll()
    assert lying(inbox) == {"done/ferry.txt"}
    assert len(inbox.titles()) == 1


def test_a_long_file_cut_short_by_a_crash_is_taken_in_again(inbox, monkeypatch):
    """The ledger knows a file with its last transaction, never before."""
    monkeypatch.setattr(taking, "_BATCH", 2)
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(5)]
    drop(inbox, "many.jsonl", "\n".join(lines))
    failing(monkeypatch, subject.sources, "take", StoreError("the power is gone"))
    with pytest.raises(StoreError):
        inbox.poll()
    assert 0 < len(inbox.titles()) < 5
    inbox.poll()
    assert inbox.titles() == sorted(item(n)["title"] for n in range(5))


def test_a_file_that_brings_out_a_defect_does_not_block_the_folder(inbox, monkeypatch):
    """It goes to failed/, and the files after it are taken."""
    drop(inbox, "a.txt", FERRY)
    drop(inbox, "b.txt", FERRY)
    failing(monkeypatch, taking, "changes", RecursionError("too deep"))
    polled = inbox.poll()
    assert polled.new == 1
    assert "too deep" in (inbox.folder / "drop/failed/a.txt.reason.txt").read_text()
    assert "done/b.txt" in lying(inbox)


def test_a_run_that_ends_waits_for_what_was_dropped_just_now(inbox):
    """A tick leaves a fresh file alone; a run that ends waits until it has settled."""
    inbox.settings = inbox.settings.model_copy(
        update={"folders": inbox.settings.folders.model_copy(update={"settle": timedelta(seconds=0.3)})}
    )
    inbox.clock = lambda: datetime.now(UTC)  # type: ignore[assignment]  # what settles does so by the real one
    drop(inbox, "ferry.txt", FERRY, written=datetime.now(UTC))
    chosen = inbox.settings.sources[0]

    async def first(pipeline: Pipeline) -> Polled:
        drop(inbox, "ferry.txt", FERRY, written=datetime.now(UTC))
        return await pipeline.poll(chosen)

    tick, patient = inbox.run(first, lambda pipeline: pipeline.poll(chosen, patient=True))
    assert (tick.new, patient.new) == (0, 1)


def test_a_run_that_ends_takes_everything(inbox, monkeypatch):
    """A tick takes so many files and lets others have their turn; a run that ends takes them all."""
    monkeypatch.setattr(subject, "_FILES_A_LOOK", 2)
    for number in range(5):
        drop(inbox, f"{number}.txt", f"{item(number)['title']}\n\n{item(number)['description']}\n")
    assert inbox.poll().new == 2
    assert inbox.poll(patient=True).new == 3


def test_a_folder_is_looked_into_though_the_clock_was_set_back(inbox):
    """The next look never lies further ahead than one is ever put."""

    async def names(pipeline: Pipeline) -> list[str]:
        return [source.name for source in pipeline.waiting()]

    async def look(pipeline: Pipeline) -> None:
        await pipeline.poll(inbox.settings.sources[0])

    async def set_back(_: Pipeline) -> None:
        inbox.clock.later(days=-1)

    assert inbox.run(look, names, set_back, names) == [None, [], None, ["Inbox"]]


# ---- writing and publishing ----


def test_a_cancelled_poll_waits_for_its_transaction(inbox, monkeypatch):
    """What is being committed when the service stops is committed, not torn."""
    drop(inbox, "ferry.txt", FERRY)
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
    assert lying(inbox) == {"ferry.txt"}, "it is moved by the next look"


def test_stories_are_published_and_written_once(inbox):
    """All three formats tell the story; the same stories are the same files, left alone."""
    drop(inbox, "ferry.txt", FERRY)
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
    batches = taking._batches(given_)
    assert [report for batch in batches for report in batch] == sorted(given_, key=lambda r: r.published)
    assert all(batches) or batches == [[]]
    for batch in batches:
        assert len(batch) <= taking._BATCH
        assert len(batch) <= 1 or sum(len(report.text) for report in batch) <= taking._BATCH_TEXT


def test_pruning_forgets_the_index_and_keeps_the_reports(inbox):
    """What has left the window is no candidate any more; the reports stay."""
    drop(inbox, "ferry.txt", FERRY)
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


# ---- what people correct meanwhile ----


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

    async def poll(pipeline: Pipeline) -> Polled:
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
        dedup = inbox.settings.dedup.model_copy(update={"story_bar": 0.7})
        pipeline.adopt(inbox.settings.model_copy(update={"dedup": dedup}))
        assert pipeline._linker is not before
        pipeline._linker.known.keys[1] = [1]

        def fail(_: Any) -> None:
            raise StoreError("the disk is full")

        with pytest.raises(StoreError):
            await pipeline._writer.write(fail)
        assert pipeline._linker.known.keys == {}

    inbox.run(reload_and_fail)
