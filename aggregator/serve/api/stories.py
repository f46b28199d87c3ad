"""Stories: lists by time and by weight, searches, and one story with all that is in it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from aggregator import query as language
from aggregator.errors import NotFound
from aggregator.model import Reader, Story
from aggregator.serve import listing
from aggregator.serve.api import access, problems, values
from aggregator.serve.api.access import Who
from aggregator.serve.api.values import LARGEST
from aggregator.serve.pages import Desk
from aggregator.stories.lookup import standing
from storage import front, marks, search, stories
from storage.front import Filters
from storage.marks import Mark

_HEAVIEST = 200  # of the last updated stories, of which the heaviest come first
_FOUND = 500  # stories of a search
_LOOKED_AT = 1000  # stories for a page, where few of them are wanted
_CORRECTIONS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = r"^[^\x00]*$"  # PostgreSQL knows no text with a NUL

Number = Annotated[int, Path(ge=1, le=LARGEST)]


class Asked(BaseModel):
    """Which stories are asked for."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=language.LONGEST, pattern=_TEXT, description="A search; see the docs.")
    tag: str = Field("", max_length=200, pattern=_TEXT, description="Of one of its reports.")
    publisher: str = Field("", max_length=200, pattern=_TEXT, description="As it is spelt.")
    source: str = Field("", max_length=200, pattern=_TEXT)
    language: str = Field("", max_length=20, pattern=_TEXT, description="ISO 639-1.")
    corroborated: bool = Field(False, description="Only what two publishers or more tell.")
    show: Literal["all", "unread", "starred", "muted"] = Field(
        "all", description="`all` leaves out what is muted, as the others do but `muted`."
    )
    order: Literal["time", "weight"] = Field(
        "time", description="The last updated first; or the heaviest of the last 200, in one page."
    )
    limit: int = Field(25, ge=1, le=200)
    cursor: str = Field(
        "", max_length=60, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before."
    )


def router(desk: Desk) -> APIRouter:
    """All operations that read stories."""
    found = APIRouter(dependencies=[Depends(access.reading(desk))])

    @found.get("/stories")
    def list_stories(reader: Who, asked: Annotated[Asked, Query()]) -> values.StoryList:
        """Stories, the last updated first; a page may be shorter than `limit` though another follows."""
        return _listed(desk, reader, asked)

    @found.get("/search")
    def search_stories(
        reader: Who,
        q: Annotated[str, Query(min_length=1, max_length=language.LONGEST, pattern=_TEXT)],
        limit: Annotated[int, Query(ge=1, le=200)] = 25,
    ) -> values.StoryList:
        """The stories that a search finds, those with all words in a title first; muted ones too."""
        with desk.database.reading() as tx:
            ids = search.matching(tx, language.parse(q, desk.now()), limit)
            return values.StoryList(stories=_summaries(tx, reader, ids, desk.now()))

    @found.get("/stories/{number}", responses=problems.MISSING | problems.MOVED)
    def one_story(request: Request, reader: Who, number: Number) -> values.StoryDetail:
        """A story with every report in it."""
        with desk.database.reading() as tx:
            here = _standing(tx, request, number)
            (told,) = whole(tx, desk, here)
            mark = marks.of_stories(tx, reader.id, [here]).get(here, Mark())
        return values.detail(told, mark, desk.now())

    @found.get("/stories/{number}/reports", responses=problems.MISSING | problems.MOVED)
    def reports_of_story(request: Request, _: Who, number: Number) -> values.ReportList:
        """The reports of a story."""
        with desk.database.reading() as tx:
            (told,) = whole(tx, desk, _standing(tx, request, number))
        return values.ReportList(reports=[values.report(member, told.id) for member in told.members])

    @found.get("/stories/{number}/marks", responses=problems.MISSING | problems.MOVED)
    def marks_of_story(request: Request, reader: Who, number: Number) -> values.Marks:
        """What the reader has marked of a story."""
        with desk.database.reading() as tx:
            here = _standing(tx, request, number)
            return marks_of(tx, reader, here, desk.now())

    return found


