"""Streams: the stories of a reader that something is true of, page after page.

Whether a story is read or muted is said here in SQL, and in `storage.marks.Mark` in Python: a test holds the
two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from storage import marks, schema
from storage.reports import chunks

_STORY, _MARK, _MEMBER = schema.story, schema.mark, schema.membership
_ROUNDS = 50  # pages that are looked through, where muted words leave stories out


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be true of a story; empty: every story that stands.

    Attributes:
        sources: one of these has shown one of its reports; None: whichever.
        tags: one of its reports has one of these, in upper or lower case; empty: whatever they have.
        min_publishers: so many tell it.
        read: whether the reader has read it, and nothing new has come since; None: either.
        starred: whether the reader has starred it; None: either.
        since: it has gained something then, or later.
        until: it has gained nothing after that.
    """

    sources: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    min_publishers: int = 1
    read: bool | None = None
    starred: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


class Place(NamedTuple):
    """A story's place in a stream: what is shown next comes after it."""

    updated: datetime
    story: int


def places(
    tx: sa.Connection,
    reader: int,
    wanted: Wanted,
    now: datetime,
    *,
    limit: int,
    after: Place | None = None,
    oldest_first: bool = False,
) -> list[Place]:
    """The stories of a stream, in the order in which they gained something last; what is muted is left out.

    Args:
        tx: an open transaction.
        reader: whose marks count.
        wanted: what has to be true of them.
        now: the time.
        limit: most stories.
        after: the last place of the page before.
        oldest_first: which way round; else the newest come first.

    """
    words = marks.muted_words(tx, reader)
    found: list[Place] = []
    for _ in range(_ROUNDS):
        rows = tx.execute(_page(reader, wanted, now, after, oldest_first=oldest_first).limit(limit)).all()
        found += [Place(row.updated, row.id) for row in rows if not marks.mutes(words, row.title)]
        if len(found) >= limit or len(rows) < limit:
            break
        after = Place(rows[-1].updated, rows[-1].id)
    return found[:limit]


def _page(
    reader: int, wanted: Wanted, now: datetime, after: Place | None, *, oldest_first: bool
) -> sa.Select[int, datetime, str]:
    mine = (_MARK.c.story_id == _STORY.c.id) & (_MARK.c.reader_id == reader)
    query = sa.select(_STORY.c.id, _STORY.c.updated, _STORY.c.title).select_from(
        _STORY.join(_MARK, mine, isouter=True)
    )
    query = query.where(_STORY.c.merged_into.is_(None), ~_is_muted(now), *_conditions(wanted))
    keys = (_STORY.c.updated, _STORY.c.id)
    if after is not None:
        updated, story = after
        beyond = _STORY.c.updated > updated if oldest_first else _STORY.c.updated < updated
        tied = _STORY.c.id > story if oldest_first else _STORY.c.id < story
        query = query.where(beyond | ((_STORY.c.updated == updated) & tied))
    return query.order_by(*(key.asc() if oldest_first else key.desc() for key in keys))


def _conditions(wanted: Wanted) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.since is not None:
        yield _STORY.c.updated >= wanted.since
    if wanted.until is not None:
        yield _STORY.c.updated <= wanted.until
    if wanted.sources is not None:
        shown = schema.sighting
        here = sa.select(_MEMBER.c.story_id).join(shown, shown.c.report_id == _MEMBER.c.report_id)
        yield _STORY.c.id.in_(here.where(shown.c.source.in_(sorted(wanted.sources))))
    if wanted.tags:
        tagged, tags = schema.report_tag, sorted(tag.casefold() for tag in wanted.tags)
        here = sa.select(_MEMBER.c.story_id).join(tagged, tagged.c.report_id == _MEMBER.c.report_id)
        yield _STORY.c.id.in_(here.where(tagged.c.tag.in_(tags)))
    if wanted.min_publishers > 1:
        yield _publishers() >= wanted.min_publishers
    if wanted.read is not None:
        yield _is_read() if wanted.read else ~_is_read()
    if wanted.starred is not None:
        yield _MARK.c.starred.is_not(None) if wanted.starred else _MARK.c.starred.is_(None)


