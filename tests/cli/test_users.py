"""Readers with names, on the command line."""

import io
import sys

import pexpect
import pytest

from aggregator.serve import passwords
from aggregator.serve.visitors import digest
from storage import readers
from storage.database import Database


@pytest.fixture
def typed(told, monkeypatch):
    """Runs a command that reads a line, which no terminal echoes."""

    def run(line: str, *arguments: str):
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        return told("user", *arguments)

    return run


@pytest.fixture
def stored(tmp_path):
    """What is kept of ines: her password's hash, and her tokens."""

    def look():
        database = Database(f"sqlite:///{tmp_path}/var/aggregator.db")
        with database.reading() as tx:
            reader, kept = readers.by_name(tx, "ines")
            found = kept, readers.tokens(tx, reader.id)
        database.close()
        return found

    return look


def test_readers_come_and_go(told, typed):
    """Added, listed, added once only, removed, and unknown then."""
    assert typed("correct horse\n", "add", "ines").out == "ines may log in\n"
    assert "ines" in told("user", "list").out
    again = typed("correct horse\n", "add", "ines")
    assert (again.status, "already" in again.error) == (1, True)
    assert told("user", "remove", "ines").status == 0
    for gone in (
        told("user", "remove", "ines"),
        typed("", "password", "ines"),
        told("user", "token", "ines", "x"),
    ):
        assert (gone.status, "no reader 'ines'" in gone.error) == (1, True)
    assert "nobody has a name" in told("user", "list").out


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("", "correct horse\n", "is no name"),
        ("in\nes", "correct horse\n", "is no name"),
        (" ines", "correct horse\n", "is no name"),
        ("x" * 101, "correct horse\n", "is no name"),
        ("ines", "short\n", "8 to 200 characters"),
        ("ines", "", "8 to 200 characters"),
        ("ines", "x" * 201 + "\n", "8 to 200 characters"),
    ],
)
def test_what_is_no_name_or_no_password(typed, name, line, said):
    """Is refused, with what it should be."""
    done = typed(line, "add", name)
    assert done.status == 1
    assert said in done.error


def test_a_password_is_no_argument(told):
    """Everybody on a machine can read those."""
    assert "--password" not in told("user", "add", "--help").out


def test_a_password_can_be_changed(typed, stored):
    """The new one fits, the old one does not."""
    typed("correct horse\n", "add", "ines")
    assert typed("battery staple\r\n", "password", "ines").status == 0
    kept, _ = stored()
    assert passwords.fits(kept, "battery staple")
    assert not passwords.fits(kept, "correct horse")


def test_a_token_is_shown_once(told, typed, stored):
    """Only its digest is kept; one of the same name replaces it, and it can be taken back."""
    typed("correct horse\n", "add", "ines")
    first = told("user", "token", "ines", "phone").out.strip()
    second = told("user", "token", "ines", "phone", "--write").out.strip()
    _, tokens = stored()
    assert [(each.name, each.scope) for each in tokens] == [("phone", "write")]
    assert first != second
    assert len(digest(second)) == 32
    listed = told("user", "list").out
    assert "phone (write)" in listed
    assert second not in listed
    assert told("user", "token", "ines", "phone", "--revoke").status == 0
    assert stored()[1] == []
    again = told("user", "token", "ines", "phone", "--revoke")
    assert (again.status, "has no token 'phone'" in again.error) == (1, True)


def test_a_terminal_asks_twice_and_shows_nothing(told, tmp_path, stored):
    """What is typed is not seen, and has to be the same both times."""
    told("user", "list")  # makes the configuration
    boat = pexpect.spawn(
        sys.executable, ["-m", "aggregator", "--config", "a.yaml", "user", "add", "ines"],
        cwd=tmp_path, encoding="utf-8", timeout=60,
    )  # fmt: skip
    boat.logfile_read = seen = io.StringIO()
    boat.expect("Password: ")
    boat.sendline("correct horse")
    boat.expect("Repeat for confirmation: ")
    boat.sendline("correct horse")
    boat.expect("may log in")
    boat.expect(pexpect.EOF)
    boat.close()
    assert "horse" not in seen.getvalue()
    assert passwords.fits(stored()[0], "correct horse")
