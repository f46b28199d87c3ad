"""Faults planted on purpose: what a careless hand might have written; the tests must find each.

They are put into the child process of the tests only, by `plant`. The product knows nothing of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from aggregator.fetch import folder
from aggregator.poll.pipeline import Pipeline
from aggregator.publish import files
from aggregator.schedule import next_poll
from storage import engines, progress, reports, sources


def _validator_before_entries() -> None:
    """The feed's validators are saved in a transaction of their own, before its entries."""
    keep_answer = Pipeline._keep_answer

    async def early(self: Any, source: Any, state: Any, answer: Any, parsed: Any, chance: float) -> Any:
        outcome = next_poll.Outcome(answer, parsed)
        limits = next_poll.bounds(source, self._settings.fetch)
        saved = next_poll.after_answer(state, limits, outcome, self._clock(), chance)
        await self._writer.write(lambda tx: sources.save(tx, saved))
        return await keep_answer(self, source, state, answer, parsed, chance)

    replace(Pipeline, "_keep_answer", early)


def _two_commits() -> None:
    """A report and its place in a story are two transactions."""
    add = reports.add

    def hasty(tx: Any, found: Any) -> Any:
        ids = add(tx, found)
        tx.exec_driver_sql("COMMIT")
        tx.exec_driver_sql("BEGIN IMMEDIATE")
        return ids

    replace(reports, "add", hasty)


def _feed_in_place() -> None:
    """A published file is written where the old one stands."""

    def write(directory: Path, name: str, body: bytes) -> None:
        (directory / name).write_bytes(body)

    replace(files, "_replace", write)


def _moved_before_commit() -> None:
    """A drop file goes to ``done/`` before its reports are in the database."""
    keep_file = Pipeline._keep_file

    async def early(self: Any, source: Any, file: Any, parsed: Any, polled: Any, now: datetime) -> Any:
        folder.done(source.folder, file)
        return await keep_file(self, source, file, parsed, polled, now)

    replace(Pipeline, "_keep_file", early)


def _no_ledger() -> None:
    """Nobody remembers which files have been taken."""
    replace(sources, "take", lambda *_: None)


def _place_ahead() -> None:
    """The place in a file is kept before what lies before it."""
    keep = progress.keep

    def ahead(tx: Any, source: str, digest: bytes, name: str, at: Any, now: datetime) -> None:
        keep(tx, source, digest, name, dataclasses.replace(at, place=2 * at.place), now)

    replace(progress, "keep", ahead)


def _lazy_disk() -> None:
    """A commit is not brought down to the disk; only a power cut can tell."""
    connected = engines._on_sqlite_connect

    def lazily(connection: Any, record: Any) -> None:
        connected(connection, record)
        connection.execute("PRAGMA synchronous=NORMAL")

    replace(engines, "_on_sqlite_connect", lazily)


FAULTS: dict[str, Callable[[], None]] = {
    "validator before entries": _validator_before_entries,
    "two commits": _two_commits,
    "feed written in place": _feed_in_place,
    "file moved before the commit": _moved_before_commit,
    "no ledger": _no_ledger,
    "place ahead of its lines": _place_ahead,
}
"""Those that a kill can bring out, by name."""

UNSYNCED: dict[str, Callable[[], None]] = {"commit not synced": _lazy_disk}
"""Those that only a power cut can bring out."""


def plant(name: str) -> None:
    """Put a fault into this process."""
    (FAULTS | UNSYNCED)[name]()


def replace(owner: Any, name: str, by: Any) -> None:
    """Replace what is there; a fault that would be planted beside the road is an error."""
    getattr(owner, name)
    setattr(owner, name, by)
