"""Ingests the reports of one body in transactions of a bounded size, validators with the last.

A body of a thousand entries must not hold the database for a minute; and a report that brings out a defect
of ours costs itself, not those beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aggregator import metrics
from aggregator.display import short
from aggregator.errors import AggregatorError
from aggregator.model import Parsed, Report
from aggregator.normalise.report import Body, changes
from aggregator.poll.poll_result import IngestDefect, PollResult, blamed
from aggregator.poll.writing import Writer
from aggregator.settings import Source
from aggregator.stories.ingest import IngestResult, ingest
from aggregator.stories.linker import Linker

_BATCH, _BATCH_TEXT = (
    100,
    500_000,
)  # reports and characters a transaction, a second's work: a stop waits for it
_MOST_LOST = 10  # reports of one transaction that bring out a defect; more, and they are not to blame


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction takes in, and the keys of all that its source showed."""

    reports: Sequence[Report]
    shown: Sequence[tuple[str, ...]]
    now: datetime
    archived: bool = False


Keep = Callable[[Any, PollResult], None]
"""Writes, in an open transaction, what goes with the outcome so far."""


class Ingestion:
    """Takes reports into the database, for one event loop.

    Args:
        linker: puts them into stories.
        new: is told what is new, in the open transaction.
        writer: of the database.

    """

    def __init__(
        self, linker: Linker, new: Callable[[Any, str, IngestResult, datetime], None], writer: Writer
    ) -> None:
        self._linker, self._new, self._writer = linker, new, writer

    async def made(
        self, parsed: Parsed | None, source: Source, now: datetime, before: bytes | None = None
    ) -> Body:
        """The reports of a body, beside what was known of it before.

        Raises:
            IngestDefect: a defect of ours that this body brings out.

        """
        if parsed is None:
            return Body()
        with blamed(source.name), metrics.stage("normalise"):
            return await asyncio.to_thread(changes, parsed, source, now, before)

    async def take_in(
        self, body: Body, polled: PollResult, now: datetime, keep: Keep, *, archived: bool = False
    ) -> PollResult:
        """The reports of a body, a transaction a batch; `keep` ends the last one.

        What nobody foresaw ends it with an error in the outcome, beside what was committed before. Those that
        were `archived` come when they were seen, not now.
        """
        batches = _batches(body.reports)
        shown = (*body.beside, *(report.keys for report in body.reports))  # who is who: with all in view
        for number, reports in enumerate(batches, 1):
            also = keep if number == len(batches) else _nothing_more
            moment = max((report.seen for report in reports), default=now) if archived else now
            batch = _Batch(reports, shown, moment, archived)
            try:
                polled = await self._ingest(batch, polled, also)
            except AggregatorError:
                raise
            except Exception:  # which of them is it?
                polled = await self._one_by_one(batch, polled, also)
            if polled.error:
                break
        return polled

    async def _ingest(self, batch: _Batch, polled: PollResult, also: Keep) -> PollResult:
        def work(tx: Any) -> tuple[IngestResult, PollResult]:
            gain = ingest(tx, self._linker, batch.reports, batch.now, batch.shown, archived=batch.archived)
            self._new(tx, polled.source, gain, batch.now)
            kept = polled.plus(gain)
            also(tx, kept)
            return gain, kept

        with metrics.stage("write"):
            gain, kept = await self._writer.write(work, weight=max(len(batch.reports), 1))
        metrics.gained(polled.source, len(gain.new), len(gain.revised), gain.verdicts)
        return kept

    async def _one_by_one(self, batch: _Batch, polled: PollResult, also: Keep) -> PollResult:
        """A batch again, each report by itself: a defect costs the one that brings it out."""
        before = len(polled.lost)
        for report in batch.reports:
            try:
                with blamed(f"the report {short(report.title)} ({report.url or 'no address'})"):
                    polled = await self._ingest(replace(batch, reports=[report]), polled, _nothing_more)
            except IngestDefect as error:
                polled = replace(polled, lost=(*polled.lost, error))
                if len(polled.lost) - before > _MOST_LOST:
                    return replace(polled, error=error)
        try:
            with blamed(polled.source):
                return await self._ingest(replace(batch, reports=[]), polled, also)
        except IngestDefect as error:
            return replace(polled, error=error)


def _batches(found: Iterable[Report]) -> list[list[Report]]:
    """Reports, oldest first, in transactions of a bounded size; at least one, which may be empty."""
    batches: list[list[Report]] = [[]]
    text = 0
    for report in sorted(found, key=lambda report: report.published):
        text += len(report.text)
        if batches[-1] and (len(batches[-1]) == _BATCH or text > _BATCH_TEXT):
            batches.append([])
            text = len(report.text)
        batches[-1].append(report)
    return batches


def _nothing_more(tx: Any, polled: PollResult) -> None:
    """What is kept with a batch that is not the last."""
