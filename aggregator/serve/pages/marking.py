"""What a reader marks: read, starred, muted; and words that are not to be heard of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from aggregator.errors import NotFound
from aggregator.model import Reader
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page
from aggregator.stories.lookup import standing
from storage import marks, stories
from storage.marks import Mark
from storage.streams import voices

_LARGEST = 2**63 - 1
_Id = Annotated[int | None, Field(ge=1, le=_LARGEST)]


class Marking(BaseModel):
    """A form of marks: the pressed button names the story, ``back`` the page that it stands on."""

    csrf: str = Field("", max_length=64)
    back: str = Field("/", max_length=2000, pattern=r"^/([!-.0-\[\]-~][!-~]*)?$")
    read: _Id = None
    unread: _Id = None
    star: _Id = None
    unstar: _Id = None
    mute: _Id = None
    unmute: _Id = None
    days: int = Field(0, ge=0, le=3650)
    grow: int = Field(0, ge=0, le=10_000)
    word: str = Field("", max_length=100, pattern=r"^[^\x00]*$")
    unword: str = Field("", max_length=100, pattern=r"^[^\x00]*$")


def router(desk: Desk) -> APIRouter:
    """The one form."""
    found = APIRouter(include_in_schema=False)

    @found.post("/marks")
    def mark(request: Request, said: Annotated[Marking, Form()]) -> Response:
        reader = desk.visitor(request)
        if not forms.genuine(request, said.csrf):
            return forms.expired()
        try:
            with desk.database.writing() as tx:
                _carry_out(tx, reader, said, desk.now())
        except NotFound as error:
            return page("nothing.html", 404, said=error.message, title="Not here")
        return RedirectResponse(said.back, 303)

    return found


def _carry_out(tx: Any, reader: Reader, said: Marking, now: datetime) -> None:
    """Each button that was pressed."""
    who = reader.id
    actions: dict[str, Callable[[int], None]] = {
        "read": lambda story: marks.read(tx, who, {story: voices(tx, [story])[story]}, now),
        "unread": lambda story: marks.unread(tx, who, [story]),
        "star": lambda story: marks.star(tx, who, [story], now),
        "unstar": lambda story: marks.star(tx, who, [story], None),
        "mute": lambda story: _mute(tx, who, story, said, now),
        "unmute": lambda story: marks.mute(tx, who, story, None),
    }
    for name, act in actions.items():
        number = getattr(said, name)
        if number is not None:
            act(standing(tx, number))
    if word := " ".join(said.word.split()):
        marks.mute_word(tx, who, word)
    if said.unword:
        marks.unmute_word(tx, who, said.unword)


def _mute(tx: Any, who: int, story: int, said: Marking, now: datetime) -> None:
    until = now + timedelta(days=said.days) if said.days else None
    grown = voices(tx, [story])[story] + said.grow if said.grow else None
    marks.mute(tx, who, story, now, until=until, voices=grown)


def wanted(
    tx: Any, reader: Reader, ids: Sequence[int], now: datetime, *, unread: bool, muted: bool
) -> tuple[list[int], dict[int, Mark]]:
    """Which of these stories a reader wants to see, and what they have marked of them.

    Args:
        tx: an open transaction.
        reader: who looks.
        ids: of stories.
        now: the present time.
        unread: only those that were not read, or have grown since.
        muted: those that are muted, and no others.

    """
    marked = marks.of_stories(tx, reader.id, ids)
    counts = voices(tx, list(marked)) if marked else {}
    hushed = _with_words(tx, marks.muted_words(tx, reader.id), ids)
    kept = []
    for story in ids:
        mark, count = marked.get(story, Mark()), counts.get(story, 0)
        silent = story in hushed or mark.is_muted(count, now)
        if silent == muted and not (unread and mark.is_read(count)):
            kept.append(story)
    return kept, marked


def _with_words(tx: Any, words: Sequence[str], ids: Sequence[int]) -> set[int]:
    """Those of the stories that have a muted word in their title."""
    if not words:
        return set()
    titles = stories.titles(tx, ids)
    return {story for story, title in titles.items() if marks.mutes(words, title)}
