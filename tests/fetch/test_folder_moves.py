"""Where the files of a drop folder go: whole, under a name that is free, whatever happens meanwhile."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dropped import OLD, Put, only, raising, replace, scanned, tree

from aggregator.fetch.folder import done, failed, refuse


def test_a_file_in_the_database_goes_to_done(folder: Path, put: Put) -> None:
    """Once, whole, under its name; a second call finds nothing to do."""
    put("a.txt", b"x")
    found = only(folder)
    done(folder, found)
    done(folder, found)
    assert tree(folder) == {"done/a.txt": b"x"}
    assert scanned(folder) == []


def test_a_file_that_cannot_be_parsed_goes_to_failed(folder: Path, put: Put) -> None:
    """With the reason beside it, on one line; a second call finds nothing to do."""
    put("a.json", b"{")
    refusal = refuse(only(folder), "line 1: it ends\ntoo early \udcff")
    failed(folder, refusal)
    failed(folder, refusal)
    assert tree(folder) == {
        "failed/a.json": b"{",
        "failed/a.json.reason.txt": b"line 1: it ends\\ntoo early \\udcff\n",
    }


def test_nothing_in_done_or_failed_is_overwritten(folder: Path, put: Put) -> None:
    """The same name again gets the second of the file's date, and then a number."""
    bodies = [b"1", b"2", b"3", b"4"]
    for body in bodies:
        put("a.txt", body)
        done(folder, only(folder))
    second = int(OLD.timestamp())
    assert tree(folder) == {
        "done/a.txt": b"1",
        f"done/a-{second}.txt": b"2",
        f"done/a-{second}-2.txt": b"3",
        f"done/a-{second}-3.txt": b"4",
    }


def test_a_reason_of_an_earlier_failure_is_not_overwritten(folder: Path, put: Put) -> None:
    """Where only the reason is still there, the file gets another name, and its reason goes with it."""
    (folder / "failed").mkdir()
    (folder / "failed" / "a.txt.reason.txt").write_text("earlier\n")
    put("a.txt", b"x")
    failed(folder, refuse(only(folder), "later"))
    second = int(OLD.timestamp())
    assert tree(folder) == {
        "failed/a.txt.reason.txt": b"earlier\n",
        f"failed/a-{second}.txt": b"x",
        f"failed/a-{second}.txt.reason.txt": b"later\n",
    }


@pytest.mark.parametrize("move", ["done", "failed"])
def test_a_file_that_was_replaced_or_has_grown_stays(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, move: str
) -> None:
    """Only what was read is moved, not even for a moment; the new one is read at the next look."""
    path = put("a.txt", b"read")
    found = only(folder)
    replace(path)
    monkeypatch.setattr(os, "rename", raising(errno.EIO))
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert tree(folder) == {"a.txt": b"Something else."}
    found = only(folder)
    with path.open("ab") as file:
        file.write(b" More.")
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert tree(folder) == {"a.txt": b"Something else. More."}


@pytest.mark.parametrize("move", ["done", "failed"])
def test_a_file_that_is_replaced_in_the_last_moment_is_put_back(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, move: str
) -> None:
    """Between the check and the move there is a moment; what nobody has read is not lost in done/."""
    path = put("a.txt", b"read")
    found = only(folder)
    rename, swapped = os.rename, []

    def swapping(*args: str, **handles: int) -> None:
        if not swapped:
            swapped.append(True)
            replace(path)
        rename(*args, **handles)

    monkeypatch.setattr(os, "rename", swapping)
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert tree(folder) == {"a.txt": b"Something else."}


def test_a_file_that_is_gone_in_the_last_moment_leaves_nothing_behind(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reservation and no reason stays without its file."""
    path = put("a.txt")
    found = only(folder)
    rename = os.rename

    def deleting(*args: str, **handles: int) -> None:
        path.unlink()
        rename(*args, **handles)

    monkeypatch.setattr(os, "rename", deleting)
    failed(folder, refuse(found, "no"))
    assert tree(folder) == {}


@pytest.mark.parametrize("move", ["done", "failed"])
def test_a_crash_at_any_call_loses_nothing(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, move: str
) -> None:
    """Killed before any system call of a move, the file is whole in one place, and the next move ends."""

    class Killed(BaseException):
        pass

    calls = ["open", "rename", "fsync", "mkdir", "stat"]
    real = {name: getattr(os, name) for name in calls}
    for after in range(40):
        path = put("a.txt", b"whole")
        found = only(folder)
        left = after

        def counted(name: str) -> Callable[..., object]:
            def call(*args: object, **named: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return real[name](*args, **named)

            return call

        for name in calls:
            monkeypatch.setattr(os, name, counted(name))
        killed = False
        try:
            done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
        except Killed:
            killed = True
        for name in calls:
            monkeypatch.setattr(os, name, real[name])
        assert list(tree(folder).values()).count(b"whole") == 1
        done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
        assert not path.exists()
        for moved in (folder / move).iterdir():
            moved.unlink()
        (folder / move).rmdir()
    assert not killed
