"""What happened to stories: which were merged, and which reports moved or were split off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something in a story's history.

    Attributes:
        at: when.
        what: ``merged`` (a whole story), ``moved`` (one report), ``parted`` (one report, that agreed too
            little with the others), ``split`` (several reports, by a person) or ``reclustered`` (reports,
            when all were clustered again).
        story: the story that gained.
        from_story: the story that lost.
        report: the report that moved.
        score: what it had then, with the story that it left if it ``parted``; 1 where a person said it.
        correction: the correction that did it, None where the merging itself did.

    """

    at: datetime
    what: str
    story: int
    from_story: int
    report: int | None
    score: float
    correction: int | None = None


def remember(tx: sa.Connection, event: HistoryEvent) -> None:
    """Keep something for a story's history."""
    tx.execute(
        sa.insert(schema.history).values(
            at=event.at,
            story_id=event.story,
            what=event.what,
            from_story=event.from_story,
            report_id=event.report,
            score=event.score,
            correction_id=event.correction,
        )
    )


def of_story(tx: sa.Connection, story: int) -> list[HistoryEvent]:
    """What came into a story, and into those that lead to it now, and what left it, in order."""
    table = schema.history
    leads_here = sa.select(schema.story.c.id).where(schema.story.c.merged_into == story)
    columns = (table.c.at, table.c.what, table.c.story_id, table.c.from_story, table.c.report_id)
    query = sa.select(*columns, table.c.score, table.c.correction_id).order_by(table.c.id)
    came = (table.c.story_id == story) | table.c.story_id.in_(leads_here)
    left = (table.c.from_story == story) & (table.c.what != "merged")
    return [HistoryEvent(*row) for row in tx.execute(query.where(came | left))]
