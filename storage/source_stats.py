"""What each source has given: how many reports and stories, how much of it others had already told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema


@dataclass(frozen=True, slots=True)
class SourceStats:
    """What a source has given.

    Attributes:
        reports: how many it showed.
        stories: in how many stories they are.
        told: how many of the reports were told before: another source had shown the same one, or it joined a
            story (as a copy or as another report of the event) that had a report already.

    """

    reports: int = 0
    stories: int = 0
    told: int = 0


def stats_by_source(tx: sa.Connection, source: str | None = None) -> dict[str, SourceStats]:
    """What each source, or this one, has given; those that gave nothing are left out."""
    shown, report = schema.sighting, schema.report
    own, earlier = schema.membership.alias("own"), schema.membership.alias("earlier")
    before = sa.exists().where(earlier.c.story_id == own.c.story_id, earlier.c.report_id < shown.c.report_id)
    told = sa.case((sa.or_(report.c.source != shown.c.source, before), 1), else_=0)
    query = (
        sa.select(
            shown.c.source, sa.func.count(), sa.func.count(own.c.story_id.distinct()), sa.func.sum(told)
        )
        .join(report, report.c.id == shown.c.report_id)
        .join(own, own.c.report_id == shown.c.report_id, isouter=True)
        .group_by(shown.c.source)
    )
    if source is not None:
        query = query.where(shown.c.source == source)
    return {name: SourceStats(*map(int, counts)) for name, *counts in tx.execute(query)}


def moments(tx: sa.Connection, source: str, most: int) -> list[datetime]:
    """When a source last showed something that it had not shown before; the newest first."""
    seen = schema.sighting.c.seen
    query = sa.select(seen).distinct().where(schema.sighting.c.source == source)
    return list(tx.execute(query.order_by(seen.desc()).limit(most)).scalars())
