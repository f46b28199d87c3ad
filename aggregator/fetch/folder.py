"""Drop folders: what is in one, read safely, and where each file goes when it is done.

Whoever may write into the folder may put anything there, and change it at any moment. So everything goes by
handles: the folder is opened once, names are looked up in it without following links, nothing that is not a
regular file is ever opened, and a file counts only if it is the same before and after reading. A file that is
still being written is left for the next look.

::

    scan ──► Dropped ── parse, commit ──► done    moves it into done/
       └───► Refusal ───────────────────► failed  moves it into failed/, with NAME.reason.txt beside it

`done` and `failed` come after the commit: a file is in the database or still where it was dropped, and a
crash in between only means that it is looked at again. They move what was read and nothing else: a file that
has been replaced or has grown since stays, and is read at the next look. Nothing is ever overwritten.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePath

from aggregator.display import on_one_line
from aggregator.errors import FolderError
from aggregator.fetch.json_lines import Piece, pieces
from aggregator.settings import Folders

SUFFIXES = frozenset({".txt", ".md", ".html", ".htm", ".eml", ".json", ".jsonl", ".rss", ".atom", ".xml"})
"""What kinds of files there are readers for."""

LINES = ".jsonl"
"""The kind that is read in pieces, and may have any size."""

_UNFINISHED = (
    "~",
    ".part",
    ".partial",
    ".tmp",
    ".temp",
    ".crdownload",
    ".download",
    ".filepart",
    ".swp",
    ".lock",
)
_REASON = ".reason.txt"
_LONGEST_NAME = 255 - len(_REASON)  # bytes; file systems end at 255
_NAMES_TRIED = 1000  # for a file whose name is taken in done/ or failed/
_PIECE = 1 << 20
_LOOK = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_SET_BACK = 60.0  # seconds that a file is ahead of a clock which was set back
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
_UNREADABLE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO}
)  # for this file; other errors are the machine's


@dataclass(frozen=True, slots=True)
class _Stamp:
    """By which a file is known to be the same, and unchanged."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Stamp:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was read.

    Attributes:
        name: its name as it can be shown and stored.
        suffix: in lower case, with its dot; one of `SUFFIXES`.
        body: all of it; nothing of JSON lines, which `lines` reads in pieces.
        digest: SHA-256 of all of it.
        modified: when it was last written.
        entry: its name in the folder, as the system has it.
        stamp: by which `done` knows it again.
    """

    name: str
    suffix: str
    body: bytes = field(repr=False)
    digest: bytes
    modified: datetime
    entry: str
    stamp: _Stamp


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that is not taken.

    Attributes:
        name: its name as it can be shown and stored.
        reason: why, for a person.
        entry: its name in the folder, as the system has it.
        stamp: by which `failed` knows it again.
    """

    name: str
    reason: str
    entry: str
    stamp: _Stamp


def scan(folder: Path, limits: Folders, now: datetime) -> Generator[Dropped | Refusal, None, None]:
    """The files in the folder that are ready, by name, each read when it is asked for.

    Subfolders, hidden and unfinished files (``.x``, ``x~``, ``x.part``) and files that have changed within
    ``limits.settle`` are left alone. Whoever stops before the end closes it.

    Raises:
        FolderError: the folder is not there, or nothing can be moved out of it.
    """
    with _faults(folder), _opened(folder) as here:
        by_effective_user = os.access in os.supports_effective_ids
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=here, effective_ids=by_effective_user):
            raise FolderError(
                f"nothing can be moved out of the folder {_shown(folder)}",
                hint="let the service write in it; a read-only folder cannot be a drop folder",
            )
        for entry in sorted(os.listdir(here)):  # noqa: PTH208 - pathlib knows no handles
            if not _left_alone(entry) and (found := _look_at(here, entry, limits, now)):
                yield found


def lines(folder: Path, file: Dropped, start: int, longest: int) -> Generator[Piece, None, None]:
    """The lines of a file from an offset on, in pieces. Whoever stops before the end closes it.

    Raises:
        FolderError: it cannot be read, or is not the same any more.
    """
    with _faults(folder), _opened(folder) as here:
        handle = os.open(file.entry, _READ, dir_fd=here)
        try:
            os.lseek(handle, start, os.SEEK_SET)

            def read(size: int) -> bytes:
                block = os.read(handle, size)
                if _Stamp.of(os.fstat(handle)) != file.stamp:
                    raise FolderError(f"{file.name} changed while it was read", hint="the next look reads it")
                return block

            yield from pieces(read, start, longest)
        finally:
            os.close(handle)


