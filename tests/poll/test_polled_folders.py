"""Drop folders, from real files into a real database file, and where each file is in the end."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from workbench import FERRY, Bench, failing, item

from aggregator.errors import FolderError, StoreError
from aggregator.poll import ingestion
from aggregator.poll import pipeline as subject
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.poll_result import PollResult


def test_a_file_is_stored_and_moves_to_done(inbox):
    """Its reports are in the database, and it is out of the way."""
    inbox.drop("ferry.txt", FERRY)
    polled = inbox.poll()
    assert (polled.new, len(polled.stories), polled.error, polled.refused) == (1, 1, None, ())
    assert inbox.titles() == ["The ferry Aurelia burns off Port Sallow"]
    assert inbox.lying() == {"done/ferry.txt"}


def test_a_bad_file_moves_to_failed_with_its_reason(inbox):
    """And the good one beside it is taken all the same."""
    inbox.drop("a.json", "{not json")
    inbox.drop("b.txt", FERRY)
    inbox.drop("c.exe", "MZ")
    polled = inbox.poll()
    assert polled.new == 1
    assert polled.error is None
    assert [reason.partition(":")[0] for reason in polled.refused] == ["a.json", "c.exe"]
    moved = {"failed/a.json", "failed/c.exe"}
    assert inbox.lying() == {"done/b.txt", *moved, *(f"{name}.reason.txt" for name in moved)}
    assert "no reader" in (inbox.folder / "drop/failed/c.exe.reason.txt").read_text()


@pytest.mark.parametrize(
    ("suffix", "broken", "kept", "said"),
    [
        (".jsonl", "{not json", 3, "1 of 4 lines hold no record: line 3"),
        (".json", "", 2, "more than 2 entries"),
    ],
)
def test_a_file_that_is_damaged_in_part_gives_the_rest_and_is_seen(tmp_path, suffix, broken, kept, said):
    """Its good entries are kept, and it lies in failed/ with the reason, as often as it is dropped."""
    (tmp_path / "drop").mkdir()
    inbox = Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"}, parse={"max_entries": 2})
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(3)]
    whole = [*lines[:2], *([broken] if broken else []), lines[2]]
    text = "\n".join(whole) if broken else f"[{','.join(whole)}]"
    for times, new in ((1, kept), (2, 0)):
        inbox.drop(f"many{suffix}", text)
        polled = inbox.poll()
        assert (polled.new, len(polled.refused)) == (new, 1)
        assert said in polled.refused[0]
        assert len(inbox.titles()) == kept
        assert len(inbox.lying()) == 2 * times
        assert all(name.startswith("failed/") for name in inbox.lying())
    assert said in (inbox.folder / f"drop/failed/many{suffix}.reason.txt").read_text()


def test_the_same_file_twice_changes_nothing(inbox):
    """Under the same name, under another one, or with a word before it that is no word."""
    inbox.drop("ferry.txt", FERRY)
    inbox.poll()
    before = inbox.rows("SELECT * FROM stories")
    inbox.drop("ferry.txt", FERRY)
    inbox.drop("copy.txt", FERRY)
    inbox.drop("other.txt", "\n" + FERRY + "\n")
    polled = inbox.poll()
    assert (polled.new, polled.revised, polled.refused) == (0, 0, ())
    assert inbox.rows("SELECT * FROM stories") == before
    assert len(inbox.lying()) == 4
    assert all(name.startswith("done/") for name in inbox.lying())


def test_a_file_that_was_taken_once_takes_nothing_back(inbox):
    """An old file, dropped again, does not undo what a later one has revised: the ledger knows it."""
    said = ("The ferry Aurelia burns", "The ferry Aurelia is towed")
    old, new = (json.dumps({"title": title, "url": "https://gazette.example/ferry"}) for title in said)
    for text, revised in ((old, 0), (new, 1), (old, 0)):
        inbox.drop("ferry.jsonl", text)
        assert inbox.poll().revised == revised
    assert inbox.titles() == [said[1]]


def test_a_crash_between_commit_and_move_is_made_good_by_the_next_look(inbox, monkeypatch):
    """The file lies there still, is known by its content, and moves; nothing is doubled."""
    inbox.drop("ferry.txt", FERRY)
    failing(monkeypatch, subject.folder, "done", FolderError("the disk is read-only", hint="wait"))
    polled = inbox.poll()
    assert isinstance(polled.error, FolderError)
    assert inbox.state("Inbox").error == "the disk is read-only"
    assert inbox.lying() == {"ferry.txt"}
    assert len(inbox.titles()) == 1
    again = inbox.poll()
    assert (again.new, again.error) == (0, None)
    assert inbox.lying() == {"done/ferry.txt"}
    assert len(inbox.titles()) == 1
    assert inbox.state("Inbox").error is None


@pytest.mark.parametrize("name", ["take", "taken", "states"])
def test_a_database_that_refuses_leaves_the_files_where_they_are(inbox, monkeypatch, name):
    """A file leaves the folder only when what it said is kept."""
    inbox.drop("ferry.txt", FERRY)
    failing(monkeypatch, subject.sources, name, StoreError("the disk is full"))
    with pytest.raises(StoreError):
        inbox.poll()
    taken = name == "states"  # what is remembered of the folder comes last
    assert inbox.lying() == ({"done/ferry.txt"} if taken else {"ferry.txt"})
    inbox.poll()
    assert inbox.lying() == {"done/ferry.txt"}
    assert len(inbox.titles()) == 1


def test_a_long_file_cut_short_by_a_crash_is_taken_in_again(inbox, monkeypatch):
    """The ledger knows a file with its last transaction, never before."""
    monkeypatch.setattr(ingestion, "_BATCH", 2)
    lines = [json.dumps({"title": item(n)["title"], "text": item(n)["description"]}) for n in range(5)]
    inbox.drop("many.jsonl", "\n".join(lines))
    failing(monkeypatch, subject.sources, "take", StoreError("the power is gone"))
    with pytest.raises(StoreError):
        inbox.poll()
    assert 0 < len(inbox.titles()) < 5
    inbox.poll()
    assert inbox.titles() == sorted(item(n)["title"] for n in range(5))


def test_a_run_that_ends_waits_for_what_was_dropped_just_now(inbox):
    """A tick leaves a fresh file alone; a run that ends waits until it has settled."""
    inbox.settings = inbox.settings.model_copy(
        update={"folders": inbox.settings.folders.model_copy(update={"settle": timedelta(seconds=0.3)})}
    )
    inbox.clock = lambda: datetime.now(UTC)  # type: ignore[assignment]  # what settles does so by the real one
    inbox.drop("ferry.txt", FERRY, written=datetime.now(UTC))
    chosen = inbox.settings.sources[0]

    async def first(pipeline: Pipeline) -> PollResult:
        inbox.drop("ferry.txt", FERRY, written=datetime.now(UTC))
        return await pipeline.poll(chosen)

    tick, patient = inbox.run(first, lambda pipeline: pipeline.poll(chosen, patient=True))
    assert (tick.new, patient.new) == (0, 1)


def test_a_run_that_ends_takes_everything(inbox, monkeypatch):
    """A tick takes so many files and lets others have their turn; a run that ends takes them all."""
    monkeypatch.setattr(subject, "_FILES_A_LOOK", 2)
    for number in range(5):
        inbox.drop(f"{number}.txt", f"{item(number)['title']}\n\n{item(number)['description']}\n")
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
