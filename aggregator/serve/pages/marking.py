"""What a reader marks: read, starred, muted; and words that are not to be heard of."""

from __future__ import annotations

from collections.abc import Callable
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
from storage import marks
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
