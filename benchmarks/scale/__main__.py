"""How work, memory and answers grow with the reports in the window.

::

    python -m benchmarks.scale made 10000 100000     # made reports, with the words and sources of real ones
    python -m benchmarks.scale made 1000000          # takes an hour and more
    python -m benchmarks.scale real                  # the real stream, 76,635 reports, as it is

All reports are seen within one window, in transactions of 50, into a SQLite file. At 10,000 and at each
number that is named a line is printed, on the last 5,000 reports before it:

    rate      reports a second of processor time, and that over the rate at 10,000: only this ratio compares
    rows      of the index that were read for a report
    recall    pairs of one event of which the later one had the earlier one among its candidates
    memory    the most of the process so far, this benchmark's own included
    disk      bytes a report beside its title and text
    stories   seconds that ``aggregator stories`` and ``aggregator show`` take
"""

from __future__ import annotations

import argparse
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.membership_batch import MembershipBatch
from benchmarks import windows
from benchmarks.scale import synthetic
from storage import sketches
from storage.database import Database

FIRST = 10_000  # reports, at which the first line is printed
LAST = 5_000  # reports that a line is about
BATCH = 50  # reports a transaction
NOW = datetime(2060, 1, 15, tzinfo=UTC)

Told = tuple[Report, int | None]


@dataclass
class Counted:
    """What was read and found of the reports that a line is about.

    Attributes:
        rows: of the index.
        pairs: of one event.
        found: of these, those where the earlier report was a candidate for the later one.
    """

    rows: int = 0
    pairs: int = 0
    found: int = 0


@dataclass
class Watch:
    """Counts what the linker reads from the index, and which of the true candidates it gets.

    Attributes:
        event: of each report that is in one, by id.
        counted: since it was last set.
    """

    event: dict[int, int] = field(default_factory=dict)
    counted: Counted = field(default_factory=Counted)
    _of_event: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Stand between the linker and the index."""
        sharing, candidates = sketches.sharing, MembershipBatch.candidates

        def counting(*given: Any) -> list[tuple[int, int, int, int]]:
            rows = list(sharing(*given))
            self.counted.rows += len(rows)
            return rows

        def comparing(
            batch: MembershipBatch, report: int, now: datetime, window: timedelta
        ) -> list[tuple[int, int]]:
            found = candidates(batch, report, now, window)
            self._compare(report, {other for other, _ in found})
            return found

        with (
            mock.patch.object(sketches, "sharing", counting),
            mock.patch.object(MembershipBatch, "candidates", comparing),
        ):
            yield

    def _compare(self, report: int, found: set[int]) -> None:
        event = self.event.get(report)
        if event is None:
            return
        before = self._of_event[event]
        self.counted.pairs += len(before)
        self.counted.found += len(found.intersection(before))
        before.append(report)


def play(
    told: Iterable[Told], marks: Sequence[int], database: Database, held: int = 0
) -> Iterator[tuple[int, float, Counted]]:
    """Take reports in; at each mark how many there are, the rate lately, and what was counted.

    Args:
        told: each with its event, where that is known.
        marks: how many of them to take until then.
        database: where they go.
        held: how many are in it before.

    """
    linker, watch = Linker(Dedup()), Watch()
    taken, lately = 0, 0.0
    stream = iter(told)
    with watch.watching():
        while batch := list(itertools.islice(stream, BATCH)):
            if any(taken == mark - LAST for mark in marks):
                lately, watch.counted = 0.0, Counted()
            # Ids are given in order, from 1: known before they are in the database.
            numbered = enumerate(batch, held + taken + 1)
            watch.event |= {number: event for number, (_, event) in numbered if event is not None}
            reports = [report for report, _ in batch]
            began = time.process_time()
            with database.writing() as tx:
                ingest(tx, linker, reports, max(report.seen for report in reports))
            lately += time.process_time() - began
            taken += len(batch)
            if taken in marks:
                yield taken, LAST / lately, watch.counted


def real() -> list[Told]:
    """The real stream, all of it seen now, with the events of the labelled days."""
    event: dict[str, int] = {}
    for day, window in enumerate(windows.windows()):
        event |= {item: 1000 * day + window.event[item] for item in window.core}
    items = sorted(windows.stream(), key=lambda item: item["first_seen"])
    return [(replace(windows.report_of(item), seen=NOW), event.get(item["id"])) for item in items]


def answers(file: Path) -> str:
    """How long it takes to list and to show a story."""
    config = file.with_suffix(".yaml")
    folder = file.parent / "drop"
    folder.mkdir(exist_ok=True)
    config.write_text(
        f"database: sqlite:///{file}\nsources:\n  - name: Inbox\n    folder: {folder}\n", "utf-8"
    )
    taken = []
    for asked in (["stories"], ["show", "1"]):
        began = time.perf_counter()
        command = [sys.executable, "-m", "aggregator", "--config", str(config), *asked]
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return "stories {:.2f} s  show {:.2f} s".format(*taken)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=["made", "real"])
    parser.add_argument("numbers", nargs="*", type=int, help="reports at which a line is printed")
    asked = parser.parse_args()
    if asked.kind == "real":
        told: Iterable[Told] = real()
        marks = asked.numbers or [50_000, 76_600]
    else:
        marks = asked.numbers or [100_000]
        told = synthetic.stream(max(marks), NOW)
    with tempfile.TemporaryDirectory() as folder:
        _run(told, sorted({FIRST, *marks}), Path(folder) / "scale.db")


def _run(told: Iterable[Told], marks: Sequence[int], file: Path) -> None:
    database, words = Database(f"sqlite:///{file}"), 0

    def passing() -> Iterator[Told]:
        nonlocal words
        for report, event in told:
            words += len(f"{report.title}{report.text}".encode())
            yield report, event

    first = 0.0
    for taken, rate, counted in play(itertools.islice(passing(), marks[-1]), marks, database):
        first = first or rate
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        disk = sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*")) - words
        print(
            f"{taken:>9,}  rate {rate:.0f}/s ({rate / first:.2f})  rows {counted.rows / LAST:.0f}"
            f"  recall {counted.found / max(counted.pairs, 1):.3f} of {counted.pairs}"
            f"  memory {memory:.0f} MB  disk {disk / taken:.0f} B  {answers(file)}",
            flush=True,
        )
    database.close()


if __name__ == "__main__":
    main()
