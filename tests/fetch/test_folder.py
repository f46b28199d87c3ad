"""Drop folders: which files are taken, and which are left alone until they have settled."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dropped import LIMITS, NOW, OLD, Put, only, replace, scanned

from aggregator.errors import FolderError
from aggregator.fetch.folder import SUFFIXES, Dropped, done, failed, scan
from aggregator.parse import dispatch


def test_a_settled_file_is_read_whole(folder: Path, put: Put) -> None:
    """Name, kind, body, digest and date are those of the file."""
    put("Report.TXT", b"A fire.")
    found = only(folder)
    assert (found.name, found.suffix, found.body) == ("Report.TXT", ".txt", b"A fire.")
    assert found.digest == hashlib.sha256(b"A fire.").digest()
    assert found.modified == OLD
    assert "A fire" not in repr(found)


def test_files_come_by_name_and_each_is_read_when_it_is_asked_for(folder: Path, put: Put) -> None:
    """Ten thousand files do not sit in memory; what is gone by its turn does not come."""
    for name in ("b.txt", "a.txt", "c.txt"):
        put(name)
    files = scan(folder, LIMITS, NOW)
    assert next(files).name == "a.txt"
    (folder / "b.txt").unlink()
    assert [file.name for file in files] == ["c.txt"]


def test_every_kind_of_file_that_is_taken_has_a_reader() -> None:
    """The parser and the folder know the same suffixes."""
    assert {kind for kind in dispatch._READERS if kind.startswith(".")} | {".eml"} == SUFFIXES


# ---- what is left alone ----


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.txt",
        ".txt",
        "report.txt~",
        "report.txt.part",
        "REPORT.TMP",
        "report.crdownload",
        "~$report.txt",
        "#report.txt#",
        "report.txt.swp",
        "old.txt.reason.txt",
    ],
)
def test_hidden_and_unfinished_files_are_left_alone(folder: Path, put: Put, name: str) -> None:
    """Editors, browsers and copying programs write under such names first."""
    put(name)
    assert scanned(folder) == []


def test_folders_are_left_alone_whatever_they_are_called(folder: Path, put: Put) -> None:
    """Neither done/ and failed/ nor a folder named x.txt is looked into."""
    for name in ("done", "failed", "x.txt", "more"):
        (folder / name).mkdir()
        put(f"{name}/inside.txt")
    assert scanned(folder) == []


def test_a_file_that_is_still_being_written_is_left_alone(folder: Path, put: Put) -> None:
    """It has to rest for as long as the limit says."""
    put("a.txt", modified=NOW - timedelta(seconds=1))
    put("b.dat", modified=NOW - timedelta(seconds=1))
    assert scanned(folder) == []
    assert len(scanned(folder, now=NOW + timedelta(seconds=1))) == 2


def test_a_date_in_the_future_does_not_keep_a_file_for_ever(folder: Path, put: Put) -> None:
    """A copy that brought a wrong date along is judged by when the system saw it change."""
    path = put("a.txt", modified=datetime(2090, 1, 1, tzinfo=UTC))
    changed = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    assert scanned(folder, now=changed + timedelta(seconds=1)) == []
    assert len(scanned(folder, now=changed + timedelta(seconds=3))) == 1


def test_a_file_that_grows_while_it_is_read_is_left_alone(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read is all of it, or nothing."""
    path = put("a.txt")
    read = os.read

    def growing(handle: int, size: int) -> bytes:
        with path.open("ab") as file:
            file.write(b" And another.")
        return read(handle, size)

    monkeypatch.setattr(os, "read", growing)
    assert scanned(folder) == []


def test_a_file_that_is_rewritten_while_it_is_read_is_left_alone(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same size and the same date do not hide it: the system's own date tells."""
    path = put("a.txt", b"one")
    read = os.read

    def rewriting(handle: int, size: int) -> bytes:
        piece = read(handle, size)
        path.write_bytes(b"two")
        os.utime(path, (OLD.timestamp(),) * 2)
        return piece

    monkeypatch.setattr(os, "read", rewriting)
    assert scanned(folder) == []


def test_a_read_that_ends_early_gives_nothing(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk in the network may give less than the file has."""
    put("a.txt")
    monkeypatch.setattr(os, "read", lambda handle, size: b"")
    assert scanned(folder) == []


def _replace_with_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _replace_with_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _replace_with_file(path: Path) -> None:
    replace(path)


def _replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "swap", [_replace_with_link, _replace_with_pipe, _replace_with_file, _replace_with_folder, Path.unlink]
)
def test_a_file_swapped_between_the_check_and_the_read_is_not_read(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Path], None]
) -> None:
    """A link, a pipe, another file or nothing in its place: the next look tells, and nothing blocks."""
    path = put("a.txt")
    open_ = os.open

    def swapping(name: str, flags: int, *args: int, dir_fd: int | None = None) -> int:
        if name == "a.txt":
            assert flags & os.O_NOFOLLOW
            swap(path)
        return open_(name, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping)
    assert scanned(folder) == []


def test_no_handle_is_left_open(folder: Path, put: Put) -> None:
    """Neither by a scan that ends, nor by one that is left in the middle, nor by an error."""
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    for name in ("a.txt", "b.txt", "c.docx"):
        put(name)
    for _ in range(20):
        files = scan(folder, LIMITS, NOW)
        next(files)
        del files
        scanned(folder)
        with pytest.raises(FolderError):
            scanned(folder / "nowhere")
    for found in scanned(folder):
        done(folder, found) if isinstance(found, Dropped) else failed(folder, found)
    assert len(list(handles.iterdir())) == before
