"""Article pages: which are to be read, which were, and whose text a report has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import schema
from storage.reports import chunks

_page = schema.page.c


@dataclass(frozen=True, slots=True)
class PendingPage:
    """A page that is to be read.

    Attributes:
        report: id of the report.
        url: where its source says that it is.
        tries: how often it was asked for before.

    """

    report: int
    url: str
    tries: int


def want(tx: sa.Connection, source: str, reports: Sequence[int], most: int, now: datetime) -> None:
    """Have the pages of these reports read; of a source the newest so many wait, the others never."""
    for chunk in chunks(list(reports)):
        linked = sa.select(schema.report.c.id).where(
            schema.report.c.id.in_(chunk), schema.report.c.url.is_not(None)
        )
        ids = list(tx.execute(linked).scalars())
        if ids:
            row = {"source": source, "due": now, "tries": 0, "taken": False}
            tx.execute(sa.insert(schema.page), [row | {"report_id": report} for report in ids])
    waiting = sa.select(_page.report_id).where(_page.source == source, _page.due.is_not(None))
    surplus = list(tx.execute(waiting.order_by(_page.report_id.desc()).offset(most)).scalars())
    for chunk in chunks(surplus):
        tx.execute(sa.delete(schema.page).where(_page.report_id.in_(chunk)))


def sources_due(tx: sa.Connection, now: datetime) -> list[str]:
    """The sources that have a page to read now."""
    return list(tx.execute(sa.select(_page.source).distinct().where(_page.due <= now)).scalars())


def due(tx: sa.Connection, source: str, now: datetime) -> list[PendingPage]:
    """The pages of a source to read now, those of the newest reports first."""
    query = (
        sa.select(_page.report_id, schema.report.c.url, _page.tries)
        .join(schema.report, schema.report.c.id == _page.report_id)
        .where(_page.source == source, _page.due <= now)
        .order_by(_page.report_id.desc())
    )
    return [PendingPage(*row) for row in tx.execute(query)]


def tried(
    tx: sa.Connection, report: int, said: str, *, again: datetime | None = None, taken: bool = False
) -> None:
    """A page was asked for; ``again``: when to ask once more; ``taken``: the report has its text now."""
    values = {"said": said, "due": again, "taken": taken, "tries": _page.tries + 1}
    tx.execute(sa.update(schema.page).where(_page.report_id == report).values(values))


def put_off(tx: sa.Connection, source: str, until: datetime) -> None:
    """Ask for no page of this source before then."""
    here = sa.and_(_page.source == source, _page.due < until)
    tx.execute(sa.update(schema.page).where(here).values(due=until))


def taken(tx: sa.Connection, reports: Sequence[int]) -> set[int]:
    """Those of the reports whose text is that of their page."""
    found: set[int] = set()
    for chunk in chunks(reports):
        query = sa.select(_page.report_id).where(_page.report_id.in_(chunk), _page.taken)
        found.update(tx.execute(query).scalars())
    return found
