"""Result of one poll of a source, and the state that follows from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.errors import AggregatorError, BadStatus, SourceError
from aggregator.model import Answer, SourceState
from aggregator.stories.ingest import IngestResult


class IngestDefect(SourceError):
    """A body, or one report in it, brings out a defect of ours; the cause is what nobody foresaw."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What came of one poll of one source.

    Attributes:
        source: its name.
        new, revised: how many reports.
        stories: ids of the stories that gained.
        unchanged: the source had nothing that was not known, and said so (304, or the same body).
        left_alone: its host is paused, so that nothing was asked; why.
        error: why it failed.
        warning: what is wrong with it, though it gave what it could.
        lost: reports that brought out a defect; all others were taken in.
        refused: files of a folder that went to ``failed/``, in whole or in part, each with the reason.

    """

    source: str
    new: int = 0
    revised: int = 0
    stories: frozenset[int] = frozenset()
    unchanged: bool = False
    left_alone: str | None = None
    error: SourceError | None = None
    warning: str | None = None
    lost: tuple[IngestDefect, ...] = ()
    refused: tuple[str, ...] = ()

    def plus(self, gain: IngestResult) -> PollResult:
        """With what a transaction has brought."""
        return replace(
            self,
            new=self.new + len(gain.new),
            revised=self.revised + len(gain.revised),
            stories=self.stories | gain.stories,
        )


def looked(state: SourceState, polled: PollResult, now: datetime) -> SourceState:
    """The state of a folder after a look that brought something, or failed."""
    error = polled.error
    return replace(
        state,
        polled=now,
        succeeded=state.succeeded if error else now,
        gained=now if polled.new else state.gained,
        polls=state.polls + 1,
        failed=state.failed + (error is not None),
        failures=state.failures + 1 if error else 0,
        error=error.message if error else None,
        hint=error.hint if error else None,
        reason="a folder is looked into all the time",
    )


def outcome(polled: PollResult, answer: Answer | None) -> str:
    """What came of a poll, in one word: the status of its answer, or the kind of its error."""
    if isinstance(polled.error, BadStatus):
        return str(polled.error.status)
    if polled.error is not None:
        return type(polled.error).__name__
    return str(answer.status) if answer else "ok"


def fault(damaged: str | None, kept: PollResult, lost: Sequence[IngestDefect]) -> str | None:
    """What is wrong with a file, though it gave what it could."""
    if kept.error:
        return str(kept.error)
    faults = [damaged] if damaged else []
    faults += [error.message for error in lost]
    return f"{'; '.join(faults)} (its good entries were taken in)" if faults else None


@contextlib.contextmanager
def blamed(what: str) -> Iterator[None]:
    """What nobody foresaw is a failure of the one body that brought it out, so that it costs nothing else."""
    try:
        yield
    except AggregatorError:
        raise
    except Exception as error:
        raise IngestDefect(
            f"{what}: {error!r}", hint="a defect: please report it, with the feed or the file"
        ) from error
