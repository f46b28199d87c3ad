"""What is found in a drop folder, what lies there after it, and a disk that fails."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.fetch.folder import Dropped, Refusal, scan
from aggregator.settings import Folders

LIMITS = Folders(max_file_bytes=1000, settle=timedelta(seconds=2))
OLD = datetime(2026, 11, 21, tzinfo=UTC)
NOW = OLD + timedelta(days=1)

Put = Callable[..., Path]
"""The fixture ``put``: takes a name, and if need be a body and a date."""

_rename = os.rename  # the real one, whatever a test puts in its place


def scanned(folder: Path, limits: Folders = LIMITS, now: datetime = NOW) -> list[Dropped | Refusal]:
    """All that a look into the folder gives."""
    return list(scan(folder, limits, now))


def only(folder: Path) -> Dropped:
    """The one file that is there, and is taken."""
    (found,) = scanned(folder)
    assert isinstance(found, Dropped)
    return found


def refused(folder: Path) -> Refusal:
    """The one file that is there, and is refused."""
    (found,) = scanned(folder)
    assert isinstance(found, Refusal)
    return found


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, and what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def replace(path: Path) -> None:
    """Put another file in its place."""
    other = path.with_name("other")
    other.write_bytes(b"Something else.")
    os.utime(other, (OLD.timestamp(),) * 2)
    _rename(other, path)


def raising(code: int) -> Callable[..., bytes]:
    """Stands for a call of the system that fails."""

    def fails(*_: object, **__: object) -> bytes:
        raise OSError(code, os.strerror(code))

    return fails
