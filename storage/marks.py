"""What readers have read, starred and muted, story by story.

A story is read until it has grown: until it holds more independent texts than when it was read, so that an
eleventh copy does not bring it back. Muted, it stays away for ever, until a time, or until it has so many
independent texts. Marks go where stories go: of two that become one, the one is read only where both were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage import schema
from storage.reports import chunks

_MARK, _WORD, _VISIT = schema.mark, schema.muted_word, schema.visit
_READ = (
    sa.update(_MARK)
    .where(
        _MARK.c.reader_id == sa.bindparam("the_reader_id"), _MARK.c.story_id == sa.bindparam("the_story_id")
    )
    .values(read=sa.bindparam("the_read"), voices=sa.bindparam("the_voices"))
)
_PAUSE = timedelta(minutes=30)
"""After so long without a look at the front page the next one begins another visit."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reader has marked of a story; attributes as the table's columns.

    Attributes:
        voices: independent texts that the story had when it was read.
    """

    read: datetime | None = None
    voices: int = 0
    starred: datetime | None = None
    muted: datetime | None = None
    muted_until: datetime | None = None
    muted_voices: int | None = None

    def is_read(self, voices: int) -> bool:
        """Whether nothing has come since that says something new; of a story with so many voices."""
        return self.read is not None and voices <= self.voices

    def is_muted(self, voices: int, now: datetime) -> bool:
        """Whether it stays away."""
        if self.muted is None:
            return False
        over = self.muted_until is not None and now >= self.muted_until
        return not over and (self.muted_voices is None or voices < self.muted_voices)


def of_stories(tx: sa.Connection, reader: int, ids: Iterable[int]) -> dict[int, Mark]:
    """What a reader has marked of these stories; those without a mark are left out."""
    columns = (_MARK.c.story_id, *(_MARK.c[name] for name in Mark.__dataclass_fields__))
    query = sa.select(*columns).where(_MARK.c.reader_id == reader)
    return {
        story: Mark(*rest)
        for chunk in chunks(sorted(set(ids)))
        for story, *rest in tx.execute(query.where(_MARK.c.story_id.in_(chunk)))
    }


def read(tx: sa.Connection, reader: int, voices: Mapping[int, int], now: datetime) -> None:
    """Stories were read, each with so many independent texts."""
    known = of_stories(tx, reader, voices)
    rows = [
        {"reader_id": reader, "story_id": story, "read": now, "voices": count}
        for story, count in voices.items()
    ]
    if new := [row for row in rows if row["story_id"] not in known]:
        tx.execute(sa.insert(_MARK), new)
    if old := [
        {f"the_{name}": value for name, value in row.items()} for row in rows if row["story_id"] in known
    ]:
        tx.execute(_READ, old)


def unread(tx: sa.Connection, reader: int, ids: Iterable[int]) -> None:
    """Stories are unread again."""
    for story in ids:
        _set(tx, reader, story, read=None, voices=0)


def star(tx: sa.Connection, reader: int, ids: Iterable[int], now: datetime | None) -> None:
    """Star stories, or take the star away (None)."""
    for story in ids:
        _set(tx, reader, story, starred=now)


def mute(
    tx: sa.Connection,
    reader: int,
    story: int,
    now: datetime | None,
    *,
    until: datetime | None = None,
    voices: int | None = None,
) -> None:
    """Mute a story for ever, until a time or until it has so many voices; or no more (`now` is None)."""
    _set(tx, reader, story, muted=now, muted_until=until, muted_voices=voices)


def starred(tx: sa.Connection, reader: int, limit: int) -> list[int]:
    """Ids of the starred stories, the last starred first."""
    query = sa.select(_MARK.c.story_id).where(_MARK.c.reader_id == reader, _MARK.c.starred.is_not(None))
    return list(tx.execute(query.order_by(_MARK.c.starred.desc(), _MARK.c.story_id).limit(limit)).scalars())


def follow(tx: sa.Connection, absorbed: int, survivor: int) -> None:
    """Marks of a story that goes into another go along."""
    columns = (_MARK.c.reader_id, *(_MARK.c[name] for name in Mark.__dataclass_fields__))
    going = tx.execute(sa.select(*columns).where(_MARK.c.story_id == absorbed)).all()
    for who, *rest in going:
        gone, kept = Mark(*rest), of_stories(tx, who, [survivor]).get(survivor, Mark())
        both = gone.read is not None and kept.read is not None
        _set(
            tx,
            who,
            survivor,
            read=kept.read if both else None,
            voices=kept.voices + gone.voices if both else 0,
            starred=kept.starred or gone.starred,
        )
    if going:
        tx.execute(sa.delete(_MARK).where(_MARK.c.story_id == absorbed))


def _set(tx: sa.Connection, reader: int, story: int, **values: Any) -> None:
    here = (_MARK.c.reader_id == reader) & (_MARK.c.story_id == story)
    if not tx.execute(sa.update(_MARK).where(here).values(**values)).rowcount:
        tx.execute(sa.insert(_MARK), {"voices": 0} | values | {"reader_id": reader, "story_id": story})


# ---- words that a reader does not want to hear ----


def mute_word(tx: sa.Connection, reader: int, word: str) -> None:
    """Leave stories out that have this word, or these words, in their title."""
    unmute_word(tx, reader, word)
    tx.execute(sa.insert(_WORD), {"reader_id": reader, "word": word.casefold()})


def unmute_word(tx: sa.Connection, reader: int, word: str) -> None:
    """Leave them out no more."""
    tx.execute(sa.delete(_WORD).where(_WORD.c.reader_id == reader, _WORD.c.word == word.casefold()))


def muted_words(tx: sa.Connection, reader: int) -> list[str]:
    """The muted words, in alphabetical order, case folded."""
    query = sa.select(_WORD.c.word).where(_WORD.c.reader_id == reader).order_by(_WORD.c.word)
    return list(tx.execute(query).scalars())


def mutes(words: Iterable[str], title: str) -> bool:
    """Whether one of these words, case folded, stands in the title.

    Whole, in scripts that have small letters; in the others nobody can tell where a word ends.
    """
    folded = title.casefold()
    return any(
        re.search(_edge(word[0], "<!") + re.escape(word) + _edge(word[-1], "!"), folded)
        for word in words
        if word
    )


def _edge(letter: str, no: str) -> str:
    return rf"(?{no}\w)" if letter.isdigit() or letter.upper() != letter.lower() else ""


# ---- visits ----


def visited(tx: sa.Connection, reader: int, now: datetime) -> datetime | None:
    """A reader looks at the front page; when they last did so on an earlier visit, None on the first."""
    here = _VISIT.c.reader_id == reader
    row = tx.execute(sa.select(_VISIT).where(here)).one_or_none()
    if row is None:
        tx.execute(sa.insert(_VISIT), {"reader_id": reader, "began": now, "last": now, "before": None})
        return None
    another = now - row.last > _PAUSE
    before: datetime | None = row.last if another else row.before
    values = {"last": now, "before": before} | ({"began": now} if another else {})
    tx.execute(sa.update(_VISIT).where(here).values(**values))
    return before
