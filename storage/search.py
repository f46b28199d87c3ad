"""Search: the stories of which a report has all the words, by the full-text index of the database.

On SQLite two FTS5 tables index what `report` holds, and triggers keep them in step: one by words, one by runs
of three characters for languages that write no spaces. On PostgreSQL it is a GIN index over `to_tsvector`.
Words go in as bound, quoted phrases: nothing that a person types is an operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from aggregator.model import Query
from storage import schema
from storage.reports import chunks

_LATEST = 2000  # reports that match, the newest ones, of which the stories are listed
_UNSPACED_FROM = 0x0E00
_TRIGRAM = 3

WORDS_ON_POSTGRESQL = "to_tsvector('simple', left(report.title || ' ' || report.text, 100000))"
"""What the index there is over; a text has a megabyte of words at the most."""


def matching(tx: sa.Connection, query: Query, limit: int) -> list[int]:
    """Ids of the stories that are asked for: those with all words in a title first, then the newest.

    Args:
        tx: an open transaction.
        query: what is asked.
        limit: most stories.

    """
    titled: set[int] = set()
    found: list[int] | None = None
    if query.words:
        reports = _reports(tx, query.words, titles=False)
        found = _stories(tx, reports)
        titled = set(_stories(tx, _reports(tx, query.words, titles=True)))
    ids = _narrowed(tx, query, found, _LATEST if query.words or query.without else limit)
    if query.without:
        gone = _saying(tx, ids, query.without)
        ids = [story for story in ids if story not in gone]
    return sorted(ids, key=lambda story: story not in titled)[:limit]


def _narrowed(tx: sa.Connection, query: Query, found: Sequence[int] | None, limit: int) -> list[int]:
    """The stories that meet the filters, the last updated first; of those found, if words were asked for."""
    story, member = schema.story, schema.membership
    wanted = sa.select(story.c.id).where(story.c.merged_into.is_(None))
    if query.since is not None:
        wanted = wanted.where(story.c.updated >= query.since)
    if query.before is not None:
        wanted = wanted.where(story.c.created < query.before)
    for condition in _of_a_report(query):
        wanted = wanted.where(condition)
    if query.voices > 1:
        voices = sa.select(sa.func.count(member.c.copy_group.distinct())).where(
            member.c.story_id == story.c.id
        )
        wanted = wanted.where(voices.correlate(story).scalar_subquery() >= query.voices)
    wanted = wanted.order_by(story.c.updated.desc(), story.c.id.desc()).limit(limit)
    if found is None:
        return list(tx.execute(wanted).scalars())
    rows = [i for part in chunks(found) for i in tx.execute(wanted.where(story.c.id.in_(part))).scalars()]
    return _newest_first(tx, rows)[:limit]


def _of_a_report(query: Query) -> Iterator[sa.ColumnElement[bool]]:
    """What one of the story's reports has to be, each for itself."""
    story, member, report, tagged = schema.story, schema.membership, schema.report, schema.report_tag
    here = sa.select(sa.literal(1)).join_from(member, report, report.c.id == member.c.report_id)
    here = here.where(member.c.story_id == story.c.id).correlate(story)
    for source in query.sources:
        yield here.where(report.c.source == source).exists()
    for publisher in query.publishers:
        yield here.where(sa.func.lower(report.c.publisher) == publisher.lower()).exists()
    for language in query.languages:
        yield here.where(report.c.language == language.lower()).exists()
    for tag in query.tags:
        of_tag = sa.select(member.c.story_id).join(tagged, tagged.c.report_id == member.c.report_id)
        yield story.c.id.in_(of_tag.where(tagged.c.tag == tag.casefold()))
    shown = here.join(schema.media, schema.media.c.report_id == report.c.id)
    if query.picture:
        yield shown.where(schema.media.c.image.is_not(None)).exists()
    if query.files:
        yield shown.where(sa.cast(schema.media.c.enclosures, sa.Text) != "[]").exists()


