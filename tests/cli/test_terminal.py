"""What a terminal shows, and what becomes of output that nobody reads."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from events import BUDGET, FIRE
from prepared import TOP, configure, drop

from aggregator import cli


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
