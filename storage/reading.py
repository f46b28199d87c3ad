"""What the page of a story, and that of a source, asks beside the story itself; every question is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage import schema, sketches

_LATEST = 5000  # candidates that are counted


@dataclass(frozen=True, slots=True)
class Revision:
    """What a report said until it was changed."""

    report: int
    replaced: datetime
    title: str
    text: str


def best(tx: sa.Connection, story: int) -> int | None:
    """The report that gives a story its title and lead."""
    query = sa.select(schema.story.c.best).where(schema.story.c.id == story)
    found: int | None = tx.execute(query).scalar()
    return found


def related(tx: sa.Connection, report: int, window: timedelta, limit: int) -> list[int]:
    """Ids of the stories whose reports share most band keys with this one; its own story is none of them.

    Those are its candidates that the verdict has left apart: what is related, and no copy.

    Args:
        tx: an open transaction.
        report: its id.
        window: how far from it, in the time of being seen.
        limit: most stories.

    """
    seen = tx.execute(sa.select(schema.report.c.seen).where(schema.report.c.id == report)).scalar()
    keys = sketches.bands(tx, [report]).get(report, [])
    if seen is None or not keys:
        return []
    band, member = schema.band, schema.membership
    own = sa.select(member.c.story_id).where(member.c.report_id == report).scalar_subquery()
    weeks = [*range(sketches.bucket(seen - window), sketches.bucket(seen + window) + 1)]
    near = sa.select(band.c.report_id).where(band.c.bucket.in_(weeks), band.c.key.in_(keys))
    found = near.limit(_LATEST).subquery()
    query = sa.select(member.c.story_id).join_from(found, member, member.c.report_id == found.c.report_id)
    query = query.where(member.c.story_id != own).group_by(member.c.story_id)
    return list(
        tx.execute(query.order_by(sa.func.count().desc(), member.c.story_id.desc()).limit(limit)).scalars()
    )


def revisions(tx: sa.Connection, reports: Sequence[int]) -> list[Revision]:
    """What these reports said before they were changed, the oldest first."""
    table = schema.revision
    query = sa.select(table.c.report_id, table.c.replaced, table.c.title, table.c.text)
    query = query.where(table.c.report_id.in_(list(reports))).order_by(table.c.report_id, table.c.replaced)
    return [Revision(*row) for row in tx.execute(query)]


def arrivals(tx: sa.Connection, source: str, most: int) -> list[datetime]:
    """When a source showed its newest reports, the newest first."""
    seen = schema.sighting.c.seen
    query = sa.select(seen).where(schema.sighting.c.source == source)
    return list(tx.execute(query.order_by(seen.desc()).limit(most)).scalars())