def _is_read() -> sa.ColumnElement[bool]:
    """As `marks.Mark.is_read`; never null.

    It asks first what costs least: a story of so few reports cannot have more texts, and the count of reports
    stands in an index.
    """
    size = sa.select(sa.func.count()).select_from(_MEMBER).where(_MEMBER.c.story_id == _STORY.c.id)
    return sa.case(
        (_MARK.c.read.is_(None), sa.false()),
        (size.correlate(_STORY).scalar_subquery() <= _MARK.c.voices, sa.true()),
        else_=_voices() <= _MARK.c.voices,
    )


def _is_muted(now: datetime) -> sa.ColumnElement[bool]:
    """As `marks.Mark.is_muted`; never null."""
    over = _MARK.c.muted_until.is_not(None) & (_MARK.c.muted_until <= now)
    small = _MARK.c.muted_voices.is_(None) | (_voices() < _MARK.c.muted_voices)
    return _MARK.c.muted.is_not(None) & ~over & small


def _voices() -> sa.ScalarSelect[int]:
    count = sa.select(sa.func.count(_MEMBER.c.copy_group.distinct()))
    return count.where(_MEMBER.c.story_id == _STORY.c.id).correlate(_STORY).scalar_subquery()


def _publishers() -> sa.ScalarSelect[int]:
    report = schema.report
    told = sa.select(sa.func.count(sa.func.lower(report.c.publisher).distinct()))
    told = told.join_from(_MEMBER, report, report.c.id == _MEMBER.c.report_id)
    return told.where(_MEMBER.c.story_id == _STORY.c.id).correlate(_STORY).scalar_subquery()


def standing(tx: sa.Connection, ids: Iterable[int]) -> dict[int, int]:
    """The story that each of these ids leads to today; ids that never were are left out."""
    query = sa.select(_STORY.c.id, sa.func.coalesce(_STORY.c.merged_into, _STORY.c.id))
    return {
        asked: stands
        for chunk in chunks(sorted(set(ids)))
        for asked, stands in tx.execute(query.where(_STORY.c.id.in_(chunk)))
    }


def voices(tx: sa.Connection, ids: Iterable[int]) -> dict[int, int]:
    """How many independent texts each of these stories has."""
    query = sa.select(_MEMBER.c.story_id, sa.func.count(_MEMBER.c.copy_group.distinct()))
    query = query.group_by(_MEMBER.c.story_id)
    return {
        story: count
        for chunk in chunks(sorted(set(ids)))
        for story, count in tx.execute(query.where(_MEMBER.c.story_id.in_(chunk)))
    }


def shown_by(tx: sa.Connection, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Stories and the sources that have shown a report of theirs, each pair once."""
    shown = schema.sighting
    query = sa.select(_MEMBER.c.story_id, shown.c.source).distinct()
    query = query.join(shown, shown.c.report_id == _MEMBER.c.report_id)
    return [
        (story, source)
        for chunk in chunks(ids)
        for story, source in tx.execute(query.where(_MEMBER.c.story_id.in_(chunk)))
    ]


def tagged(tx: sa.Connection, ids: Sequence[int], tags: Iterable[str]) -> list[tuple[int, str]]:
    """Stories and those of these tags, case folded, that one of their reports has; each pair once."""
    table, wanted = schema.report_tag, sorted({tag.casefold() for tag in tags})
    query = sa.select(_MEMBER.c.story_id, table.c.tag).distinct()
    query = query.join(table, table.c.report_id == _MEMBER.c.report_id).where(table.c.tag.in_(wanted))
    return [
        (story, tag)
        for chunk in chunks(ids)
        for story, tag in tx.execute(query.where(_MEMBER.c.story_id.in_(chunk)))
    ]
