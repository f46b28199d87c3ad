"""The command line: what people type, what they read, and what scripts rely on."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN

from aggregator import cli
from storage import forgetting
from storage.database import Database

TOP = Path(__file__).resolve().parents[1]
COMMANDS = (
    *("run", "once", "check", "backup", "stories", "show", "explain"),
    *("sources", "add", "import", "export"),
    *("merge", "split", "undo", "corrections", "rehearse", "recluster"),
    *("evaluate", "db", "db upgrade", "schema", "completion", "man"),
)


@pytest.fixture
def aggregator(aggregator, tmp_path, monkeypatch) -> Callable[..., Any]:
    """The same, with a configuration and a drop folder."""
    monkeypatch.setenv("AGGREGATOR_CONFIG", "a.yaml")
    (tmp_path / "drop").mkdir()
    configure(tmp_path)
    return aggregator


def configure(folder: Path, *given: dict[str, Any], **more: Any) -> None:
    """Write the configuration: the inbox, and these sources."""
    inbox = {"name": "Inbox", "folder": "drop"}
    settings = {"sources": [inbox, *given], "folders": {"settle": "0s"}, "fetch": {"host_spacing": "0s"}}
    (folder / "a.yaml").write_text(json.dumps(settings | more))


def drop(
    *texts: tuple[str, str], publishers: tuple[str, ...] = ("Harbour News", "Island Times", "Post")
) -> None:
    """Put a file with these reports, each by its publisher, into the folder."""
    lines = [
        {
            "title": title,
            "text": text,
            "source": publisher,
            "published": "2026-11-20T09:30:00Z",
            "url": f"https://{publisher.split()[0].lower()}.example/{title.split()[0].lower()}",
        }
        for (title, text), publisher in zip(texts, publishers, strict=False)
    ]
    Path("drop/reports.jsonl").write_text("\n".join(map(json.dumps, lines)))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """What `told` needs a second to make."""
    return tmp_path_factory.mktemp("told")


@pytest.fixture
def told(aggregator, tmp_path, kept) -> Callable[..., Any]:
    """The same, with a story of two reports (1 and 2) and one of a single report (3)."""
    if (kept / "var").exists():
        shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
        return aggregator
    drop(FIRE, FIRE_AGAIN, BUDGET)
    done = aggregator("once")
    assert (done.status, done.err) == (0, "")
    assert done.out == "1 source polled: 3 new reports, 0 revised, in 2 stories\n"
    shutil.copytree(tmp_path, kept, dirs_exist_ok=True)
    return aggregator


# ---- all commands ----


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(aggregator, command):
    """`--help` says how it is called and what it does, in whole sentences."""
    done = aggregator(*command.split(), "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: aggregator {command}".rstrip())
    assert "..." not in done.out.partition("Commands:")[2]


def test_every_command_is_listed(aggregator):
    """And nothing that is not tested here."""
    listed = re.findall(r"^  (\w+) ", aggregator("--help").out.partition("Commands:")[2], re.MULTILINE)
    assert sorted(listed) == sorted({command.split()[0] for command in COMMANDS})


def test_help_imports_nothing_heavy():
    """So that it answers at once, and completion in a shell too."""
    program = (
        "import sys; sys.argv = ['aggregator', '--help']\n"
        "from aggregator.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"sqlalchemy", "alembic", "aiohttp", "numpy", "pydantic", "feedparser", "apscheduler", "rich"}
    heavy |= {"datasketch", "wordfreq", "ruamel", "nh3", "storage"}
    assert set(done.stderr.split()) & heavy == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["show"], "Missing argument 'STORY'"),
        (["show", "first"], "'first' is not a valid integer"),
        (["once", "--everything"], "No such option '--everything'"),
        (["stories", "--since", "3x"], "'3x' is no duration; write 30s, 15m, 2h or 1d"),
        (["stories", "--limit", "0"], "0 is not in the range"),
        (["stories", "--config", "x.yaml"], "before the command: aggregator --config FILE stories (see"),
        (["db", "upgrade", "--debug"], "before the command: aggregator --debug db upgrade (see"),
        (["evaluate", "none.jsonl"], "'none.jsonl' does not exist"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_the_way_to_help(aggregator, arguments, said):
    """Status 2, nothing on standard output."""
    done = aggregator(*arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.error
    assert re.search(r"\(see `aggregator[a-z ]* --help`\)$", done.error)


@pytest.mark.parametrize(
    "command", ["run", "once", "check", "stories", "show 1", "explain 1 2", "db upgrade"]
)
def test_a_wrong_configuration_is_told_one_problem_a_line(aggregator, tmp_path, command):
    """File, line, column, what was meant; status 2, and nothing has started."""
    (tmp_path / "a.yaml").write_text(
        "surces: []\nsources:\n  - {name: Inbox, folder: nowhere}\n  - {name: B, url: 'ftp://x'}\n"
    )
    done = aggregator(*command.split())
    assert (done.status, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) == (3 if command in ("run", "once", "check") else 2), "only some look into folders"
    assert all(re.match(r"a\.yaml:\d+:\d+: ", line) for line in lines), lines
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("command", ["stories", "stories --json", "show 1", "explain 1 a.yaml"])
def test_reading_makes_no_database(aggregator, tmp_path, command):
    """A command in the wrong folder says so, and leaves nothing behind."""
    done = aggregator(*command.split())
    assert (done.status, done.out) == (1, "")
    assert done.error == (
        "aggregator: there is no database at var/aggregator.db (`aggregator once` or `run` makes it; "
        "relative paths are below the working directory)"
    )
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("command", ["stories", "show 1", "explain 1 3", "db upgrade"])
def test_reading_needs_no_drop_folder(told, tmp_path, command):
    """Only those that look into a folder mind that it is gone."""
    shutil.rmtree(tmp_path / "drop")
    assert told(*command.split()).status == 0
    assert told("check").status == 2


def test_a_configuration_that_is_not_there_is_one_line(aggregator):
    """With the two ways to name another."""
    done = aggregator("--config", "none.yaml", "check")
    assert done.status == 2
    assert done.error.startswith("none.yaml: there is no such file")
    assert "--config" in done.error


@pytest.mark.parametrize("command", ["run", "once", "stories", "show 1", "db upgrade"])
def test_a_database_that_is_none_is_one_line(aggregator, tmp_path, command):
    """Which, why, and what to do; status 1."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var/aggregator.db").write_text("this is a letter to my aunt, and no database at all\n" * 50)
    done = aggregator(*command.split())
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("aggregator: database sqlite:///var/aggregator.db: ")
    assert "not a database" in done.error


