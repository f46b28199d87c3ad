"""Where reports are, copy group, time and evidence and all, and how they are put elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage import schema, stories
from storage.reports import chunks


@dataclass(frozen=True, slots=True)
class MembershipRecord:
    """Where exactly a report is, so that it can come back there."""

    report: int
    copy_group: int
    joined: datetime
    evidence: Mapping[str, Any]

    def as_json(self) -> list[Any]:
        """For the database."""
        return [self.report, self.copy_group, self.joined.isoformat(), dict(self.evidence)]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> MembershipRecord:
        """The inverse of `as_json`."""
        report, copy_group, joined, evidence = values
        return cls(report, copy_group, datetime.fromisoformat(joined), evidence)


def of(tx: sa.Connection, reports: Iterable[int]) -> list[MembershipRecord]:
    """Where these reports are."""
    member = schema.membership
    query = sa.select(member.c.report_id, member.c.copy_group, member.c.joined, member.c.evidence)
    return [
        MembershipRecord(*row)
        for chunk in chunks(sorted(reports))
        for row in tx.execute(query.where(member.c.report_id.in_(chunk)).order_by(member.c.report_id))
    ]


def put(tx: sa.Connection, story: int, where: Iterable[MembershipRecord]) -> None:
    """Reports that are in some story into this one, exactly as said."""
    member = schema.membership
    for place in where:
        values = {"copy_group": place.copy_group, "joined": place.joined, "evidence": dict(place.evidence)}
        here = member.c.report_id == place.report
        tx.execute(sa.update(member).where(here).values(story_id=story, **values))


def found(tx: sa.Connection, reports: Iterable[int], now: datetime) -> int:
    """Open a story for reports from another; its id. It is as old as the first of their memberships."""
    seated = of(tx, reports)
    first = min(place.report for place in seated)
    created = min(place.joined for place in seated)
    # Without a title: it is shown once they are there.
    return stories.found(tx, title="", best=first, now=now, created=created)


def transfer(tx: sa.Connection, story: int, reports: Iterable[int]) -> None:
    """Reports that are in some story into this one, with all that is known of them."""
    member = schema.membership
    for chunk in chunks(sorted(reports)):
        tx.execute(sa.update(member).where(member.c.report_id.in_(chunk)).values(story_id=story))


def justify(tx: sa.Connection, reports: Iterable[int], evidence: Mapping[str, Any], now: datetime) -> None:
    """Reports are where they are since now, and for another reason than before."""
    member = schema.membership
    for chunk in chunks(sorted(reports)):
        values = {"evidence": dict(evidence), "joined": now}
        tx.execute(sa.update(member).where(member.c.report_id.in_(chunk)).values(values))


def tidy_groups(tx: sa.Connection, ids: Iterable[int]) -> None:
    """Where a text stands in several stories, it is a copy group in each of them."""
    for chunk in chunks(list(ids)):
        for _, members in stories.misnamed(stories.memberships(tx, chunk)):
            stories.regroup(tx, members, min(members))
