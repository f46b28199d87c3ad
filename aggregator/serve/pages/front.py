"""The front page: stories by weight or by time, as far as a filter wants them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from aggregator import query as language
from aggregator.errors import QueryError
from aggregator.model import Query as Searched
from aggregator.model import Reader
from aggregator.publish.ranking import Weight
from aggregator.serve import listing
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.drawing import sparkline
from aggregator.serve.pages.rendering import page
from storage import front as lists
from storage import marks, search
from storage.front import Filters, Listed
from storage.marks import Mark

_A_PAGE = 25
_WEIGHED = (
    200  # stories, the last updated ones, of which the heaviest come first, and the marks are looked at
)
LAST = 100
"""Pages of a list; a search finds what is older."""

_FOUND = 500  # stories of a search
_TEXT = "^[^\\x00]*$"  # PostgreSQL knows no text with a NUL


class Asked(BaseModel):
    """What the address asks for; `storage.front.Filters` says what the first five mean."""

    q: str = Field("", max_length=language.LONGEST, pattern=_TEXT)
    tag: str = Field("", max_length=200, pattern=_TEXT)
    publisher: str = Field("", max_length=200, pattern=_TEXT)
    source: str = Field("", max_length=200, pattern=_TEXT)
    language: str = Field("", max_length=20, pattern=_TEXT)
    corroborated: bool = False
    show: Literal["", "unread", "starred", "since", "muted"] = ""
    order: Literal["weight", "time"] = "weight"
    page: int = Field(1, ge=1, le=LAST)

    def filter(self) -> Filters:
        """Which stories; what is empty wants nothing."""
        return Filters(
            tag=self.tag.strip(),
            publisher=self.publisher.strip(),
            source=self.source.strip(),
            language=self.language.strip(),
            corroborated=self.corroborated,
        )

    def filters(self) -> dict[str, Any]:
        """What narrows the list, as it stands in the address."""
        return self.model_dump(exclude={"order", "page"}, exclude_defaults=True)


def router(desk: Desk) -> APIRouter:
    """The one page."""
    found = APIRouter(include_in_schema=False)

    @found.get("/")
    def front(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        reader, settings, now = desk.visitor(request), desk.settings(), desk.now()
        problem, searched = "", Searched()
        try:
            searched = language.parse(asked.q, now)
        except QueryError as error:
            problem = str(error)
        wanted = _narrowed(desk, reader, asked, None if problem else searched)
        with desk.database.reading() as tx:
            most = _WEIGHED if asked.order == "weight" else asked.page * _A_PAGE + _WEIGHED
            ids = lists.newest(tx, wanted, most)
            unread, muted = asked.show == "unread", asked.show == "muted"
            ids, marked = listing.wanted(tx, reader, ids, now, unread=unread, muted=muted)
            weights = listing.weights(tx, ids, now) if asked.order == "weight" else {}
            ids.sort(key=lambda each: -weights[each].total if each in weights else 0.0)
            start = (asked.page - 1) * _A_PAGE
            found_here = lists.listed(tx, ids[start : start + _A_PAGE])
            weights = weights or listing.weights(tx, [each.id for each in found_here], now)
            words = marks.muted_words(tx, reader.id)
        said = forms.word(request)
        answer = page(
            "front.html",
            images=desk.pictures.mode,
            picture=desk.pictures.source,
            stories=[_row(each, weights[each.id], marked.get(each.id, Mark())) for each in found_here],
            more=len(ids) > start + _A_PAGE and asked.page < LAST,
            asked=asked,
            problem=problem,
            marked=partial(language.marked, words=searched.words),
            filters=asked.filters(),
            tags=sorted({each for one in settings.sources for each in one.tags}),
            sources=[each.name for each in settings.sources],
            muted_words=words,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            csrf=said,
            writable=desk.writable,
            reader=reader,
            now=now,
            title=settings.publish.title,
        )
        return forms.remember(request, answer, said)

    return found


def _narrowed(desk: Desk, reader: Reader, asked: Asked, searched: Searched | None) -> Filters:
    """The filter, with what was searched for, and with what only this reader has.

    That are the starred ones, or the time of their last look. None was searched for: nothing is shown.
    """
    wanted = asked.filter()
    if searched is None:
        return replace(wanted, stories=frozenset())
    if asked.q.strip():
        with desk.database.reading() as tx:
            wanted = replace(wanted, stories=frozenset(search.matching(tx, searched, _FOUND)))
    if asked.show == "starred":
        with desk.database.reading() as tx:
            starred = frozenset(marks.starred(tx, reader.id, _WEIGHED))
        return replace(wanted, stories=starred if wanted.stories is None else starred & wanted.stories)
    if asked.show == "since" and desk.writable:
        with desk.database.writing() as tx:
            return replace(wanted, since=marks.visited(tx, reader.id, desk.now()))
    return wanted


def _row(story: Listed, weight: Weight, mark: Mark) -> dict[str, Any]:
    read = mark.is_read(story.voices)
    grown = story.voices - mark.voices if mark.read and not read else 0
    muted = mark.muted is not None
    values = {"starred": mark.starred is not None, "read": read, "grown": grown, "muted": muted}
    return {"story": story, "spark": sparkline(story.news), "weight": weight} | values
