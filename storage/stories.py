"""Stories: who is in which, what was merged into what, and how they are shown."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from aggregator.model import Member, Story
from storage import history, marks, media, schema
from storage.history import HistoryEvent
from storage.reports import chunks

_MEMBER = tuple(
    name for name in Member.__dataclass_fields__ if name not in ("media", "adds")
)  # as the columns
_LEAD = 600  # characters of the best report that a story shows


class Membership(NamedTuple):
    """A report in a story, as much as a decision needs.

    Attributes:
        story: the story's id.
        report: the report's id.
        length: characters of its text.
        linked: whether it has an address of its own.

    """

    story: int
    report: int
    publisher: str
    title: str
    length: int
    published: datetime
    dated: bool
    copy_group: int
    linked: bool = False


class NewMembership(NamedTuple):
    """A report that joins a story."""

    story: int
    report: int
    copy_group: int
    evidence: Mapping[str, Any]
    now: datetime


class BestReport(NamedTuple):
    """Which report of a story is its best one from here on.

    Attributes:
        story: its id.
        title: what it is called now.
        best: the report's id.
        now: when it gained something; None if it only lost a report. Its time never goes back: of two
            sources polled at once, the one that began first may be written last.

    """

    story: int
    title: str
    best: int
    now: datetime | None


_SEATS = (
    sa.select(
        schema.membership.c.story_id,
        schema.report.c.id,
        schema.report.c.publisher,
        schema.report.c.title,
        sa.func.length(schema.report.c.text),
        schema.report.c.published,
        schema.report.c.dated,
        schema.membership.c.copy_group,
        schema.report.c.url.is_not(None),
    )
    .join(schema.report, schema.report.c.id == schema.membership.c.report_id)
    .where(schema.membership.c.story_id.in_(sa.bindparam("stories", expanding=True)))
    .order_by(schema.report.c.id)
)  # built once: it runs for every report
_FOUND = sa.insert(schema.story)
_JOIN = sa.insert(schema.membership)
_NOW = sa.bindparam("now", type_=schema.Instant)
_SHOW = (
    sa.update(schema.story)
    .where(schema.story.c.id == sa.bindparam("story"))
    .values(
        title=sa.bindparam("shown"),
        best=sa.bindparam("best_report"),
        updated=sa.case((schema.story.c.updated < _NOW, _NOW), else_=schema.story.c.updated),
    )
)


def of_reports(tx: sa.Connection, ids: Sequence[int]) -> dict[int, int]:
    """The story of each of these reports; those in none are left out."""
    query = sa.select(schema.membership.c.report_id, schema.membership.c.story_id)
    return {
        report: story
        for chunk in chunks(ids)
        for report, story in tx.execute(query.where(schema.membership.c.report_id.in_(chunk)))
    }


def memberships(tx: sa.Connection, story_ids: Iterable[int]) -> list[Membership]:
    """Everyone in these stories, by report id."""
    return [Membership._make(row) for row in tx.execute(_SEATS, {"stories": list(story_ids)})]


def found(tx: sa.Connection, *, title: str, best: int, now: datetime, created: datetime | None = None) -> int:
    """Open a story; its id. It was created now, unless its first report came earlier."""
    key = tx.execute(
        _FOUND, {"title": title, "best": best, "created": created or now, "updated": now}
    ).inserted_primary_key
    return int(key[0]) if key else 0


def join(tx: sa.Connection, joining: Iterable[NewMembership]) -> None:
    """Put reports that are in no story into stories."""
    rows = [
        {"report_id": report, "story_id": story, "copy_group": group, "joined": now, "evidence": dict(why)}
        for story, report, group, why, now in joining
    ]
    if rows:
        tx.execute(_JOIN, rows)


def partition(tx: sa.Connection) -> dict[int, int]:
    """The story of every report there is."""
    rows = tx.execute(sa.select(schema.membership.c.report_id, schema.membership.c.story_id))
    return {row.report_id: row.story_id for row in rows}


def misnamed(memberships: Iterable[Membership]) -> list[tuple[int, list[int]]]:
    """The copy groups that are named after a report elsewhere: story and reports of each."""
    groups: dict[tuple[int, int], list[int]] = {}
    for membership in memberships:
        groups.setdefault((membership.story, membership.copy_group), []).append(membership.report)
    return [(story, mates) for (story, group), mates in groups.items() if group not in mates]


def regroup(tx: sa.Connection, reports: Sequence[int], copy_group: int) -> None:
    """Make these reports one copy group."""
    here = schema.membership.c.report_id.in_(list(reports))
    tx.execute(sa.update(schema.membership).where(here).values(copy_group=copy_group))


def leave(tx: sa.Connection, report: int) -> None:
    """Take a report out of its story."""
    tx.execute(sa.delete(schema.membership).where(schema.membership.c.report_id == report))


def show_best(tx: sa.Connection, showing: Iterable[BestReport]) -> None:
    """Keep which reports are the best ones of their stories."""
    rows = [
        {"story": story, "shown": title, "best_report": best, "now": now}
        for story, title, best, now in showing
    ]
    if rows:
        tx.execute(_SHOW, rows)


def merge(
    tx: sa.Connection,
    *,
    absorbed: int,
    survivor: int,
    score: float,
    now: datetime,
    correction: int | None = None,
) -> None:
    """All of one story into another; the old id, and every id that led to it, leads there from now on."""
    tx.execute(
        sa.update(schema.membership).where(schema.membership.c.story_id == absorbed).values(story_id=survivor)
    )
    redirect(tx, absorbed=absorbed, survivor=survivor)
    history.remember(tx, HistoryEvent(now, "merged", survivor, absorbed, None, score, correction))


def led_to(tx: sa.Connection, story: int) -> dict[int, int]:
    """The ids that lead to a story, each with the report that was the best one when it last stood."""
    table = schema.story
    query = sa.select(table.c.id, table.c.best).where(table.c.merged_into == story).order_by(table.c.id)
    return {row.id: row.best for row in tx.execute(query)}


def stand(tx: sa.Connection, story: int, led: Iterable[int]) -> None:
    """An id that led to another story stands for one of its own again; these older ids lead to it."""
    table = schema.story
    tx.execute(sa.update(table).where(table.c.id == story).values(merged_into=None))
    tx.execute(sa.update(table).where(table.c.id.in_(list(led))).values(merged_into=story))


def opening(tx: sa.Connection, report: int) -> str:
    """The first words of a report's text."""
    query = sa.select(sa.func.substr(schema.report.c.text, 1, _LEAD)).where(schema.report.c.id == report)
    return str(tx.execute(query).scalar() or "")


