"""What is refused in a drop folder, and what hostile names do there: nothing."""

import errno
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from dropped import OLD, Put, only, raising, refused, scanned, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import FolderError
from aggregator.fetch.folder import Dropped, Refusal, done, failed, refuse

# ---- what is refused ----


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        home = Path.cwd()
        os.chdir(path.parent)  # the address of a socket is short
        try:
            end.bind(path.name)
        finally:
            os.chdir(home)


@pytest.mark.parametrize("make", [_link, _dangling_link, _loop, os.mkfifo, _socket])
def test_what_is_no_plain_file_is_refused_unopened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """A link to /etc/passwd, a pipe and a socket go to failed/ as they are, with the reason beside them."""
    make(folder / "a.txt")
    open_ = os.open

    def watching(name: str | Path, flags: int, *args: int, dir_fd: int | None = None) -> int:
        assert name != "a.txt" or flags & os.O_EXCL  # only to reserve its name in failed/
        return open_(name, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", watching)
    refusal = refused(folder)
    before = (folder / "a.txt").lstat()
    failed(folder, refusal)
    after = (folder / "failed" / "a.txt").lstat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (folder / "failed" / "a.txt.reason.txt").read_text() == f"{refusal.reason}\n"
    assert not os.path.lexists(folder / "a.txt")


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.txt", b"x" * 1001, "1000 is the limit"),
        ("a.txt", b"", "empty"),
        ("a.docx", b"x", "no reader"),
        ("README", b"x", "no reader"),
        ("a.txt.gz", b"x", "no reader"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(
    folder: Path, put: Put, name: str, body: bytes, reason: str
) -> None:
    """Too large, empty, or of a kind that has no reader."""
    put(name, body)
    refusal = refused(folder)
    assert reason in refusal.reason
    failed(folder, refusal)
    assert tree(folder) == {
        f"failed/{name}": body,
        f"failed/{name}.reason.txt": f"{refusal.reason}\n".encode(),
    }


def test_a_file_of_the_limit_is_taken(folder: Path, put: Put) -> None:
    """The limit itself is allowed."""
    put("a.txt", b"x" * 1000)
    assert len(only(folder).body) == 1000


def test_a_hard_link_is_refused(folder: Path, put: Put, tmp_path: Path) -> None:
    """Its other name may be a file of somebody else."""
    put("a.txt")
    os.link(folder / "a.txt", tmp_path / "elsewhere")
    assert "hard link" in refused(folder).reason


def test_a_file_that_may_not_be_read_is_refused(ordinary: Path) -> None:
    """The others in the folder do not notice."""
    for file in ("a.txt", "b.txt"):
        (ordinary / file).write_bytes(b"x")
        os.utime(ordinary / file, (OLD.timestamp(),) * 2)
    (ordinary / "a.txt").chmod(0)
    first, second = scanned(ordinary)
    assert isinstance(first, Refusal)
    assert "Permission denied" in first.reason
    assert isinstance(second, Dropped)


def test_a_broken_disk_costs_one_file_and_a_lack_of_handles_none(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the file is its own fault; what is wrong with the machine is not."""
    put("a.txt")
    monkeypatch.setattr(os, "read", raising(errno.EIO))
    assert "Input/output error" in refused(folder).reason
    monkeypatch.setattr(os, "read", raising(errno.ENOMEM))
    with pytest.raises(FolderError, match="Cannot allocate memory"):
        scanned(folder)


# ---- names ----

HOSTILE_NAMES = [
    b"two\nlines.txt",
    b"\x1b[31mred.txt",
    b"not utf-8 \xff\xfe.txt",
    "right\u202eto left.txt".encode(),
    b"-rf *.txt",
    b" .txt",
    b"a" * 251 + b".txt",
    "ü".encode() * 125 + b".txt",
    b"a." + b"t" * 250,
    b"back\\slash:colon.txt",
    "nfd e\u0301.txt".encode(),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("move", ["done", "failed"])
def test_hostile_names_are_moved_and_can_be_shown(folder: Path, name: bytes, move: str) -> None:
    """Line breaks, escapes, bytes that are no text, and names that fill the limit."""
    path = folder / os.fsdecode(name)
    path.write_bytes(b"x")
    os.utime(path, (OLD.timestamp(),) * 2)
    (found,) = scanned(folder)
    assert found.name.isprintable()
    assert found.name.encode()
    if move == "done" and isinstance(found, Dropped):
        done(folder, found)
        assert list(tree(folder).values()) == [b"x"]
    else:
        failed(folder, found if isinstance(found, Refusal) else refuse(found, "because\nof that"))
        assert sorted(tree(folder).values())[-1] == b"x"
        assert len(tree(folder)) == 2
    assert not os.path.lexists(path)


names = st.binary(min_size=1, max_size=255).filter(lambda name: not set(b"/\0") & set(name))


@given(names)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_at_all_breaks_anything(name: bytes) -> None:
    """Whatever a file is called, it is left alone, taken or refused, and moved."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = folder / os.fsdecode(name)
        if name in (b".", b".."):
            return
        path.write_bytes(b"x")
        os.utime(path, (OLD.timestamp(),) * 2)
        for found in scanned(folder):
            failed(folder, found if isinstance(found, Refusal) else refuse(found, "no"))
            assert len(tree(folder)) == 2
            assert not path.exists()
