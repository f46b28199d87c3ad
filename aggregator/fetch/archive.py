"""Archives: JSON lines and Parquet files that a person names, read in pieces; they stay where they are."""

from __future__ import annotations

import json
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from aggregator.errors import FolderError
from aggregator.fetch.json_lines import MOST_LINES, Piece, pieces

LINES, TABLE = ".jsonl", ".parquet"
_COLUMNS = ("id", "title", "text", "published", "source", "url", "lang")
_NO_PYARROW = "pip install 'story-aggregator[parquet]' reads Parquet"


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of an archive.

    Attributes:
        path: where it is.
        digest: SHA-256 of all of it, by which a second run knows it again.
        size: bytes; of a table rows. A place in it counts in the same.
    """

    path: Path
    digest: bytes
    size: int

    def pieces(self, start: int, longest: int) -> Generator[Piece, None, None]:
        """Its lines from a place on; a row of a table is a line. Whoever stops before the end closes it.

        Args:
            start: where to begin.
            longest: most bytes of a line.

        Raises:
            FolderError: it cannot be read.
        """
        with _faults(self.path):
            if self.path.suffix == TABLE:
                yield from _rows(self.path, start, longest)
                return
            with self.path.open("rb") as file:
                file.seek(start)
                yield from pieces(file.read, start, longest)


def listed(paths: Iterable[Path]) -> list[Path]:
    """The files of an archive in their order; a folder stands for those in it, by name.

    Raises:
        FolderError: one is not there, is of another kind, or a folder holds none.
    """
    found = []
    for path in paths:
        with _faults(path):
            if path.is_dir():
                inside = [each for each in sorted(path.iterdir()) if each.suffix in (LINES, TABLE)]
                if not inside:
                    raise FolderError(f"{path} holds no file of an archive", hint=f"{LINES} and {TABLE} are")
                found += inside
            else:
                found.append(path)
    return found


def opened(path: Path) -> ArchiveFile:
    """A file, read once to know it again.

    Raises:
        FolderError: it cannot be read, or is of another kind.
    """
    if path.suffix not in (LINES, TABLE):
        raise FolderError(f"{path} is no file of an archive", hint=f"{LINES} and {TABLE} are")
    with _faults(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise FolderError(f"{path} is no file", hint="name a file, or a folder of them")
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").digest()
        size = _table(path).metadata.num_rows if path.suffix == TABLE else path.stat().st_size
    return ArchiveFile(path, digest, size)


def _rows(path: Path, start: int, longest: int) -> Iterator[Piece]:
    """The rows of a table from one on, as lines of JSON."""
    table = _table(path)
    columns = [name for name in _COLUMNS if name in table.schema_arrow.names]
    end = 0
    for batch in _batches(path, table, columns):
        first, end = end, end + batch.num_rows
        if end <= start:
            continue
        rows = batch.slice(max(start - first, 0)).to_pylist()
        lines = [json.dumps(_record(row), ensure_ascii=False).encode("utf-8", "replace") for row in rows]
        too_long = tuple(number for number, line in enumerate(lines, 1) if len(line) > longest)
        kept = b"\n".join(line if len(line) <= longest else b"" for line in lines)
        yield Piece(kept, end, len(lines), too_long)


def _batches(path: Path, table: Any, columns: Sequence[str]) -> Iterator[Any]:
    from pyarrow import ArrowException  # noqa: PLC0415 - an extra

    try:
        yield from table.iter_batches(batch_size=MOST_LINES, columns=columns)
    except (ArrowException, OSError) as error:  # its own errors of reading are of the latter
        raise FolderError(f"{path} is damaged: {error}", hint="write it again") from error


def _record(row: dict[str, Any]) -> dict[str, str]:
    return {name: _written(value) for name, value in row.items() if value is not None}


def _written(value: object) -> str:
    """A cell as a record of JSON lines has it; a moment without a zone is in UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, date) else str(value)


def _table(path: Path) -> Any:
    """The file of a table.

    Raises:
        FolderError: it is none, or nothing reads it here.
    """
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - as above
    except ImportError as error:
        raise FolderError(f"{path} is a table", hint=_NO_PYARROW) from error
    try:
        table = ParquetFile(path)
    except ArrowException as error:
        raise FolderError(f"{path} is no table of Parquet: {error}", hint="write it again") from error
    if not {"title", "text"} & set(table.schema_arrow.names):
        raise FolderError(
            f"{path} has neither a column title nor a column text", hint=f"it may have {', '.join(_COLUMNS)}"
        )
    return table


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror or error}", hint="see its name and its rights") from error