def redirect(tx: sa.Connection, *, absorbed: int, survivor: int) -> None:
    """An empty story's id, and every id that led to it, leads to another from now on."""
    marks.follow(tx, absorbed, survivor)
    table = schema.story
    led = (table.c.id == absorbed) | (table.c.merged_into == absorbed)
    tx.execute(sa.update(table).where(led).values(merged_into=survivor))


def move(
    tx: sa.Connection,
    membership: Membership,
    *,
    destination: int,
    evidence: Mapping[str, Any],
    score: float,
    now: datetime,
) -> None:
    """One report from its story into another, which remembers where it came from, and by which layer."""
    leave(tx, membership.report)
    join(tx, [NewMembership(destination, membership.report, membership.copy_group, evidence, now)])
    history.remember(
        tx, HistoryEvent(now, evidence["layer"], destination, membership.story, membership.report, score)
    )


def titles(tx: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """What these stories are called."""
    table = schema.story
    query = sa.select(table.c.id, table.c.title)
    return {
        row.id: row.title
        for chunk in chunks(sorted(ids))
        for row in tx.execute(query.where(table.c.id.in_(chunk)))
    }


def resolve(tx: sa.Connection, story_id: int) -> int | None:
    """The story that stands for this id today; None for an id that never was."""
    query = sa.select(sa.func.coalesce(schema.story.c.merged_into, schema.story.c.id))
    found_id: int | None = tx.execute(query.where(schema.story.c.id == story_id)).scalar()
    return found_id


def recent(tx: sa.Connection, *, since: datetime | None = None, limit: int | None = None) -> list[int]:
    """Ids of the stories that stand, the last updated first."""
    table = schema.story
    query = sa.select(table.c.id).where(table.c.merged_into.is_(None))
    query = query.order_by(table.c.updated.desc(), table.c.id.desc())
    if since is not None:
        query = query.where(table.c.updated >= since)
    if limit is not None:
        query = query.limit(limit)
    return list(tx.execute(query).scalars())


def updated_since(tx: sa.Connection, since: datetime) -> dict[int, datetime]:
    """When each story that stands and has gained something since then did so last, the oldest first."""
    table = schema.story
    query = sa.select(table.c.id, table.c.updated).where(table.c.merged_into.is_(None))
    query = query.where(table.c.updated >= since).order_by(table.c.updated, table.c.id)
    return {row.id: row.updated for row in tx.execute(query)}


def selected(
    tx: sa.Connection, *, min_publishers: int = 1, tags: Iterable[str] = (), limit: int
) -> list[int]:
    """Ids of the stories that a feed shows: the last updated first, of equals the one with more reports.

    Args:
        tx: an open transaction.
        min_publishers: only stories that at least so many publishers tell.
        tags: only stories with a report that has one of them, in upper or lower case; empty: all stories.
        limit: most stories.

    """
    query = _standing(min_publishers)
    wanted = {tag.casefold() for tag in tags}  # here, for no two databases fold case alike
    if wanted:
        member, tagged = schema.membership, schema.report_tag
        here = sa.select(member.c.story_id).join(tagged, tagged.c.report_id == member.c.report_id)
        query = query.where(schema.story.c.id.in_(here.where(tagged.c.tag.in_(wanted))))
    return list(tx.execute(query.limit(limit)).scalars())


def load(tx: sa.Connection, ids: Sequence[int], namespace: uuid.UUID, *, whole: bool = True) -> list[Story]:
    """These stories with every report, in the order of `ids`; ids that do not stand are left out.

    Args:
        tx: an open transaction.
        ids: of stories.
        namespace: the database's own uuid, which makes the stories' uuids.
        whole: with whole texts; else with as much of each as a story shows.

    """
    heads: dict[int, sa.RowMapping] = {}
    members: dict[int, list[Member]] = {}
    former: dict[int, list[int]] = {}
    for chunk in chunks(ids):
        query = sa.select(schema.story).where(schema.story.c.id.in_(chunk))
        heads.update({row["id"]: row for row in tx.execute(query).mappings()})
        found_here = list(_members(tx, chunk, whole=whole))
        shown = media.get(tx, [member.id for _, member in found_here], html=whole)
        for story_id, member in found_here:
            with_media = replace(member, media=shown[member.id]) if member.id in shown else member
            members.setdefault(story_id, []).append(with_media)
        for old, story_id in _leading(tx, chunk):
            former.setdefault(story_id, []).append(old)
    found = [i for i in ids if i in heads and i in members]
    return [_story(heads[i], members[i], former.get(i, ()), namespace) for i in found]


def _standing(min_publishers: int) -> sa.Select[int]:
    """Ids in the order of showing; counted story by story, so that a limit ends it early."""
    table, member, report = schema.story, schema.membership, schema.report
    here = member.c.story_id == table.c.id
    told = sa.select(sa.func.count(sa.func.lower(report.c.publisher).distinct()))
    told = told.join_from(member, report, report.c.id == member.c.report_id).where(here)
    size = sa.select(sa.func.count()).select_from(member).where(here)
    query = sa.select(table.c.id).where(table.c.merged_into.is_(None))
    return query.where(told.scalar_subquery() >= min_publishers).order_by(
        table.c.updated.desc(), size.scalar_subquery().desc(), table.c.id.desc()
    )


def _members(tx: sa.Connection, story_ids: Sequence[int], *, whole: bool) -> Iterable[tuple[int, Member]]:
    member, report = schema.membership, schema.report
    columns: list[sa.ColumnElement[Any]] = [
        (member if name in ("copy_group", "evidence", "joined") else report).c[name] for name in _MEMBER
    ]
    if not whole:  # one more than is shown, so that a lead that is cut is seen to be
        columns = [sa.func.substr(c, 1, _LEAD + 1) if c is report.c.text else c for c in columns]
    query = (
        sa.select(member.c.story_id, *columns)
        .join(report, report.c.id == member.c.report_id)
        .where(member.c.story_id.in_(story_ids))
        .order_by(report.c.published, report.c.id)
    )
    for story_id, *values in tx.execute(query):
        parts = dict(zip(_MEMBER, values, strict=True))
        parts |= {name: tuple(parts[name]) for name in ("authors", "tags")}
        yield story_id, Member(**parts)


def _leading(tx: sa.Connection, ids: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Older ids that lead to these stories, each with the story."""
    query = sa.select(schema.story.c.id, schema.story.c.merged_into).order_by(schema.story.c.id)
    return ((row.id, row.merged_into) for row in tx.execute(query.where(schema.story.c.merged_into.in_(ids))))


def _uuid(story: int, namespace: uuid.UUID) -> str:
    return str(uuid.uuid5(namespace, f"story:{story}"))


def _story(
    head: sa.RowMapping, members: Sequence[Member], former: Sequence[int], namespace: uuid.UUID
) -> Story:
    best = next((member for member in members if member.id == head["best"]), members[0])
    return Story(
        id=head["id"],
        uuid=_uuid(head["id"], namespace),
        title=head["title"],
        lead=_lead(best.text),
        best=best.id,
        url=best.url or next((member.url for member in members if member.url), None),
        created=head["created"],
        updated=head["updated"],
        members=tuple(members),
        publishers=_publishers(members),
        voices=len({member.copy_group for member in members}),
        former=tuple(_uuid(story, namespace) for story in former),
    )


def _publishers(members: Sequence[Member]) -> tuple[str, ...]:
    """Each once, as it was first spelt: two feeds of one publisher may shout its name differently."""
    spelt: dict[str, str] = {}
    for member in members:
        spelt.setdefault(member.publisher.lower(), member.publisher)
    return tuple(spelt.values())


def _lead(text: str) -> str:
    """The first paragraph, or as much of it as a story shows."""
    first = text.strip().split("\n\n", 1)[0]
    return first if len(first) <= _LEAD else first[:_LEAD].rsplit(" ", 1)[0] + "…"
