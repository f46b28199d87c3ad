"""Files of JSON lines into the database, piece by piece: in bounded memory, and resumed after a kill.

The place in a file is kept with what lies before it, in the transaction that ends a piece, under the digest
of the whole file: it is the same file, whatever it is called by then and whoever has touched it. Pieces that
come again change nothing, so a kill between two transactions of one piece loses and doubles nothing either.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator import metrics
from aggregator.errors import ParseError
from aggregator.fetch.json_lines import Piece, halves
from aggregator.model import Parsed
from aggregator.normalise.report import Body
from aggregator.parse.records import NAMED, bad_lines, nothing
from aggregator.poll.ingestion import Ingestion, Keep
from aggregator.poll.poll_result import PollResult
from aggregator.poll.writing import to_its_end
from aggregator.settings import Source
from storage import progress, sources
from storage.database import Database
from storage.progress import Progress

if TYPE_CHECKING:
    from aggregator.parse.sandbox import Parser


@dataclass(frozen=True, slots=True)
class LinesFile:
    """A file of JSON lines.

    Attributes:
        source: whose it is.
        name: for people.
        digest: SHA-256 of all of it.
        pieces: its lines from a place on.
        archive: whether its reports count as seen when they were published, as if it had been read then.
    """

    source: Source
    name: str
    digest: bytes
    pieces: Callable[[int], Generator[Piece, None, None]]
    archive: bool = False


After = Callable[[Progress, datetime], Awaitable[None]]


async def _nothing(at: Progress, seen: datetime) -> None:
    """What is done after a piece of a dropped file."""


class Lines:
    """Takes files of JSON lines in, for one event loop.

    Args:
        parser: reads pieces.
        ingestion: takes in what they hold.
        database: knows how far a file came.

    """

    def __init__(self, parser: Parser, ingestion: Ingestion, database: Database) -> None:
        self._parser, self._ingestion, self._database = parser, ingestion, database

    async def take_in(
        self, file: LinesFile, polled: PollResult, now: datetime, after: After = _nothing
    ) -> tuple[PollResult, str | None]:
        """All of a file that was not taken in before, and what is wrong with it.

        Args:
            file: the file.
            polled: what came before it.
            now: the present time.
            after: is called after each piece, with the place, and the time at which its last report was seen.

        Raises:
            ParseError: no line holds a record.
            IngestDefect: a defect of ours that it brings out.

        """
        with self._database.reading() as tx:
            if sources.taken(tx, file.source.name, file.digest):
                return polled, None
            at = progress.get(tx, file.source.name, file.digest)
        lost = len(polled.lost)
        with contextlib.closing(file.pieces(at.place)) as pieces:
            piece = await to_its_end(lambda: next(pieces, None))
            while piece is not None and polled.error is None:
                following = await to_its_end(lambda: next(pieces, None))
                parsed = await self.parsed(piece)
                at = plus(at, piece, parsed)
                keep = self._keep(file, at, now, lost=lost, last=following is None)
                body = await self._ingestion.made(parsed, file.source, now)
                if file.archive:
                    body = at_their_dates(body)
                    polled = replace(polled, stories=frozenset())  # of a million reports they would add up
                polled = await self._ingestion.take_in(body, polled, now, keep, archived=file.archive)
                await after(at, max((report.seen for report in body.reports), default=now))
                piece = following
        return polled, damage(at)

    def _keep(self, file: LinesFile, at: Progress, now: datetime, *, lost: int, last: bool) -> Keep:
        """Writes how far it came; whoever loses a report to a defect is to meet it again."""
        known = file.source.name, file.digest

        def keep(tx: Any, polled: PollResult) -> None:
            whole = len(polled.lost) == lost
            if last:
                progress.end(tx, *known)
                if whole and not at.bad:
                    sources.take(tx, *known, file.name, now)
            elif whole:
                progress.keep(tx, *known, file.name, at, now)

        return keep

    async def parsed(self, piece: Piece) -> Parsed:
        """The entries of a piece; a line over which the parser fails is a bad one, and costs no other."""
        if not piece.body.strip():
            return Parsed(entries=())
        try:
            with metrics.stage("parse"):
                return await self._parser.parse(piece.body, "lines")
        except ParseError:
            if piece.lines == 1:
                return Parsed(entries=(), bad=(1,))
        first, second = halves(piece)
        one, other = await self.parsed(first), await self.parsed(second)
        return Parsed((*one.entries, *other.entries), bad=(*one.bad, *(first.lines + n for n in other.bad)))


def at_their_dates(body: Body) -> Body:
    """The same reports, seen when they were published, as far as their dates are known."""
    reports = [replace(each, seen=each.published) if each.dated else each for each in body.reports]
    return replace(body, reports=reports)


def plus(at: Progress, piece: Piece, parsed: Parsed) -> Progress:
    """The place after a piece."""
    bad = sorted((*parsed.bad, *piece.too_long))
    return Progress(
        place=piece.end,
        lines=at.lines + piece.lines,
        records=at.records + len(parsed.entries) + len(bad),
        bad=at.bad + len(bad),
        too_long=at.too_long + len(piece.too_long),
        named=(*at.named, *(at.lines + number for number in bad))[:NAMED],
    )


def damage(at: Progress) -> str | None:
    """What is wrong with a file that was read to its end.

    Raises:
        ParseError: no line holds a record.

    """
    if at.bad == at.records:
        raise nothing()
    if not at.bad:
        return None
    longer = f"; {at.too_long} over folders.max_line_bytes" if at.too_long else ""
    return bad_lines(at.bad, at.records, at.named) + longer