def refuse(file: Dropped, reason: str) -> Refusal:
    """The refusal of a file that was read, but of which nothing could be made."""
    return Refusal(file.name, reason, file.entry, file.stamp)


def done(folder: Path, file: Dropped) -> None:
    """Move a file that is in the database into ``done/``; nothing happens if it is gone or not the same.

    Raises:
        FolderError: it cannot be moved.
    """
    with _faults(folder), _opened(folder) as here, _inside(here, "done", folder) as there:
        _move(here, file.entry, there, file.stamp)


def failed(folder: Path, refusal: Refusal) -> None:
    """Move a file into ``failed/`` and write why beside it; nothing happens if it is gone or not the same.

    A link, pipe or device is moved as it is, never opened.

    Raises:
        FolderError: it cannot be moved.
    """
    reason = f"{on_one_line(refusal.reason)}\n".encode("utf-8", "replace")
    with _faults(folder), _opened(folder) as here, _inside(here, "failed", folder) as there:
        _move(here, refusal.entry, there, refusal.stamp, reason)


def _left_alone(entry: str) -> bool:
    return entry.startswith((".", "~$", "#")) or entry.lower().endswith((*_UNFINISHED, _REASON))


def _look_at(here: int, entry: str, limits: Folders, now: datetime) -> Dropped | Refusal | None:
    """The file if it is ready, or why it is refused; None to leave it alone."""
    try:
        status = os.stat(entry, dir_fd=here, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            return None
        fault = _fault(status, entry, limits)
        if stat.S_ISREG(status.st_mode) and not _settled(status, limits, now):
            return None
        if fault is None:
            return _read(here, entry, status, now)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # gone, or replaced by a link: the next look tells
            return None
        if error.errno not in _UNREADABLE:
            raise
        fault = f"it cannot be read ({os.strerror(error.errno)})"
    return Refusal(on_one_line(entry), fault, entry, _Stamp.of(status))


def _fault(status: os.stat_result, entry: str, limits: Folders) -> str | None:
    """Why a file cannot be taken, before it is opened."""
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link; drop the file itself"
    if not stat.S_ISREG(status.st_mode):
        return "it is no file but a pipe, a socket or a device"
    if status.st_nlink != 1:
        return "it is a hard link, and its other name may be anything; drop a copy"
    if PurePath(entry).suffix.lower() not in SUFFIXES:
        return (
            f"there is no reader for this kind of file; there are readers for {', '.join(sorted(SUFFIXES))}"
        )
    if status.st_size > limits.max_file_bytes and PurePath(entry).suffix.lower() != LINES:
        return (
            f"it has {status.st_size} bytes, and {limits.max_file_bytes} is the limit; "
            "split it, or raise folders.max_file_bytes"
        )
    return None if status.st_size else "it is empty"


def _settled(status: os.stat_result, limits: Folders, now: datetime) -> bool:
    """Whether it has not changed for a while; where its date was set ahead, the system's own counts.

    Where that is ahead too, the clock was set back since then: nobody knows for how long it has lain there,
    and it is not to wait until the clock comes by again. One that is being written changes as it is read.
    """
    moment = now.timestamp()
    modified = status.st_mtime if status.st_mtime <= moment else status.st_ctime
    return moment - modified >= limits.settle.total_seconds() or modified - moment > _SET_BACK


def _read(here: int, entry: str, expected: os.stat_result, now: datetime) -> Dropped | None:
    """The whole file; None if it is another than the one that was looked at, or changes meanwhile."""
    handle = os.open(entry, _READ, dir_fd=here)
    try:
        before = os.fstat(handle)
        if _unchanging(before) != _unchanging(expected):
            return None
        kept, digest = [], sha256()
        suffix = PurePath(entry).suffix.lower()
        left = before.st_size + 1  # one more than there may be: a file that grows is seen at once
        while left and (piece := os.read(handle, min(left, _PIECE))):
            digest.update(piece)
            if suffix != LINES:
                kept.append(piece)
            left -= len(piece)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    if left != 1 or _unchanging(after) != _unchanging(before):
        return None
    return Dropped(
        name=on_one_line(entry),
        suffix=suffix,
        body=b"".join(kept),
        digest=digest.digest(),
        modified=_moment(before.st_mtime, now),
        entry=entry,
        stamp=_Stamp.of(before),
    )


def _unchanging(status: os.stat_result) -> tuple[object, ...]:
    return _Stamp.of(status), status.st_mode, status.st_nlink, status.st_ctime_ns


def _moment(seconds: float, now: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):  # a year that no calendar has
        return now


def _move(here: int, entry: str, there: int, stamp: _Stamp, reason: bytes | None = None) -> None:
    """Move the file that has the stamp, and no other, under a free name; its reason is written first."""
    if not _is(here, entry, stamp):
        return
    name = _reserved(there, entry, stamp, reason)
    ours = (name,) if reason is None else (name, name + _REASON)
    try:
        os.rename(entry, name, src_dir_fd=here, dst_dir_fd=there)
    except OSError as error:
        _withdraw(there, *ours)
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):  # gone, or a folder now
            return
        raise
    if not _is(there, name, stamp):  # replaced in the last moment: nobody has read this one
        os.rename(name, _reserved(here, entry, stamp, None), src_dir_fd=there, dst_dir_fd=here)
        _withdraw(there, *ours)
    os.fsync(there)
    os.fsync(here)


