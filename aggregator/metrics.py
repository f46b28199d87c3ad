"""What is counted and timed, for Prometheus; ``serve`` shows it at ``/metrics``.

One registry for the process, as there is one log. Counts are of what was committed. No label can take more
values than the configuration has sources or HTTP has statuses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a second line for each count

REGISTRY = CollectorRegistry()
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
_TIMES = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60)  # seconds
_DELAYS = (1, 5, 30, 60, 300, 900, 3600, 6 * 3600, 86400)  # seconds
_SCORES = tuple(tenth / 10 for tenth in range(1, 11))

POLLS = Counter(
    "aggregator_polls",
    "Polls, by what came of them: an HTTP status, ok, or the kind of error.",
    ["kind", "status"],
    registry=REGISTRY,
)
LATENESS = Histogram(
    "aggregator_poll_lateness_seconds",
    "From when a poll was due to when it began.",
    registry=REGISTRY,
    buckets=_DELAYS,
)
REPORTS = Counter(
    "aggregator_reports",
    "Reports taken in, by source; new ones, and new words of known ones.",
    ["source", "change"],
    registry=REGISTRY,
)
VERDICTS = Histogram(
    "aggregator_verdict_score",
    "Scores of the verdicts, by layer: first (opened a story), copy (the same text), story (the same event).",
    ["layer"],
    registry=REGISTRY,
    buckets=_SCORES,
)
STAGES = Histogram(
    "aggregator_stage_seconds",
    "Time that a stage took: fetch, parse, normalise, write (waiting for its turn and all), publish.",
    ["stage"],
    registry=REGISTRY,
    buckets=_TIMES,
)
QUEUE = Gauge("aggregator_sources_due", "Sources that wait for their poll.", registry=REGISTRY)
POLLING = Gauge("aggregator_polls_running", "Polls that are under way.", registry=REGISTRY)
DATABASE = Gauge("aggregator_database_bytes", "Size of the database.", registry=REGISTRY)

ProcessCollector(registry=REGISTRY)  # memory, processor time and open files of this process


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage, however it ends."""
    began = time.monotonic()
    try:
        yield
    finally:
        STAGES.labels(name).observe(time.monotonic() - began)


def late(lateness: timedelta) -> None:
    """A poll begins so long after it was due."""
    LATENESS.observe(max(lateness.total_seconds(), 0))


def gained(source: str, new: int, revised: int, verdicts: Iterable[tuple[str, float]]) -> None:
    """A transaction was committed.

    Args:
        source: the source's name.
        new: how many reports were new.
        revised: how many had new words.
        verdicts: layer and score of each that was linked.

    """
    REPORTS.labels(source, "new").inc(new)
    REPORTS.labels(source, "revised").inc(revised)
    for layer, score in verdicts:
        VERDICTS.labels(layer).observe(score)


def forget_source(name: str) -> None:
    """A source is polled no more: show it no more."""
    for change in ("new", "revised"):
        with contextlib.suppress(KeyError):
            REPORTS.remove(name, change)


def text() -> bytes:
    """All of it, as Prometheus reads it."""
    return prometheus_client.generate_latest(REGISTRY)