def test_a_traceback_is_shown_to_those_who_ask(aggregator, monkeypatch):
    """`--debug` shows it, of our errors and of defects; without it, there is one line."""
    aggregator("db", "upgrade")
    assert aggregator("show", 9).error == "aggregator: there is no story 9 (`aggregator stories` lists them)"

    def asked(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", *arguments],
            env=os.environ | {"PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        return done.stderr

    assert "Traceback (most recent call last)" in asked("--debug", "show", "9")
    assert "Traceback" not in asked("show", "9")

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody\nforesaw it")

    monkeypatch.setattr("storage.stories.resolve", broken)
    done = aggregator("show", 1)
    assert done.status == 1
    assert "a defect: please report it with the output of --debug" in done.error


# ---- run, once, check, db ----


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

    async def run(_: object, reread: object, command: str) -> None:
        told.append(command)

    monkeypatch.setattr("aggregator.daemon.run", run)
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
    assert due.out == "1 source polled: 0 new reports, 0 revised; 2 are not due (--all polls them too)\n"
    every = aggregator("once", "--all")
    assert every.out == ("2 sources polled: 0 new reports, 0 revised; 1 asked to be left alone, or is gone\n")
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


# ---- stories, show ----


def test_stories_as_json_have_the_promised_shape(told):
    """One object a line, with these keys and no others."""
    done = told("stories", "--json")
    assert (done.status, done.err) == (0, "")
    assert len(done.objects) == 2
    for story in done.objects:
        assert list(story) == ["id", "title", "updated", "publishers", "voices", "reports"]
        for report in story["reports"]:
            assert list(report) == ["id", "title", "url", "publisher", "source", "published", "evidence"]
            assert {"layer", "score", "bar"} <= set(report["evidence"])
    (fire,) = (story for story in done.objects if len(story["reports"]) == 2)
    assert sorted(fire["publishers"]) == ["Harbour News", "Island Times"]
    assert {report["source"] for report in fire["reports"]} == {"Inbox"}
    assert {report["published"] for report in fire["reports"]} == {"2026-11-20T09:30:00+00:00"}
    assert "https://harbour.example/ferry" in {report["url"] for report in fire["reports"]}


def test_stories_are_a_table_for_people(told):
    """In a pipe each story is one line, however long its title; times say that they are UTC."""
    done = told("stories")
    heading, *rows = done.out.splitlines()
    counts = ["reports", "publishers", "voices"]
    assert re.split(r"  +", heading) == ["story", "updated (UTC)", *counts, "told by", "title"]
    assert len(rows) == 2
    assert any(
        re.search(r" 2  +.*Harbour News.*, .*Island Times|Island Times, Harbour News", row) for row in rows
    )
    assert any(row.endswith(BUDGET[0]) for row in rows)


def test_a_list_that_is_cut_says_so(told):
    """A table shows so many and says that there are more; JSON shows all unless it is asked for fewer."""
    done = told("stories", "--limit", "1")
    assert len(done.out.splitlines()) == 2
    assert "there are more" in done.error
    assert len(told("stories", "--limit", "1", "--json").objects) == 1
    assert told("stories").err == ""


def test_no_stories_are_told_apart_from_none_lately(aggregator):
    """What to do where there are none; that there was nothing where there are some."""
    aggregator("db", "upgrade")
    assert aggregator("stories").out == "no stories yet; `aggregator once` polls the sources\n"
    drop(FIRE)
    aggregator("once")
    assert aggregator("stories", "--since", "0s").out == "no story has gained anything since then\n"
    assert FIRE[0] in aggregator("stories", "--since", "2d").out
    assert aggregator("stories", "--since", "0s", "--json") == (0, "", "")


@pytest.fixture
def terminal(monkeypatch, capsys) -> Callable[[int], None]:
    """Makes standard output a terminal of so many columns."""

    def make(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))

    return make


@pytest.mark.parametrize(
    ("command", "columns", "left_out", "shown"),
    [
        ("stories", 60, {"voices", "publishers", "told by", "reports"}, FIRE[0][:28]),
        ("stories", 80, {"voices", "publishers"}, FIRE[0][:28]),
        ("stories", 120, set(), FIRE[0][:45]),
        ("sources", 50, {"304", "told", "why then", "reports"}, "The Harbour"),
        ("sources", 80, {"304", "told", "why then"}, "127.0.0.1:1: no connection"),
        ("sources", 200, set(), "The Harbour Gazette"),
    ],
)
def test_a_narrow_terminal_shows_less_and_it_can_be_read(
    aggregator, tmp_path, terminal, command, columns, left_out, shown
):
    """The columns that tell least go; of those that stay no heading is cut, and texts have room."""
    gazette = {"name": "The Harbour Gazette", "url": "http://127.0.0.1:1/", "allow_private": True}
    configure(tmp_path, gazette)
    drop(FIRE, BUDGET)
    aggregator("once")
    terminal(columns)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in aggregator(command).out.splitlines()]
    assert max(map(len, lines)) <= columns
    assert "…" not in lines[0]
    assert not any(name in lines[0] for name in left_out), lines[0]
    assert sum(shown in line for line in lines) == 1, lines