def _is(where: int, entry: str, stamp: _Stamp) -> bool:
    try:
        return _Stamp.of(os.stat(entry, dir_fd=where, follow_symlinks=False)) == stamp
    except FileNotFoundError:
        return False


def _reserved(where: int, entry: str, stamp: _Stamp, reason: bytes | None) -> str:
    """A name that is free there, held by an empty file until the real one takes its place."""
    for name in _names(entry, stamp):
        try:
            _write(where, name, b"")
        except FileExistsError:
            continue
        if reason is None:
            return name
        try:
            _write(where, name + _REASON, reason)
        except FileExistsError:
            _withdraw(where, name)
        except OSError:
            _withdraw(where, name, name + _REASON)
            raise
        else:
            return name
    raise FileExistsError(errno.EEXIST, f"all names like {on_one_line(entry)} are taken")


def _names(entry: str, stamp: _Stamp) -> Iterator[str]:
    """The name, then the name with the second of its last change, then with a number too."""
    path = PurePath(entry)
    suffix = path.suffix if len(os.fsencode(path.suffix)) < 20 else ""
    stem = entry.removesuffix(suffix)
    if len(os.fsencode(entry)) <= _LONGEST_NAME:
        yield entry
    stem = os.fsdecode(os.fsencode(stem)[:180])
    second = stamp.modified_ns // 1_000_000_000
    yield f"{stem}-{second}{suffix}"
    for number in range(2, _NAMES_TRIED):
        yield f"{stem}-{second}-{number}{suffix}"


def _write(where: int, name: str, content: bytes) -> None:
    handle = os.open(name, _WRITE, 0o644, dir_fd=where)
    with os.fdopen(handle, "wb") as file:
        if content:
            file.write(content)
            file.flush()
            os.fsync(handle)


def _withdraw(where: int, *entries: str) -> None:
    """Take back a reservation."""
    for entry in entries:
        with suppress(FileNotFoundError):
            os.unlink(entry, dir_fd=where)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, _LOOK)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _inside(here: int, name: str, folder: Path) -> Iterator[int]:
    """The folder of that name inside, made if it is missing; a link to one elsewhere is refused."""
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=here)
    try:
        handle = os.open(name, _LOOK | os.O_NOFOLLOW, dir_fd=here)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        raise FolderError(
            f"{name} in {_shown(folder)} is no folder",
            hint="move it away; the service makes the folder itself",
        ) from error
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _faults(folder: Path) -> Iterator[None]:
    """What the system says, as an error with the folder and the remedy in it."""
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        raise FolderError(
            f"the folder {_shown(folder)} cannot be used: {os.strerror(code)}",
            hint=_HINTS.get(code, "look at the disk and the system's log"),
        ) from error


def _shown(folder: Path) -> str:
    return on_one_line(str(folder))


_HINTS = {
    errno.ENOENT: "make it, or correct the source's `folder`",
    errno.ENOTDIR: "the source's `folder` must be a folder",
    errno.EACCES: "let the service's user read and write in it",
    errno.EPERM: "let the service's user read and write in it",
    errno.EROFS: "its disk is read-only; a drop folder must be writable",
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room on its disk",
    errno.EXDEV: "done and failed must be plain folders on the same disk",
    errno.EEXIST: "empty its folders done and failed",
}
