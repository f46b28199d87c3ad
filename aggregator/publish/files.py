"""Published files: each is the old one or the new one, never half of one.

The bytes go to a temporary file in the same folder, down to the disk, and then take the old file's name in
one step; the folder is synced too, or a power cut could undo the step. After a failed fsync the temporary
file is thrown away, never synced again: the kernel may already have dropped its pages.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from aggregator.errors import PublishError

# Other people's web servers read these files, whatever the service's umask says.
_MODE = 0o644


def write(directory: Path, name: str, body: bytes) -> bool:
    """Make the file hold the body; False where it already does, and nothing was written.

    Raises:
        PublishError: the folder or the file cannot be written; the old file stands.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _sweep(directory, name)
        if _holds(directory / name, body):
            return False
        _replace(directory, name, body)
    except OSError as error:
        cause = error.strerror or str(error)
        raise PublishError(f"{directory / name}: cannot be published: {cause}", hint=_hint(error)) from error
    return True


def _sweep(directory: Path, name: str) -> None:
    # What a crash left behind. Should another process be writing the same file right now, it loses its
    # temporary file and says so; what is published stays whole.
    for left in directory.glob(f".{name}.*.tmp"):
        left.unlink(missing_ok=True)


def _holds(path: Path, body: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(body) and path.read_bytes() == body


def _replace(directory: Path, name: str, body: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            os.fsync(file.fileno())
        Path(temporary).replace(directory / name)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(directory)


def _sync_folder(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hint(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "let the service's user write to publish.directory"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "publish.directory must be a folder; a file stands in its way"
    return "look at the disk that holds publish.directory; the next try writes the file anew"
