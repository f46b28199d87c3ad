"""What reports show beside their text: kept apart, so that nobody who compares reports reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import sqlalchemy as sa

from aggregator.model import NO_MEDIA, Enclosure, Media
from storage import schema
from storage.reports import chunks

_TABLE = schema.media


def put(tx: sa.Connection, found: Mapping[int, Media]) -> None:
    """Keep what reports show now, where it differs; those that show nothing are passed over.

    A feed that leaves its picture out today has not taken it back.
    """
    kept = {report: media for report, media in found.items() if media != NO_MEDIA}
    known = get(tx, kept)
    changed = {report: media for report, media in kept.items() if known.get(report) != media}
    for chunk in chunks([report for report in changed if report in known]):
        tx.execute(sa.delete(_TABLE).where(_TABLE.c.report_id.in_(chunk)))
    add(tx, changed)


def add(tx: sa.Connection, found: Mapping[int, Media]) -> None:
    """Keep what new reports show."""
    rows = [{"report_id": report} | asdict(media) for report, media in found.items() if media != NO_MEDIA]
    if rows:
        tx.execute(sa.insert(_TABLE), rows)


def get(tx: sa.Connection, ids: Iterable[int], *, html: bool = True) -> dict[int, Media]:
    """What these reports show; those that show nothing are left out.

    Args:
        tx: an open transaction.
        ids: of reports.
        html: whether with their markup.
    """
    markup = _TABLE.c.html if html else sa.literal("").label("html")
    query = sa.select(_TABLE.c.report_id, _TABLE.c.image, _TABLE.c.enclosures, _TABLE.c.comments, markup)
    found = {}
    for chunk in chunks(sorted(ids)):
        for report, image, enclosures, comments, text in tx.execute(
            query.where(_TABLE.c.report_id.in_(chunk))
        ):
            found[report] = Media(image, tuple(Enclosure(**each) for each in enclosures), comments, text)
    return found


def forget(tx: sa.Connection, ids: Sequence[int]) -> None:
    """Let go of the markup of reports whose texts are let go."""
    tx.execute(sa.update(_TABLE).where(_TABLE.c.report_id.in_(ids)).values(html=""))