def _newest_first(tx: sa.Connection, ids: Sequence[int]) -> list[int]:
    table = schema.story
    query = sa.select(table.c.id, table.c.updated)
    rows = [row for part in chunks(ids) for row in tx.execute(query.where(table.c.id.in_(part)))]
    return [row.id for row in sorted(rows, key=lambda row: (row.updated, row.id), reverse=True)]


def _stories(tx: sa.Connection, reports: Sequence[int]) -> list[int]:
    member = schema.membership
    query = sa.select(member.c.story_id).distinct()
    return sorted(
        {
            story
            for part in chunks(reports)
            for story in tx.execute(query.where(member.c.report_id.in_(part))).scalars()
        }
    )


def _saying(tx: sa.Connection, ids: Sequence[int], words: Sequence[str]) -> set[int]:
    """Those of the stories of which a report has one of the words."""
    member = schema.membership
    query = sa.select(member.c.report_id, member.c.story_id)
    gone: set[int] = set()
    for part in chunks(ids):
        story_of = {row[0]: row[1] for row in tx.execute(query.where(member.c.story_id.in_(part)))}
        for word in words:
            for some in chunks(sorted(story_of)):
                gone.update(story_of[each] for each in _reports(tx, [word], titles=False, among=some))
    return gone


def _reports(
    tx: sa.Connection, words: Sequence[str], *, titles: bool, among: Iterable[int] | None = None
) -> list[int]:
    """The newest reports that have all the words; in the title, if so asked."""
    condition = _on_postgresql if tx.dialect.name == "postgresql" else _on_sqlite
    report = schema.report
    values: dict[str, Any] = {}
    query = sa.select(report.c.id)
    for number, word in enumerate(words):
        clause, given = condition(word, f"word{number}", titles=titles)
        query, values = query.where(sa.text(clause)), values | given
    if among is not None:
        query = query.where(report.c.id.in_(list(among)))
    return list(tx.execute(query.order_by(report.c.id.desc()).limit(_LATEST), values).scalars())


def _on_sqlite(word: str, name: str, *, titles: bool) -> tuple[str, dict[str, Any]]:
    column = "{title} : " if titles else ""
    if not _unspaced(word):
        phrase = " ".join(re.findall(r"\w+", word))
        return _in("report_words", name), {name: f'{column}"{phrase}"'}
    if len(word) >= _TRIGRAM:
        quoted = word.replace('"', '""')
        return _in("report_signs", name), {name: f'{column}"{quoted}"'}
    return _like(name, titles=titles), {name: f"%{_escaped(word)}%"}


def _in(table: str, name: str) -> str:
    return f"report.id IN (SELECT rowid FROM {table} WHERE {table} MATCH :{name})"  # noqa: S608  # names of ours


def _on_postgresql(word: str, name: str, *, titles: bool) -> tuple[str, dict[str, Any]]:
    if _unspaced(word):
        return _like(name, titles=titles), {name: f"%{_escaped(word)}%"}
    said = f"{WORDS_ON_POSTGRESQL} @@ phraseto_tsquery('simple', :{name})"
    if titles:
        said += f" AND to_tsvector('simple', report.title) @@ phraseto_tsquery('simple', :{name})"
    return said, {name: " ".join(re.findall(r"\w+", word))}


def _like(name: str, *, titles: bool) -> str:
    languages = ", ".join(f"'{each}'" for each in UNSPACED_LANGUAGES)
    text = "report.title" if titles else "report.title || ' ' || report.text"
    return f"report.language IN ({languages}) AND {text} LIKE :{name} ESCAPE '\\'"


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def _unspaced(word: str) -> bool:
    return any(ord(letter) >= _UNSPACED_FROM and letter.isalpha() and _no_spaces(letter) for letter in word)


def _no_spaces(letter: str) -> bool:
    """Whether a letter is of a script whose words nothing parts: Thai, Khmer, Chinese and the like."""
    code = ord(letter)
    return any(first <= code <= last for first, last in _UNSPACED_SCRIPTS)


_UNSPACED_SCRIPTS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x9FFF), (0xF900, 0xFAFF))
UNSPACED_LANGUAGES = ("zh", "ja", "th", "lo", "my", "km")
"""Languages whose reports are indexed by runs of characters."""
