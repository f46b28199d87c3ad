"""Drop folders: each hazard is a test."""

import errno
import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.errors import FolderError
from aggregator.intake import folder as drop
from aggregator.intake import parse
from aggregator.intake.folder import SUFFIXES, Dropped, Refusal, done, failed, refuse, scan
from aggregator.settings import Folders

LIMITS = Folders(max_file_bytes=1000, settle=timedelta(seconds=2))
OLD = datetime(2026, 11, 21, tzinfo=UTC)
NOW = OLD + timedelta(days=1)
NOBODY = 65534

Put = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty drop folder."""
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def put(folder: Path) -> Put:
    """Drops a file that has settled."""

    def dropper(name: str, body: bytes = b"A fire in Leeds.", modified: datetime = OLD) -> Path:
        path = folder / name
        path.write_bytes(body)
        os.utime(path, (modified.timestamp(),) * 2)
        return path

    return dropper


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder of an ordinary user, who runs the test: permissions count, even under root."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        if not os.access(tempfile.gettempdir(), os.W_OK, effective_ids=True):
            pytest.skip("an ordinary user cannot write in the folder for temporary files")
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
            Path(name).chmod(0o755)
    finally:
        if was_root:
            os.seteuid(0)


def _found(folder: Path, limits: Folders = LIMITS, now: datetime = NOW) -> list[Dropped | Refusal]:
    return list(scan(folder, limits, now))


def _only(folder: Path) -> Dropped:
    (found,) = _found(folder)
    assert isinstance(found, Dropped)
    return found


def _refusal(folder: Path) -> Refusal:
    (found,) = _found(folder)
    assert isinstance(found, Refusal)
    return found


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_settled_file_is_read_whole(folder: Path, put: Put) -> None:
    """Name, kind, body, digest and date are those of the file."""
    put("Report.TXT", b"A fire.")
    found = _only(folder)
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
    assert {kind for kind in parse._READERS if kind.startswith(".")} | {".eml"} == SUFFIXES


# What is left alone


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
    assert _found(folder) == []


def test_folders_are_left_alone_whatever_they_are_called(folder: Path, put: Put) -> None:
    """Neither done/ and failed/ nor a folder named x.txt is looked into."""
    for name in ("done", "failed", "x.txt", "more"):
        (folder / name).mkdir()
        put(f"{name}/inside.txt")
    assert _found(folder) == []


def test_a_file_that_is_still_being_written_is_left_alone(folder: Path, put: Put) -> None:
    """It has to rest for as long as the limit says."""
    put("a.txt", modified=NOW - timedelta(seconds=1))
    put("b.dat", modified=NOW - timedelta(seconds=1))
    assert _found(folder) == []
    assert len(_found(folder, now=NOW + timedelta(seconds=1))) == 2


def test_a_date_in_the_future_does_not_keep_a_file_for_ever(folder: Path, put: Put) -> None:
    """A copy that brought a wrong date along is judged by when the system saw it change."""
    path = put("a.txt", modified=datetime(2090, 1, 1, tzinfo=UTC))
    changed = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    assert _found(folder, now=changed + timedelta(seconds=1)) == []
    assert len(_found(folder, now=changed + timedelta(seconds=3))) == 1


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
    assert _found(folder) == []


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
    assert _found(folder) == []


def test_a_read_that_ends_early_gives_nothing(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk in the network may give less than the file has."""
    put("a.txt")
    monkeypatch.setattr(os, "read", lambda handle, size: b"")
    assert _found(folder) == []


def _replace_with_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _replace_with_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _replace_with_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"Something else.")
    os.utime(other, (OLD.timestamp(),) * 2)
    other.rename(path)


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
    assert _found(folder) == []


# What is refused


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
    refusal = _refusal(folder)
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
    refusal = _refusal(folder)
    assert reason in refusal.reason
    failed(folder, refusal)
    assert _tree(folder) == {
        f"failed/{name}": body,
        f"failed/{name}.reason.txt": f"{refusal.reason}\n".encode(),
    }


def test_a_file_of_the_limit_is_taken(folder: Path, put: Put) -> None:
    """The limit itself is allowed."""
    put("a.txt", b"x" * 1000)
    assert len(_only(folder).body) == 1000