def marks_of(tx: Any, reader: Reader, story: int, now: datetime) -> values.Marks:
    """What a reader has marked of a story that stands."""
    (told,) = front.listed(tx, [story])
    return values.marks(marks.of_stories(tx, reader.id, [story]).get(story, Mark()), told.voices, now)


def _standing(tx: Any, request: Request, number: int) -> int:
    here = standing(tx, number)
    if here != number:
        path = request.url.path.replace(f"/stories/{number}", f"/stories/{here}", 1)
        raise HTTPException(308, f"story {number} was merged into story {here}", {"Location": path})
    return here


def whole(tx: Any, desk: Desk, story: int) -> list[Story]:
    """A story that stands, loaded; a list of one."""
    found = stories.load(tx, [story], desk.database.uuid)
    if not found:
        raise NotFound(f"story {story} has no reports any more")
    return found


def _listed(desk: Desk, reader: Reader, asked: Asked) -> values.StoryList:
    now = desk.now()
    wanted = Filters(
        tag=asked.tag.strip(),
        publisher=asked.publisher.strip(),
        source=asked.source.strip(),
        language=asked.language.strip(),
        corroborated=asked.corroborated,
    )
    searched = language.parse(asked.q, now)
    with desk.database.reading() as tx:
        if asked.q.strip():
            wanted = replace(wanted, stories=frozenset(search.matching(tx, searched, _FOUND)))
        if asked.show == "starred":
            starred = frozenset(marks.starred(tx, reader.id, _FOUND))
            wanted = replace(wanted, stories=starred if wanted.stories is None else starred & wanted.stories)
        if asked.order == "weight":
            ids = _shown(tx, reader, asked, front.newest(tx, wanted, _HEAVIEST), now)
            weights = listing.weights(tx, ids, now)
            ids = sorted(ids, key=lambda each: -weights[each].total)[: asked.limit]
            return values.StoryList(stories=_summaries(tx, reader, ids, now))
        ids, cursor = _page(tx, reader, asked, wanted, now)
        return values.StoryList(stories=_summaries(tx, reader, ids, now), next=cursor)


def _page(
    tx: Any, reader: Reader, asked: Asked, wanted: Filters, now: datetime
) -> tuple[list[int], str | None]:
    """The stories of a page by time, and the cursor of what follows."""
    after = _read_cursor(asked.cursor) if asked.cursor else None
    kept: list[int] = []
    looked_at, step = 0, max(asked.limit, 50)
    while looked_at < _LOOKED_AT:
        some = front.newest(tx, replace(wanted, after=after), step)
        shown = _shown(tx, reader, asked, some, now)[: asked.limit - len(kept)]
        kept += shown
        if len(kept) == asked.limit:  # the page ends with the last one that is shown
            return kept, _cursor(tx, kept[-1]) if shown[-1] != some[-1] or len(some) == step else None
        if len(some) < step:
            return kept, None
        looked_at += step
        after = front.updates(tx, some[-1:])[some[-1]], some[-1]
    return kept, _cursor(tx, some[-1])


def _shown(tx: Any, reader: Reader, asked: Asked, ids: Sequence[int], now: datetime) -> list[int]:
    unread, muted = asked.show == "unread", asked.show == "muted"
    return listing.wanted(tx, reader, ids, now, unread=unread, muted=muted)[0]


def _cursor(tx: Any, story: int) -> str:
    """A place in the list by time: it stays where it is, whatever comes before it."""
    microseconds = (front.updates(tx, [story])[story] - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{microseconds}.{story}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        written = base64.urlsafe_b64decode(padded).decode("ascii")
        at, _, story = written.partition(".")
        place = _EPOCH + timedelta(microseconds=int(at)), int(story)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise HTTPException(422, "cursor: it is none of ours; begin without one") from error
    if not 0 < place[1] <= LARGEST:
        raise HTTPException(422, "cursor: it is none of ours; begin without one")
    return place


def _summaries(tx: Any, reader: Reader, ids: Sequence[int], now: datetime) -> list[values.StorySummary]:
    weights = listing.weights(tx, ids, now)
    marked = marks.of_stories(tx, reader.id, ids)
    return [
        values.summary(each, weights[each.id], marked.get(each.id, Mark()), now)
        for each in front.listed(tx, ids)
    ]