def test_standard_output_may_be_closed(told, monkeypatch):
    """`aggregator stories >&-`: nothing is printed, and nothing breaks."""
    monkeypatch.setattr(sys, "stdout", None)
    for command in ("stories", "sources", "show 1"):
        assert told(*command.split()) == (0, "", ""), command


def test_a_ctrl_c_while_commands_are_imported_is_one_too(aggregator, monkeypatch):
    """They take a moment; no traceback tells of it."""
    monkeypatch.setattr(cli, "_register", Mock(side_effect=KeyboardInterrupt))
    assert aggregator("stories") == (130, "", "")


def test_a_title_cannot_steer_the_terminal(aggregator):
    """Nor break a line of the table, nor be taken for markup."""
    drop(("[red]Odd[/red]\u202e title \u001b[31m of a report", "Something or other happened somewhere."))
    aggregator("once")
    for done in (aggregator("stories"), aggregator("show", 1)):
        assert "[red]Odd[/red]" in done.out
        assert all(line.isprintable() for line in done.out.splitlines())


def test_an_error_cannot_steer_the_terminal(aggregator, tmp_path, origin):
    """Neither the name of a source nor that of a file hides or moves anything, in either command."""
    configure(tmp_path, {"name": "Bad\u200e[red]", "url": f"{origin.url}/bad", "allow_private": True})
    Path("drop/a\u202e\u001b[31m.exe").write_text("MZ")
    for done in (aggregator("once"), aggregator("check", "--fetch")):
        assert done.status == 1
        assert r"Bad\u200e[red]" in done.out + done.err
        assert all(line.isprintable() for line in (done.out + done.err).splitlines())


