"""Stories as lists of them are shown: chosen by what they have, with who tells them and when that came.

A filter looks at the newest reports that meet it, or into the newest stories, for a page of news is about
what is new; so the cost does not grow with the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from storage import schema
from storage.reports import chunks

_LEAD = 400  # characters
_LATEST = 2000  # reports that a filter looks at
_LOOKED_INTO = 1000  # stories, where a filter has to look into each of them


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty: all stories.

    Attributes:
        tag: of one of its reports, in upper or lower case.
        publisher: of one of its reports, as it is spelt.
        source: of one of its reports.
        language: of one of its reports, ISO 639-1.
        since: only what has gained something since.
        stories: only these.
        corroborated: only what two publishers or more tell.
        after: only what follows this place, the update and the id of a story, in the list by time.
    """

    tag: str = ""
    publisher: str = ""
    source: str = ""
    language: str = ""
    since: datetime | None = None
    stories: frozenset[int] | None = None
    corroborated: bool = False
    after: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A story in a list.

    Attributes:
        id: of the story.
        title: of its best report.
        lead: the first characters of that report's text.
        publisher: whose that report is.
        url: where to read it.
        image: address of its picture, if it has one.
        updated: when the story last gained something.
        arrivals: publisher, copy group and time of coming of each report, in the order of coming.
    """

    id: int
    title: str
    lead: str
    publisher: str
    url: str | None
    image: str | None
    language: str
    updated: datetime
    arrivals: tuple[tuple[str, int, datetime], ...] = field(default=())

    @property
    def publishers(self) -> tuple[str, ...]:
        """Names, each once whatever its case, in the order of coming."""
        spelt: dict[str, str] = {}
        for name, *_ in self.arrivals:
            spelt.setdefault(name.casefold(), name)
        return tuple(spelt.values())

    @property
    def voices(self) -> int:
        """Independent texts."""
        return len({group for _, group, _ in self.arrivals})

    @property
    def news(self) -> tuple[datetime, ...]:
        """When each independent text came, in order."""
        first: dict[int, datetime] = {}
        for _, group, seen in self.arrivals:
            first.setdefault(group, seen)
        return tuple(first.values())


def newest(tx: sa.Connection, filters: Filters, limit: int, offset: int = 0) -> list[int]:
    """Ids of the stories that are wanted, the last updated first."""
    table = schema.story
    query = sa.select(table.c.id).where(table.c.merged_into.is_(None))
    if filters.stories is not None:
        query = query.where(table.c.id.in_(sorted(filters.stories)))
    if filters.since is not None:
        query = query.where(table.c.updated >= filters.since)
    if filters.after is not None:
        at, story = filters.after
        earlier = (table.c.updated < at) | ((table.c.updated == at) & (table.c.id < story))
        query = query.where(table.c.updated <= at, earlier)  # the first is what an index answers
    order = (table.c.updated.desc(), table.c.id.desc())
    if filters.corroborated or filters.language:
        query = query.where(table.c.id.in_(query.order_by(*order).limit(_LOOKED_INTO)))
    for reports in _with(filters):
        member = schema.membership
        query = query.where(
            table.c.id.in_(sa.select(member.c.story_id).where(member.c.report_id.in_(reports)))
        )
    if filters.language:
        query = query.where(_in_language(filters.language))
    if filters.corroborated:
        query = query.where(_publishers() >= 2)
    return list(tx.execute(query.order_by(*order).limit(limit).offset(offset)).scalars())


def _with(filters: Filters) -> Iterable[sa.Select[int]]:
    """The newest reports that meet each part of a filter which has an index of its own."""
    report, tagged, shown = schema.report, schema.report_tag, schema.sighting
    if filters.tag:
        query = sa.select(tagged.c.report_id).where(tagged.c.tag == filters.tag.casefold())
        yield query.order_by(tagged.c.report_id.desc()).limit(_LATEST)
    if filters.publisher:
        query = sa.select(report.c.id).where(report.c.publisher == filters.publisher)
        yield query.order_by(report.c.id.desc()).limit(_LATEST)
    if filters.source:
        query = sa.select(shown.c.report_id).where(shown.c.source == filters.source)
        yield query.order_by(shown.c.seen.desc()).limit(_LATEST)


def _in_language(language: str) -> sa.ColumnElement[bool]:
    member, report = schema.membership, schema.report
    here = (member.c.story_id == schema.story.c.id) & (member.c.report_id == report.c.id)
    return sa.exists().where(here, report.c.language == language).correlate(schema.story)


def _publishers() -> sa.ScalarSelect[int]:
    member, report = schema.membership, schema.report
    told = sa.select(sa.func.count(sa.func.lower(report.c.publisher).distinct()))
    told = told.join_from(member, report, report.c.id == member.c.report_id)
    return told.where(member.c.story_id == schema.story.c.id).correlate(schema.story).scalar_subquery()


def listed(tx: sa.Connection, ids: Sequence[int]) -> list[Listed]:
    """These stories, in the order given; what does not stand is left out."""
    found: dict[int, Listed] = {}
    story, report = schema.story, schema.report
    columns = (
        *(story.c.id, story.c.title, sa.func.substr(report.c.text, 1, _LEAD), report.c.publisher),
        *(report.c.url, schema.media.c.image, report.c.language, story.c.updated),
    )
    query = sa.select(*columns).join(report, report.c.id == story.c.best)
    query = query.join(schema.media, schema.media.c.report_id == report.c.id, isouter=True)
    for chunk in chunks(list(ids)):
        came = arrivals(tx, chunk)
        for number, title, lead, publisher, *rest in tx.execute(
            query.where(story.c.id.in_(chunk), story.c.merged_into.is_(None))
        ):
            found[number] = Listed(*(number, title, lead, publisher or "", *rest, came.get(number, ())))
    return [found[number] for number in ids if number in found]


def arrivals(tx: sa.Connection, ids: Iterable[int]) -> dict[int, tuple[tuple[str, int, datetime], ...]]:
    """Publisher, copy group and time of coming of each report of these stories."""
    member, report = schema.membership, schema.report
    query = sa.select(member.c.story_id, report.c.publisher, member.c.copy_group, report.c.seen)
    query = query.join(report, report.c.id == member.c.report_id).order_by(report.c.seen, report.c.id)
    found: dict[int, list[tuple[str, int, datetime]]] = {}
    for chunk in chunks(sorted(ids)):
        for number, publisher, group, seen in tx.execute(query.where(member.c.story_id.in_(chunk))):
            found.setdefault(number, []).append((publisher, group, seen))
    return {number: tuple(came) for number, came in found.items()}


def tags(tx: sa.Connection, most: int) -> list[tuple[str, int]]:
    """The commonest tags, case folded, each with how many reports have it."""
    table = schema.report_tag
    count = sa.func.count()
    query = sa.select(table.c.tag, count).group_by(table.c.tag).order_by(count.desc(), table.c.tag)
    return [(tag, number) for tag, number in tx.execute(query.limit(most))]


def tellers(tx: sa.Connection, ids: Sequence[int]) -> dict[int, list[datetime]]:
    """When each publisher of these stories came to it: one moment each."""
    member, report = (
        schema.membership,
        schema.report,
    )  # not `published`: it lies behind the text, on another page
    query = (
        sa.select(member.c.story_id, sa.func.min(member.c.joined))
        .join(report, report.c.id == member.c.report_id)
        .where(member.c.story_id.in_(list(ids)))
        .group_by(member.c.story_id, sa.func.lower(report.c.publisher))
    )
    found: dict[int, list[datetime]] = {}
    for story, joined in tx.execute(query):
        found.setdefault(story, []).append(joined)
    return found


def updates(tx: sa.Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """When each of these stories last gained something."""
    table = schema.story
    query = sa.select(table.c.id, table.c.updated).where(table.c.id.in_(list(ids)))
    return {row.id: row.updated for row in tx.execute(query)}
