"""The command line: what all commands have in common, from --help to a traceback for those who ask."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from prepared import TOP

COMMANDS = (
    *(
        "user",
        "user add",
        "user remove",
        "user list",
        "user password",
        "user token",
        "run",
        "serve",
        "export-site",
        "once",
        "check",
        "backup",
        "stories",
        "show",
        "explain",
    ),
    *("sources", "add", "import", "export"),
    *(
        "merge",
        "split",
        "undo",
        "corrections",
        "rehearse",
        "recluster",
        "learn",
        "search",
        "load",
        "pause",
        "resume",
    ),
    *("evaluate", "db", "db upgrade", "schema", "completion", "man"),
)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(aggregator, command):
    """`--help` says how it is called and what it does, in whole sentences."""
    done = aggregator(*command.split(), "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: aggregator {command}".rstrip())
    assert "..." not in done.out.partition("Commands:")[2]


def test_every_command_is_listed(aggregator):
    """And nothing that is not tested here."""
    listed = re.findall(r"^  ([\w-]+) ", aggregator("--help").out.partition("Commands:")[2], re.MULTILINE)
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
