"""Load archives at their own dates, so that the window works as it would have worked then.

An archive is read from its beginning to its end, piece by piece. A report counts as seen when it was
published; the second look and the end of the window follow that time, not the clock. A run that was cut
short goes on where it was, and a file that was loaded is not loaded again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.errors import FolderError, ParseError
from aggregator.fetch.archive import ArchiveFile
from aggregator.fetch.json_lines import Piece
from aggregator.poll.ingestion import Ingestion
from aggregator.poll.lines import Lines, LinesFile
from aggregator.poll.poll_result import PollResult, fault
from aggregator.poll.writing import Writer
from aggregator.settings import FolderSource, Settings
from aggregator.stories import second_look
from aggregator.stories.ingest import IngestResult
from aggregator.stories.linker import Linker
from storage import progress, sketches, sources
from storage.database import Database
from storage.progress import Progress

if TYPE_CHECKING:
    from aggregator.parse.sandbox import Parser

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a file will take.

    Attributes:
        reports: how many it holds, about.
        rate: reports a second.
        left: seconds.
    """

    reports: int
    rate: float
    left: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file has brought.

    Attributes:
        new: reports that were not known.
        revised: reports whose words have changed.
        known: whether it was loaded before; then nothing was done.
        wrong: what is wrong with it, though it gave what it could.
    """

    new: int = 0
    revised: int = 0
    known: bool = False
    wrong: str | None = None


class Loader:
    """Loads the files of an archive, for one event loop.

    Args:
        settings: all of them.
        database: open and current.
        parser: reads pieces.
        source: whose the reports are; its folder is not looked at.
        now: the clock.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        parser: Parser,
        source: FolderSource,
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._database, self._parser = settings, database, parser
        self._source, self._now = source, now
        self._linker = Linker(settings.dedup, settings.prefer)
        self._writer = Writer(database, self._linker.forget)
        self._lines = Lines(parser, Ingestion(self._linker, _no_pages, self._writer), database)
        self._pruned: datetime | None = None

    def place(self, file: ArchiveFile) -> int | None:
        """How far a file was loaded before; None: to its end."""
        with self._database.reading() as tx:
            if sources.taken(tx, self._source.name, file.digest):
                return None
            return progress.get(tx, self._source.name, file.digest).place

    async def estimate(self, file: ArchiveFile) -> Estimate:
        """How long the rest of a file will take, by loading its next piece into a database in memory.

        Raises:
            FolderError: it cannot be read.
        """
        place = self.place(file) or 0
        with contextlib.closing(file.pieces(place, self._settings.folders.max_line_bytes)) as pieces:
            piece = next(pieces, None)
        if piece is None or piece.end == place:
            return Estimate(0, 0.0, 0.0)
        started = time.monotonic()
        with contextlib.closing(Database("sqlite://")) as scratch:
            trial = Loader(self._settings, scratch, self._parser, self._source, self._now)
            sample = LinesFile(self._source, file.path.name, b"", lambda _: _only(piece), archive=True)
            with contextlib.suppress(FolderError, ParseError):  # the load itself says it, with its place
                await trial._lines.take_in(sample, PollResult(self._source.name), self._now())
        seconds = max(time.monotonic() - started, 1e-6)
        share = max(file.size - place, 0) / (piece.end - place)
        return Estimate(round(piece.lines * share), piece.lines / seconds, seconds * share)

    async def load(self, file: ArchiveFile, told: Callable[[int], None]) -> Loaded:
        """Load what was not loaded before of a file.

        Args:
            file: one of an archive.
            told: is called with the place after each piece.

        Raises:
            FolderError: it cannot be read.
            ParseError: no line of it holds a record.
            StoreError: the database refused; the next run goes on where it was.
        """
        if self.place(file) is None:
            return Loaded(known=True)
        longest = self._settings.folders.max_line_bytes

        async def after(at: Progress, seen: datetime) -> None:
            await self._settle(seen)
            told(at.place)

        name = file.path.name
        lines = LinesFile(
            self._source, name, file.digest, lambda place: file.pieces(place, longest), archive=True
        )
        polled, damaged = await self._lines.take_in(lines, PollResult(self._source.name), self._now(), after)
        if polled.error:
            raise polled.error
        return Loaded(polled.new, polled.revised, wrong=fault(damaged, polled, polled.lost))

    async def _settle(self, seen: datetime) -> None:
        """What a service does now and then, at this time of the archive: look again, forget the index."""
        while (await self._writer.write(lambda tx: second_look.look_again(tx, self._linker, seen))).reports:
            continue
        if self._pruned is None or seen - self._pruned > _WEEK:
            before = seen - self._settings.dedup.window
            await self._writer.write(lambda tx: sketches.prune_bands(tx, before))
            self._pruned = seen


def _no_pages(tx: object, source: str, gain: IngestResult, now: datetime) -> None:
    """Nobody reads the pages of an archive: it holds its texts."""


def _only(piece: Piece) -> Generator[Piece, None, None]:
    yield piece
