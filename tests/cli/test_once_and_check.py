"""`run`, `once`, `check`, `db`, `backup`: what they do, and what they say of sources that fail."""

import contextlib
import re
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import BUDGET, FIRE
from prepared import configure, drop

from aggregator import cli


@pytest.mark.parametrize(
    ("program", "options", "said"),
    [
        ("/opt/x/bin/aggregator", [], "/opt/x/bin/aggregator"),
        (
            "/opt/x/bin/aggregator",
            ["--config", "my own.yaml"],
            "/opt/x/bin/aggregator --config 'my own.yaml'",
        ),
        ("/site-packages/aggregator/__main__.py", ["--config", "a.yaml"], "aggregator --config a.yaml"),
    ],
)
@pytest.mark.usefixtures("aggregator")
def test_the_service_says_how_its_stories_are_read(tmp_path, monkeypatch, program, options, said):
    """By the program that was started, with the configuration that it was given."""
    shutil.copy(tmp_path / "a.yaml", tmp_path / "my own.yaml")
    told: list[str] = []

    async def run(_: object, reread: object, command: str, config: Path | None) -> None:
        assert config == (Path(options[1]) if options else None)
        told.append(command)

    monkeypatch.setattr("aggregator.service.daemon.run", run)
    monkeypatch.setattr(sys, "argv", [program, *options, "run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, told) == (0, [said])


def test_once_says_what_came_and_publishes_it(told, tmp_path):
    """The second time nothing is new; the files are there."""
    assert told("once").out == "1 source polled: 0 new reports, 0 revised\n"
    assert {path.name for path in (tmp_path / "var/feeds").iterdir()} == {"all.rss", "all.atom", "all.json"}


def test_once_takes_a_file_dropped_just_now(aggregator, tmp_path):
    """With the shipped settings a file has to settle; a run that ends waits for it."""
    configure(tmp_path, folders={"settle": 0.4})
    drop(FIRE)
    assert "1 new report," in aggregator("once").out


def test_once_tells_failures_in_a_table_with_status_1(aggregator, tmp_path, origin, rss):
    """Source, what failed, what to do, a line each on standard error; the other sources are polled."""
    origin.pages |= {"/good": rss({"guid": "1", "title": FIRE[0], "description": FIRE[1]}), "/bad": 500}
    configure(
        tmp_path,
        *({"name": name, "url": f"{origin.url}/{name}", "allow_private": True} for name in ("good", "bad")),
    )
    Path("drop/tool.exe").write_text("MZ")
    done = aggregator("once")
    assert done.status == 1
    assert done.out == "3 sources polled: 1 new report, 0 revised, in 1 story\n"
    heading, *rows = done.err.splitlines()
    assert re.split(r"  +", heading) == ["source", "what failed", "what to do"]
    assert sorted(row.split()[0] for row in rows) == ["Inbox", "bad"]
    assert "500" in done.err
    assert "tool.exe: there is no reader for this kind of file" in done.err
    assert "Traceback" not in done.err


def test_once_tells_of_a_damaged_feed(aggregator, tmp_path, origin, rss):
    """One line on standard error; what could be saved is there, so it is no failure."""
    whole = rss({"guid": "1", "title": FIRE[0]}, {"guid": "2", "title": BUDGET[0]})
    origin.pages["/a"] = whole[: whole.rindex(b"</title>")]
    configure(tmp_path, {"name": "A\u200e", "url": f"{origin.url}/a", "allow_private": True})
    done = aggregator("once")
    assert done.status == 0
    assert "new report" in done.out
    assert done.error.startswith(r"aggregator: A\u200e is damaged: ")


def test_once_says_what_it_leaves_alone_and_why(aggregator, tmp_path, origin, rss):
    """A feed that is not due is no silence: `--all` polls it, but for one that is gone."""
    origin.pages |= {"/a": rss({"guid": "1", "title": FIRE[0]}), "/gone": 410}
    configure(
        tmp_path,
        *({"name": name, "url": f"{origin.url}/{name}", "allow_private": True} for name in ("a", "gone")),
    )
    assert aggregator("once").out.startswith("3 sources polled: 1 new report")
    due = aggregator("once")
    assert due.out == (
        "1 source polled: 0 new reports, 0 revised; 2 are paused or not due (--all polls what is not due)\n"
    )
    every = aggregator("once", "--all")
    assert every.out == (
        "2 sources polled: 0 new reports, 0 revised; 1 paused, asked to be left alone, or is gone\n"
    )
    assert (due.status, every.status) == (0, 0)
    assert [path for path, _, _ in origin.asked].count("/gone") == 1


def test_a_database_that_refuses_ends_once_in_one_line(aggregator, tmp_path):
    """Nothing that was dropped is lost."""
    aggregator("db", "upgrade")
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON report BEGIN SELECT raise(ABORT, 'full'); END"
        )
        connection.commit()
    drop(FIRE)
    done = aggregator("once")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("aggregator: database sqlite:///var/aggregator.db: ")
    assert Path("drop/reports.jsonl").exists()


def test_check_counts_and_tries(aggregator, tmp_path, origin, rss):
    """Alone it reads the configuration; with `--fetch` it tries each source and keeps nothing."""
    origin.pages |= {"/good": rss({"guid": "1", "title": FIRE[0]}), "/bad": 500}
    assert aggregator("check") == (0, "the configuration is good: 1 source\n", "")
    good = {"name": "good", "url": f"{origin.url}/good", "allow_private": True}
    configure(tmp_path, good)
    done = aggregator("check", "--fetch")
    assert done.status == 0
    first, folder, feed = done.out.splitlines()
    assert first == "the configuration is good: 2 sources"
    assert folder == "ok    Inbox: folder drop"
    assert re.fullmatch(r"ok    good: 1 entry, \d+ bytes", feed)
    configure(tmp_path, good, {"name": "bad", "url": f"{origin.url}/bad", "allow_private": True})
    done = aggregator("check", "--fetch")
    assert done.status == 1
    assert re.search(r"^FAIL  bad: .*500", done.out, re.MULTILINE)
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("command", ["check", "add"])
def test_nobody_is_asked_who_wants_to_be_left_alone(aggregator, tmp_path, origin, rss, command):
    """A Retry-After holds for a person too: `check --fetch` says so, and `add` asks nothing of that host."""
    origin.pages |= {"/feed": 429, "/good": rss({"title": FIRE[0]})}
    origin.fields = {"Retry-After": "7200"}
    configure(tmp_path, {"name": "Gazette", "url": f"{origin.url}/feed", "allow_private": True})
    assert aggregator("once").status == 1
    asked = len(origin.asked)
    given = ["check", "--fetch"] if command == "check" else ["add", f"{origin.url}/good", "--allow-private"]
    done = aggregator(*given)
    assert done.status == (0 if command == "check" else 1)
    assert "429: Gazette was asked to wait; all of 127.0.0.1 is left alone until" in done.out + done.err
    assert len(origin.asked) == asked


def test_db_upgrade_makes_the_database(aggregator, tmp_path):
    """And a second time it finds nothing to do."""
    for _ in range(2):
        assert aggregator("db", "upgrade") == (0, "the database is at the newest schema\n", "")
    assert (tmp_path / "var/aggregator.db").exists()


def test_a_backup_is_a_database_of_its_own(told, tmp_path, monkeypatch):
    """Its stories read as before; a second one over it is refused in one line."""
    before = told("stories", "--json").out
    assert "a whole copy" in told("backup", "copy.db").out
    done = told("backup", "copy.db")
    assert done.status == 1
    assert "copy.db is there already" in done.error
    monkeypatch.setenv("AGGREGATOR_DATABASE", "sqlite:///copy.db")
    assert told("stories", "--json").out == before


def test_once_says_who_could_not_be_told(aggregator, tmp_path, dead_port):
    """Nobody else would: it is tried again by the next run, and this one ends with 1."""
    target = {"name": "desk", "webhook": f"http://127.0.0.1:{dead_port}/", "words": ["ferry"]}
    configure(tmp_path, push={"targets": [target | {"allow_private": True}]})
    assert aggregator("once").status == 0
    drop(FIRE)
    done = aggregator("once")
    assert done.status == 1
    assert "1 new report" in done.out
    assert done.error.startswith("aggregator: target desk could not be told: ")
    assert "connection refused" in done.error


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that is bound, and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
