"""What is wrong with a drop folder or its disk: an error with its remedy, and nothing half done."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dropped import Put, only, raising, scanned, tree

from aggregator.errors import FolderError
from aggregator.fetch import folder as drop
from aggregator.fetch.folder import Dropped, done, failed, refuse


def test_a_missing_folder_is_an_error_with_its_remedy(folder: Path, put: Put) -> None:
    """So is one that is a file."""
    with pytest.raises(FolderError, match="No such file") as caught:
        scanned(folder / "nowhere")
    assert "make it" in str(caught.value.hint)
    put("file")
    with pytest.raises(FolderError, match="Not a directory"):
        scanned(folder / "file")
    name = "line\nbreak \udcff"
    with pytest.raises(FolderError) as caught:
        scanned(folder / name)
    assert str(caught.value).isprintable()


def test_a_folder_that_is_a_link_is_the_owners_wish(folder: Path, put: Put, tmp_path: Path) -> None:
    """The configured path may lead through links; what is in the folder may not."""
    put("a.txt", b"x")
    (tmp_path / "link").symlink_to(folder)
    done(tmp_path / "link", only(tmp_path / "link"))
    assert tree(folder) == {"done/a.txt": b"x"}


@pytest.mark.parametrize("mode", [0o555, 0o333, 0o000])
def test_a_folder_without_permission_is_an_error_before_anything_is_read(ordinary: Path, mode: int) -> None:
    """A read-only folder would be read again and again, and never emptied."""
    (ordinary / "a.txt").write_bytes(b"x")
    ordinary.chmod(mode)
    with pytest.raises(FolderError) as caught:
        scanned(ordinary)
    assert "service" in str(caught.value.hint)


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b""), lambda path: path.symlink_to("/tmp")])
@pytest.mark.parametrize("name", ["done", "failed"])
def test_a_done_or_failed_that_is_no_folder_is_an_error(
    folder: Path, put: Put, make: Callable[[Path], None], name: str
) -> None:
    """Nothing is moved through a link out of the drop folder."""
    put("a.txt", b"x")
    make(folder / name)
    found = next(item for item in scanned(folder) if item.name == "a.txt")
    assert isinstance(found, Dropped)
    with pytest.raises(FolderError, match=f"{name} in .* is no folder"):
        done(folder, found) if name == "done" else failed(folder, refuse(found, "no"))
    assert (folder / "a.txt").read_bytes() == b"x"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EXDEV, errno.EACCES, errno.EIO])
def test_a_move_that_fails_is_an_error_and_leaves_the_file(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """With the cause and the remedy in it; and nothing half-done beside it."""
    put("a.txt", b"x")
    found = only(folder)
    monkeypatch.setattr(os, "rename", raising(code))
    with pytest.raises(FolderError, match=os.strerror(code)) as caught:
        failed(folder, refuse(found, "no"))
    assert caught.value.hint
    assert tree(folder) == {"a.txt": b"x"}


def test_a_full_disk_leaves_no_half_reason(folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the reason cannot be written the file stays, and so does the order of the folder."""
    put("a.txt", b"x")
    found = only(folder)
    monkeypatch.setattr(os, "fsync", raising(errno.ENOSPC))
    with pytest.raises(FolderError, match="No space"):
        failed(folder, refuse(found, "no"))
    assert tree(folder) == {"a.txt": b"x"}


def test_a_name_that_is_taken_a_thousand_times_is_an_error(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a free name ends."""
    monkeypatch.setattr(drop, "_NAMES_TRIED", 3)
    for body in (b"1", b"2", b"3"):
        put("a.txt", body)
        done(folder, only(folder))
    put("a.txt", b"4")
    with pytest.raises(FolderError) as caught:
        done(folder, only(folder))
    assert "empty" in str(caught.value.hint)