def test_a_hard_link_is_refused(folder: Path, put: Put, tmp_path: Path) -> None:
    """Its other name may be a file of somebody else."""
    put("a.txt")
    os.link(folder / "a.txt", tmp_path / "elsewhere")
    assert "hard link" in _refusal(folder).reason


def test_a_file_that_may_not_be_read_is_refused(ordinary: Path) -> None:
    """The others in the folder do not notice."""
    for file in ("a.txt", "b.txt"):
        (ordinary / file).write_bytes(b"x")
        os.utime(ordinary / file, (OLD.timestamp(),) * 2)
    (ordinary / "a.txt").chmod(0)
    first, second = _found(ordinary)
    assert isinstance(first, Refusal)
    assert "Permission denied" in first.reason
    assert isinstance(second, Dropped)


def test_a_broken_disk_costs_one_file_and_a_lack_of_handles_none(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the file is its own fault; what is wrong with the machine is not."""
    put("a.txt")
    monkeypatch.setattr(os, "read", _raising(errno.EIO))
    assert "Input/output error" in _refusal(folder).reason
    monkeypatch.setattr(os, "read", _raising(errno.ENOMEM))
    with pytest.raises(FolderError, match="Cannot allocate memory"):
        _found(folder)


def _raising(code: int) -> Callable[..., bytes]:
    def fails(*_: object, **__: object) -> bytes:
        raise OSError(code, os.strerror(code))

    return fails


# Names


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
    (found,) = _found(folder)
    assert found.name.isprintable()
    assert found.name.encode()
    if move == "done" and isinstance(found, Dropped):
        done(folder, found)
        assert list(_tree(folder).values()) == [b"x"]
    else:
        failed(folder, found if isinstance(found, Refusal) else refuse(found, "because\nof that"))
        assert sorted(_tree(folder).values())[-1] == b"x"
        assert len(_tree(folder)) == 2
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
        for found in _found(folder):
            failed(folder, found if isinstance(found, Refusal) else refuse(found, "no"))
            assert len(_tree(folder)) == 2
            assert not path.exists()


# Where files go


def test_a_file_in_the_database_goes_to_done(folder: Path, put: Put) -> None:
    """Once, whole, under its name; a second call finds nothing to do."""
    put("a.txt", b"x")
    found = _only(folder)
    done(folder, found)
    done(folder, found)
    assert _tree(folder) == {"done/a.txt": b"x"}
    assert _found(folder) == []


def test_a_file_that_cannot_be_parsed_goes_to_failed(folder: Path, put: Put) -> None:
    """With the reason beside it, on one line; a second call finds nothing to do."""
    put("a.json", b"{")
    refusal = refuse(_only(folder), "line 1: it ends\ntoo early \udcff")
    failed(folder, refusal)
    failed(folder, refusal)
    assert _tree(folder) == {
        "failed/a.json": b"{",
        "failed/a.json.reason.txt": b"line 1: it ends\\ntoo early \\udcff\n",
    }


def test_nothing_in_done_or_failed_is_overwritten(folder: Path, put: Put) -> None:
    """The same name again gets the second of the file's date, and then a number."""
    bodies = [b"1", b"2", b"3", b"4"]
    for body in bodies:
        put("a.txt", body)
        done(folder, _only(folder))
    second = int(OLD.timestamp())
    assert _tree(folder) == {
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
    failed(folder, refuse(_only(folder), "later"))
    second = int(OLD.timestamp())
    assert _tree(folder) == {
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
    found = _only(folder)
    _replace_with_file(path)
    monkeypatch.setattr(os, "rename", _raising(errno.EIO))
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert _tree(folder) == {"a.txt": b"Something else."}
    found = _only(folder)
    with path.open("ab") as file:
        file.write(b" More.")
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert _tree(folder) == {"a.txt": b"Something else. More."}


@pytest.mark.parametrize("move", ["done", "failed"])
def test_a_file_that_is_replaced_in_the_last_moment_is_put_back(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch, move: str
) -> None:
    """Between the check and the move there is a moment; what nobody has read is not lost in done/."""
    path = put("a.txt", b"read")
    found = _only(folder)
    rename, swapped = os.rename, []

    def swapping(*args: str, **handles: int) -> None:
        if not swapped:
            swapped.append(True)
            _replace_with_file_by(rename, path)
        rename(*args, **handles)

    monkeypatch.setattr(os, "rename", swapping)
    done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
    assert _tree(folder) == {"a.txt": b"Something else."}


def _replace_with_file_by(rename: Callable[..., None], path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"Something else.")
    os.utime(other, (OLD.timestamp(),) * 2)
    rename(other, path)


def test_a_file_that_is_gone_in_the_last_moment_leaves_nothing_behind(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reservation and no reason stays without its file."""
    path = put("a.txt")
    found = _only(folder)
    rename = os.rename

    def deleting(*args: str, **handles: int) -> None:
        path.unlink()
        rename(*args, **handles)

    monkeypatch.setattr(os, "rename", deleting)
    failed(folder, refuse(found, "no"))
    assert _tree(folder) == {}


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
        found = _only(folder)
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
        assert list(_tree(folder).values()).count(b"whole") == 1
        done(folder, found) if move == "done" else failed(folder, refuse(found, "no"))
        assert not path.exists()
        for moved in (folder / move).iterdir():
            moved.unlink()
        (folder / move).rmdir()
    assert not killed


# What is wrong with the folder


def test_a_missing_folder_is_an_error_with_its_remedy(folder: Path, put: Put) -> None:
    """So is one that is a file."""
    with pytest.raises(FolderError, match="No such file") as caught:
        _found(folder / "nowhere")
    assert "make it" in str(caught.value.hint)
    put("file")
    with pytest.raises(FolderError, match="Not a directory"):
        _found(folder / "file")
    name = "line\nbreak \udcff"
    with pytest.raises(FolderError) as caught:
        _found(folder / name)
    assert str(caught.value).isprintable()


def test_a_folder_that_is_a_link_is_the_owners_wish(folder: Path, put: Put, tmp_path: Path) -> None:
    """The configured path may lead through links; what is in the folder may not."""
    put("a.txt", b"x")
    (tmp_path / "link").symlink_to(folder)
    done(tmp_path / "link", _only(tmp_path / "link"))
    assert _tree(folder) == {"done/a.txt": b"x"}


@pytest.mark.parametrize("mode", [0o555, 0o333, 0o000])
def test_a_folder_without_permission_is_an_error_before_anything_is_read(ordinary: Path, mode: int) -> None:
    """A read-only folder would be read again and again, and never emptied."""
    (ordinary / "a.txt").write_bytes(b"x")
    ordinary.chmod(mode)
    with pytest.raises(FolderError) as caught:
        _found(ordinary)
    assert "service" in str(caught.value.hint)


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b""), lambda path: path.symlink_to("/tmp")])
@pytest.mark.parametrize("name", ["done", "failed"])
def test_a_done_or_failed_that_is_no_folder_is_an_error(
    folder: Path, put: Put, make: Callable[[Path], None], name: str
) -> None:
    """Nothing is moved through a link out of the drop folder."""
    put("a.txt", b"x")
    make(folder / name)
    found = next(item for item in _found(folder) if item.name == "a.txt")
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
    found = _only(folder)
    monkeypatch.setattr(os, "rename", _raising(code))
    with pytest.raises(FolderError, match=os.strerror(code)) as caught:
        failed(folder, refuse(found, "no"))
    assert caught.value.hint
    assert _tree(folder) == {"a.txt": b"x"}


def test_a_full_disk_leaves_no_half_reason(folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the reason cannot be written the file stays, and so does the order of the folder."""
    put("a.txt", b"x")
    found = _only(folder)
    monkeypatch.setattr(os, "fsync", _raising(errno.ENOSPC))
    with pytest.raises(FolderError, match="No space"):
        failed(folder, refuse(found, "no"))
    assert _tree(folder) == {"a.txt": b"x"}


def test_a_name_that_is_taken_a_thousand_times_is_an_error(
    folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a free name ends."""
    monkeypatch.setattr(drop, "_NAMES_TRIED", 3)
    for body in (b"1", b"2", b"3"):
        put("a.txt", body)
        done(folder, _only(folder))
    put("a.txt", b"4")
    with pytest.raises(FolderError) as caught:
        done(folder, _only(folder))
    assert "empty" in str(caught.value.hint)


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
        _found(folder)
        with pytest.raises(FolderError):
            _found(folder / "nowhere")
    for found in _found(folder):
        done(folder, found) if isinstance(found, Dropped) else failed(folder, found)
    assert len(list(handles.iterdir())) == before
