"""What is read beside stories: reports and why they are together, corrections, sources, health."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from aggregator import __version__
from aggregator.errors import NotFound
from aggregator.poll.source_status import source_statuses
from aggregator.serve.api import access, problems, values
from aggregator.serve.api.access import Who
from aggregator.serve.api.stories import Number, whole
from aggregator.serve.api.values import Id
from aggregator.serve.counts import Counted
from aggregator.serve.pages import Desk
from aggregator.stories.explain import explain
from storage import corrections, marks, readers, source_stats, stories

_CORRECTIONS = 500


def router(desk: Desk) -> APIRouter:
    """All operations that read something else than stories."""
    found = APIRouter(dependencies=[Depends(access.reading(desk))])
    counts = Counted(desk, source_stats.stats_by_source)

    @found.get("/reports/{number}", responses=problems.MISSING)
    def one_report(_: Who, number: Number) -> values.Report:
        """A report, with why it is in its story."""
        with desk.database.reading() as tx:
            (told,) = whole(tx, desk, _story_of(tx, number))
        return next(values.report(each, told.id) for each in told.members if each.id == number)

    @found.get("/reports/{number}/explain", responses=problems.MISSING)
    def explain_reports(_: Who, number: Number, other: Annotated[Id, Query()]) -> values.Explained:
        """Why two reports are, or are not, one story: each term of the verdict."""
        with desk.database.reading() as tx:
            for each in (number, other):
                _story_of(tx, each)
        why = explain(str(number), str(other), desk.settings(), lambda: desk.database)
        return values.Explained.model_validate(why.as_json())

    @found.get("/corrections")
    def list_corrections(_: Who) -> values.CorrectionList:
        """What people have said about stories, the newest first."""
        with desk.database.reading() as tx:
            return values.corrections(corrections.listed(tx)[-_CORRECTIONS:])

    @found.get("/muted-words")
    def list_muted_words(reader: Who) -> values.MutedWords:
        """The words that the reader does not want to hear of."""
        with desk.database.reading() as tx:
            return values.MutedWords(words=marks.muted_words(tx, reader.id))

    @found.get("/sources")
    def list_sources(_: Who) -> values.SourceList:
        """How each source fares: health, next poll and why then, counts."""
        with desk.database.reading() as tx:
            return values.sources(source_statuses(tx, desk.settings(), desk.now(), given=counts(tx)))

    return found


def health(desk: Desk) -> APIRouter:
    """The one operation for which nobody logs in."""
    found = APIRouter()

    @found.get("/health")
    def answers() -> values.Health:
        """Whether the database answers; needs no token."""
        with desk.database.reading() as tx:
            readers.anybody(tx)
        return values.Health(version=__version__)

    return found


def _story_of(tx: Any, report: int) -> int:
    found = stories.of_reports(tx, [report]).get(report)
    if found is None:
        raise NotFound(f"there is no report {report}")
    return found
