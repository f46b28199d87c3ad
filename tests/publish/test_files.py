"""A published file is the old one or the new one, never half of one."""

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from aggregator.errors import AggregatorError, PublishError
from aggregator.publish import files

OLD, NEW = b"old" * 1000, b"new" * 2000


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "all.rss")


def test_a_file_is_written_with_its_folder(tmp_path):
    """The folder is made where it is missing, and the file holds the bytes."""
    folder = tmp_path / "var" / "feeds"
    assert files.write(folder, "all.rss", NEW)
    assert (folder / "all.rss").read_bytes() == NEW
    assert leftovers(folder) == []


def test_an_unchanged_file_is_left_alone(tmp_path):
    """Equal bytes are not written: the inode and the date stay, so readers see no change."""
    assert files.write(tmp_path, "all.rss", NEW)
    os.utime(tmp_path / "all.rss", (1, 1))
    before = (tmp_path / "all.rss").stat()
    assert not files.write(tmp_path, "all.rss", NEW)
    after = (tmp_path / "all.rss").stat()
    assert (after.st_ino, after.st_mtime) == (before.st_ino, 1)


@pytest.mark.parametrize(
    "body", [NEW, b"dlo" * 1000, OLD[:-1], b""], ids=["other", "same size", "cut", "none"]
)
def test_a_changed_file_is_replaced(tmp_path, body):
    """Any change is written, and whoever has the old file open keeps reading the old one."""
    files.write(tmp_path, "all.rss", OLD)
    with (tmp_path / "all.rss").open("rb") as reader:
        assert files.write(tmp_path, "all.rss", body)
        assert reader.read() == OLD
    assert (tmp_path / "all.rss").read_bytes() == body


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_everyone_may_read(tmp_path, mask):
    """A web server of another user reads the file, whatever the service's umask is."""
    before = os.umask(mask)
    try:
        files.write(tmp_path, "all.rss", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "all.rss").stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["fsync", "fchmod", "replace"])
def test_an_error_on_the_way_leaves_the_old_file(tmp_path, monkeypatch, step):
    """When any step before the new name fails, the old file stands and no temporary one is left."""
    files.write(tmp_path, "all.rss", OLD)

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(PublishError, match=r"all\.rss: cannot be published: No space left on device"):
        files.write(tmp_path, "all.rss", NEW)
    monkeypatch.undo()
    assert (tmp_path / "all.rss").read_bytes() == OLD
    assert leftovers(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from aggregator.publish import files
setattr(os, sys.argv[1], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
files.write(Path(sys.argv[2]), "all.rss", b"new" * 2000)
"""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_on_the_way_leaves_the_old_file(tmp_path, step):
    """Killed with the new bytes half on their way, the old file stands; the next write cleans up."""
    files.write(tmp_path, "all.rss", OLD)
    done = subprocess.run([sys.executable, "-c", KILLED, step, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "all.rss").read_bytes() == OLD
    assert len(leftovers(tmp_path)) == 1
    assert files.write(tmp_path, "all.rss", NEW)
    assert (tmp_path / "all.rss").read_bytes() == NEW
    assert leftovers(tmp_path) == []


def test_leftovers_go_even_when_nothing_changed(tmp_path):
    """A crash's temporary file is swept by the next write of that file; others' files are not touched."""
    files.write(tmp_path, "all.rss", NEW)
    for name in (".all.rss.abc.tmp", ".all.json.abc.tmp", "all.rss.tmp", ".all.rss"):
        (tmp_path / name).write_bytes(b"half")
    assert not files.write(tmp_path, "all.rss", NEW)
    assert leftovers(tmp_path) == [".all.json.abc.tmp", ".all.rss", "all.rss.tmp"]


def test_the_bytes_are_on_disk_before_the_name_and_the_name_after(tmp_path, monkeypatch):
    """The order that survives a power cut: sync the file, rename, sync the folder."""
    steps = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append((kind, os.fstat(descriptor).st_size if kind == "file" else None))
        real_sync(descriptor)

    def replace(source, target):
        steps.append(("replace", None))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    files.write(tmp_path, "all.rss", NEW)
    assert steps == [("file", len(NEW)), ("replace", None), ("folder", None)]


def test_a_symlink_is_replaced_not_followed(tmp_path):
    """A link in the place of a published file does not lead the bytes elsewhere."""
    (tmp_path / "elsewhere").write_bytes(OLD)
    (tmp_path / "all.rss").symlink_to(tmp_path / "elsewhere")
    files.write(tmp_path, "all.rss", NEW)
    assert (tmp_path / "elsewhere").read_bytes() == OLD
    assert not (tmp_path / "all.rss").is_symlink()


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path):
    """The error names the file, the cause and the setting to look at."""
    (tmp_path / "feeds").write_bytes(b"")
    with pytest.raises(AggregatorError, match=r"publish\.directory must be a folder"):
        files.write(tmp_path / "feeds", "all.rss", NEW)
    with pytest.raises(PublishError, match=r"publish\.directory must be a folder"):
        files.write(tmp_path / "feeds" / "deeper", "all.rss", NEW)


def test_a_folder_in_the_way_of_the_file_is_an_error(tmp_path):
    """A folder that has the file's name stays, and nothing is left beside it."""
    (tmp_path / "all.rss").mkdir()
    with pytest.raises(PublishError, match=r"all\.rss: cannot be published: Is a directory"):
        files.write(tmp_path, "all.rss", NEW)
    assert leftovers(tmp_path) == []


def test_a_refused_folder_says_whose_permission_is_missing(tmp_path, monkeypatch):
    """Permission errors name the remedy (made up here: root may write everywhere)."""

    def refuses(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(PublishError) as caught:
        files.write(tmp_path, "all.rss", NEW)
    assert caught.value.hint == "let the service's user write to publish.directory"


READER = """
import sys, time
from pathlib import Path
path, seen = Path(sys.argv[1]), set()
print("ready", flush=True)
while not seen >= {b"old" * 1000, b"new" * 2000} or not Path(sys.argv[2]).exists():
    seen.add(path.read_bytes())
print(sorted(map(len, seen)))
"""


def test_a_reader_never_sees_half_a_file(tmp_path):
    """Read as fast as it can be while it is replaced, the file is always one of the two."""
    files.write(tmp_path, "all.rss", OLD)
    command = [sys.executable, "-c", READER, str(tmp_path / "all.rss"), str(tmp_path / "stop")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        for _ in range(100):
            files.write(tmp_path, "all.rss", NEW)
            files.write(tmp_path, "all.rss", OLD)
        (tmp_path / "stop").write_bytes(b"")
        deadline = time.monotonic() + 60
        while reader.poll() is None and time.monotonic() < deadline:
            files.write(tmp_path, "all.rss", NEW)
            files.write(tmp_path, "all.rss", OLD)
        reader.kill()
        assert reader.stdout.read() == "[3000, 6000]\n"