def test_evidence_cannot_steer_the_terminal(told, tmp_path):
    """Shared words come from reports; nor can the name of a publisher."""
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        connection.execute("UPDATE membership SET evidence = replace(evidence, 'Aurelia', 'Aur\\u202eelia')")
        connection.execute("UPDATE report SET publisher = 'Post' || char(8238) || char(27)")
        connection.commit()
    for done in (told("stories"), told("show", 1)):
        assert (done.status, done.err) == (0, "")
        assert r"\u202e" in done.out
        assert all(line.isprintable() for line in done.out.splitlines())


def test_a_reader_who_has_seen_enough_is_no_error(told, tmp_path):
    """`aggregator stories | head`: nothing is said about the pipe."""
    titles = [f"{number} {'is a number and nothing else, ' * 33}" for number in range(40)]
    lines = "".join(json.dumps({"title": title, "text": "Nothing."}) + "\n" for title in titles)
    (tmp_path / "drop/many.jsonl").write_text(lines)
    told("once")
    command = f"{sys.executable} -m aggregator stories --json | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command],
        env=os.environ | {"PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_is_no_defect(told):
    """One clear line, of what and why."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", "stories", "--json"],
            env=os.environ | {"PYTHONPATH": str(TOP)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    said = "aggregator: cannot write to standard output: No space left on device; free some disk space\n"
    assert done.stderr == said


def test_a_backup_is_a_database_of_its_own(told, tmp_path, monkeypatch):
    """Its stories read as before; a second one over it is refused in one line."""
    before = told("stories", "--json").out
    assert "a whole copy" in told("backup", "copy.db").out
    done = told("backup", "copy.db")
    assert done.status == 1
    assert "copy.db is there already" in done.error
    monkeypatch.setenv("AGGREGATOR_DATABASE", "sqlite:///copy.db")
    assert told("stories", "--json").out == before


def test_a_story_that_was_forgotten_is_over(told, tmp_path):
    """Its id answers, and with something else than one that never was."""
    newest = max(story["id"] for story in told("stories", "--json").objects)
    database = Database(f"sqlite:///{tmp_path}/var/aggregator.db")
    with database.writing() as tx:
        forgetting.stories(tx, [newest])
    database.close()
    done = told("show", newest)
    assert done.status == 1
    assert "is over" in done.error
    assert "there is no story" in told("show", newest + 1).error


def test_show_tells_every_report_and_why_it_is_there(told):
    """Publisher, date in UTC, title, address, and the words that carried it."""
    done = told("show", 1)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[1].startswith("story 1: 2 reports, 2 publishers, 2 independent texts, updated ")
    assert lines[1].endswith(" UTC")
    for text in (
        FIRE[0],
        FIRE_AGAIN[0],
        "Harbour News, 2026-11-20 09:30 UTC",
        "https://island.example/rescuers",
    ):
        assert text in done.out
    assert "opened a story" in done.out
    assert re.search(r"the same event, closest to report \d: score 0\.\d\d, bar 0\.\d\d", done.out)
    assert re.search(r"^ +names +.*Aurelia", done.out, re.MULTILINE)
    assert re.search(r"^ +numbers +214", done.out, re.MULTILINE)


def test_show_says_where_a_report_that_was_the_reason_has_gone(told):
    """Evidence is of the day it was made: what has left since is not looked for among those shown."""
    closest = re.search(r"closest to report (\d)", told("show", 1).out)
    assert "no more" not in told("show", 1).out
    told("split", 1, closest[1])
    done = told("show", 1)
    assert f"        the same event, closest to report {closest[1]} (here no more): score" in done.out
    assert f"came: the same event, closest to report {closest[1]}: score" in done.out


def test_show_as_json_is_the_story_and_its_history(told):
    """The same object as in the list, with what joined, was merged into it, moved or was corrected."""
    (listed,) = (story for story in told("stories", "--json").objects if story["id"] == 1)
    (shown,) = told("show", 1, "--json").objects
    history = shown.pop("history")
    assert shown == listed
    assert [(event["what"], event["report"]) for event in history] == [("joined", 1), ("joined", 2)]


def test_show_follows_an_id_that_was_merged(told, tmp_path):
    """An id once shown answers for ever."""
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        connection.execute("UPDATE membership SET story_id = 1")
        connection.execute("UPDATE story SET merged_into = 1 WHERE id = 2")
        connection.execute(
            "INSERT INTO history (at, story_id, what, from_story, score) "
            "SELECT updated, 1, 'merged', 2, 0.75 FROM story WHERE id = 1"
        )
        connection.commit()
    done = told("show", 2)
    assert done.out.startswith("story 2 was merged into 1\n")
    assert re.search(r"  took over story 2: score 0\.75$", done.out, re.MULTILINE)
    (shown,) = told("show", 2, "--json").objects
    assert shown["id"] == 1
    assert [event["from_story"] for event in shown["history"] if event["what"] == "merged"] == [2]


@pytest.mark.parametrize("story", [7, 0, 2**63, 10**40])
def test_a_story_that_never_was_is_one_line(told, story):
    """Whatever the number."""
    done = told("show", story)
    assert (done.status, done.out) == (1, "")
    assert done.error == f"aggregator: there is no story {story} (`aggregator stories` lists them)"


# ---- explain ----


def test_explain_lays_out_every_signal(told):
    """A line each with value, weight and what it adds; the shared words; the verdict in a sentence."""
    done = told("explain", 1, "https://island.example/rescuers")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"^A  report \d, .*2026-11-20: ", done.out, re.MULTILINE)
    assert re.search(r"^signal +value +weight +adds +meaning$", done.out, re.MULTILINE)
    assert re.search(r"^  names +.*Aurelia", done.out, re.MULTILINE)
    assert re.search(r"^  numbers +A: .*; B: ", done.out, re.MULTILINE)
    assert re.search(r"^one event: probability 0\.\d\d reaches the bar", done.out.splitlines()[-1])


def test_explain_as_json_is_one_object(told):
    """The same facts for scripts."""
    (found,) = told("explain", 1, 3, "--json").objects
    assert {"rows", "probability", "bar", "verdict", "shared", "against", "stories", "whole"} <= set(found)
    assert found["verdict"].startswith("not one event")


def test_explain_takes_files(aggregator, tmp_path):
    """Two files that nobody has dropped: the samples that are shipped."""
    samples = sorted((TOP / "config/samples").glob("*.txt"))
    for sample in samples:
        shutil.copy(sample, tmp_path)
    done = aggregator("explain", *(sample.name for sample in samples))
    assert done.status == 0
    assert not (tmp_path / "var").exists()
    assert done.out.splitlines()[-1].startswith("one event: ")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("99", "'99': there is no such report"),
        ("9" * 30, "there is no such report"),
        ("²", "'²': no report id, no address and no file"),
        ("https://nowhere.example/x", "'https://nowhere.example/x': there is no such report"),
        ("none.txt", "'none.txt': no report id, no address and no file"),
        ("x" * 3000, "cannot be read: File name too long"),
        ("drop", "'drop': cannot be read: Is a directory"),
        ("a.yaml", "a.yaml: no reader for '.yaml'"),
    ],
)
def test_what_cannot_be_explained_is_one_line_with_a_hint(told, other, said):
    """Ids, addresses and files that are none."""
    done = told("explain", 1, other)
    assert (done.status, done.out) == (1, "")
    assert said in done.error
    assert done.error.endswith(")")
    assert len(done.error) < 300


# ---- evaluate, schema ----


@pytest.fixture
def labelled(tmp_path) -> Path:
    """A labelled file of three reports of two events, and one that has no label."""
    rows = [(*FIRE, "fire"), (*FIRE_AGAIN, "fire"), (*BUDGET, "budget"), ("Weather tomorrow", "Rain.", None)]
    path = tmp_path / "labelled.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({"id": str(n), "title": title, "text": text, "cluster": label}, ensure_ascii=False)
            for n, (title, text, label) in enumerate(rows)
        )
    )
    return path


def test_evaluate_as_json_is_one_object(aggregator, labelled):
    """With the promised keys; a perfect score where there is nothing to miss."""
    (found,) = aggregator("evaluate", labelled, "--json").objects
    promised = {"b3_precision", "b3_recall", "b3_f1", "pair_f1", "ari", "stories", "reports"}
    assert promised | {"reports_per_second"} <= set(found)
    assert (found["b3_f1"], found["pair_f1"], found["ari"]) == (1, 1, 1)
    assert (found["stories"], found["reports"]) == (2, 3)


def test_evaluate_prints_all_figures(aggregator, labelled):
    """Precision, recall and F1 of both kinds, ARI, stories, speed and memory."""
    done = aggregator("evaluate", labelled)
    assert done.status == 0
    for word in ("precision", "B-cubed", "pairs", "Rand", "2 stories", "3 of 4 reports", "a second", "MiB"):
        assert word in done.out
    assert aggregator("evaluate", labelled, "--titles-only", "--max-chars", "50").status == 0


def test_a_labelled_file_that_is_none_is_one_line(aggregator, tmp_path):
    """With the line at which it goes wrong."""
    (tmp_path / "bad.jsonl").write_text('{"title": "x", "cluster": "c"}\nnonsense\n')
    done = aggregator("evaluate", "bad.jsonl")
    assert (done.status, done.out) == (1, "")
    assert "bad.jsonl, line 2" in done.error


@pytest.mark.parametrize("content", ["", '{"title": "x", "cluster": null}\n'])
def test_a_file_without_labels_is_no_perfect_score(aggregator, tmp_path, content):
    """There is nothing to compare with."""
    (tmp_path / "none.jsonl").write_text(content)
    done = aggregator("evaluate", "none.jsonl", "--json")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("aggregator: none.jsonl: no report has a label (")


def test_evaluate_needs_no_configuration(aggregator, labelled, tmp_path):
    """Nor does the schema."""
    (tmp_path / "a.yaml").unlink()
    assert aggregator("evaluate", labelled).status == 0
    assert json.loads(aggregator("schema").out)["$schema"].startswith("https://json-schema.org/")


# ---- merge, split, undo, corrections ----


def partition(aggregator: Callable[..., Any]) -> dict[int, set[int]]:
    """Story ids and the ids of their reports."""
    objects = aggregator("stories", "--json").objects
    return {story["id"]: {report["id"] for report in story["reports"]} for story in objects}


def test_a_person_corrects_and_takes_it_back(told):
    """Each command says what it did, `corrections` lists it, and old ids lead to where the reports are."""
    before = partition(told)
    done = told("merge", 1, 2)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("together (correction 1)\n  story 1: Ferry Aurelia")
    assert partition(told) == {1: {1, 2, 3}}
    assert told("show", 2).out.startswith("story 2 was merged into 1\n")
    assert "took over story 2: a person said so (correction 1)" in told("show", 1).out
    done = told("split", 2, "https://island.example/rescuers")  # an old id, and an address
    assert "correction 1 said otherwise of some of these reports; the newest counts" in done.out
    assert partition(told) == {1: {1, 3}, 3: {2}}
    assert "a person put it here (correction 2)" in told("show", 3).out
    assert [each["what"] for each in told("corrections", "--json").objects] == ["merge", "split"]
    assert told("undo").out.startswith("undone (correction 2)\n")
    assert told("undo").status == 0
    assert partition(told) == before
    listed = told("corrections").out.splitlines()
    assert [line.split()[0] for line in listed] == ["no", "1", "2"]
    assert "together: story 1 'Ferry" in listed[1]
    assert all(each["undone"] for each in told("corrections", "--json").objects)
    assert "took over story 3: a person took it back (correction 2)" in told("show", 1).out


def test_corrections_hold_for_all_that_comes_later(told, tmp_path):
    """Files that are dropped later, by a service that was running or not, do not undo them."""
    told("split", 1, 2)
    drop(FIRE, FIRE_AGAIN, FIRE_AGAIN, publishers=("Harbour News", "Island Times", "Post"))
    (tmp_path / "drop/again.md").write_text(f"# {FIRE[0]}\n\n{FIRE[1]}\n")
    assert told("once").status == 0
    apart = partition(told)
    assert not any({1, 2} <= members for members in apart.values())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("merge", 1, 9), "there is no story 9"),
        (("merge", 1, 1), "that is one story already"),
        (("split", 1, 3), "report 3 is not in story 1"),
        (("split", 1, "fire.txt"), "there is no such report"),
        (("undo",), "there is no correction to undo"),
    ],
)
def test_what_cannot_be_corrected_is_one_line(told, command, said):
    """With the remedy, and exit status 1."""
    done = told(*command)
    assert (done.status, done.out) == (1, "")
    assert said in done.error
    assert done.error.endswith(")")


def test_published_feeds_show_a_correction(told, tmp_path):
    """After a merge one item less, with its id in no feed any more; after the undo it is back."""

    def items() -> dict[str, int]:
        told("once", "--all")
        feed = json.loads((tmp_path / "var/feeds/all.json").read_text())
        replaced.append([old for item in feed["items"] for old in item["_story"].get("replaces", ())])
        return {item["id"]: len(item["_story"]["reports"]) for item in feed["items"]}

    replaced: list[list[str]] = []
    before = items()
    told("merge", 1, 2)
    (merged,) = items().items()
    assert {merged[0], *replaced[-1]} == before.keys()
    assert merged[1] == 3
    told("undo")
    assert items() == before


# ---- rehearse, recluster ----


def test_a_rehearsal_for_people_and_for_scripts(told):
    """What would split and merge, by titles; scored by what was corrected; and nothing is touched."""
    before = partition(told)
    done = told("rehearse", "--set", "dedup.story_bar=0.9999")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("3 reports: 2 stories now, 3 then\nwould split story 1 'Ferry Aurelia")
    assert "nobody has corrected anything here yet" in done.out
    told("split", 1, 2)
    scored = told("rehearse", "--set", "dedup.story_bar=0.9999").out
    assert "with the present settings: 0 of 1 apart\n" in scored
    assert "with the rehearsed settings: 1 of 1 apart\n" in scored
    (found,) = told("rehearse", "--json", "--since", "2d").objects
    assert list(found) == ["reports", "stories", "merges", "splits", "corrections"]
    assert found["corrections"]["present"]["apart"] == {"honoured": 0, "of": 1}
    assert (found["merges"], found["splits"]) == ([], [])
    told("undo")
    assert partition(told) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("story_bar=0.7", "is not dedup.KEY=VALUE"),
        ("dedup.story_bar", "is not dedup.KEY=VALUE"),
        ("dedup.bar=0.7", "there is no such key; there are window, story_bar"),
        ("dedup.story_bar=2", "'2' is too large; at most 1.0"),
        ("dedup.window=abc", "'dedup.window': 'abc' is no duration"),
        ("dedup.story_bar=abc", "'dedup.story_bar': 'abc' is no number"),
    ],
)
def test_a_setting_that_cannot_be_tried_is_one_line(told, given, said):
    """With the key, and exit status 2, like every wrong command line."""
    done = told("rehearse", "--set", given)
    assert (done.status, done.out) == (2, "")
    assert said in done.error


def test_clustering_again_for_good(told):
    """It says what it did; corrections hold."""
    told("merge", 1, 2)
    done = told("recluster")
    assert (done.status, done.err) == (0, "")
    assert done.out == "3 reports, 1 story before, 1 now; 0 reports in another story, 0 with a new sketch\n"
    assert partition(told) == {1: {1, 2, 3}}


def test_the_preferred_publisher_gives_the_title(told, tmp_path):
    """The first that a story has, in any case of letters; clustering again applies it to old stories."""
    titles = {story["title"] for story in told("stories", "--json").objects}
    configure(tmp_path, prefer=["Nobody", "ISLAND times", "Harbour News"])
    told("recluster")
    preferred = {story["title"] for story in told("stories", "--json").objects}
    assert titles == {FIRE[0], BUDGET[0]}
    assert preferred == {FIRE_AGAIN[0], BUDGET[0]}
