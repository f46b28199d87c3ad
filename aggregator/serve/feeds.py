"""Feeds over HTTP: those of the configuration, one of any search, one of a single story.

``/feeds/NAME.KIND``, ``/feeds/query.KIND?q=…`` and ``/stories/ID.KIND``; kinds are rss, atom and json.
Rendered as the published files are, with validators, so that a reader who asks again is answered 304.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from email.utils import format_datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

import brotli
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from aggregator import query as language
from aggregator.errors import QueryError
from aggregator.model import Member, Story, headline
from aggregator.poll.named_feeds import KINDS, channel_at, hub_of, links, stories_of
from aggregator.publish import render
from aggregator.publish.item import Channel, item, last_change
from aggregator.serve.pages import Desk
from aggregator.settings import PublishedFeed
from aggregator.stories.additions import Additions
from storage import search, stories

Kind = Literal["rss", "atom", "json"]
_SHOWN = 50  # stories of a search
_SMALLEST = 500  # bytes that are worth compressing
_NUMBER = Path(ge=1, le=2**63 - 1)


def router(desk: Desk) -> APIRouter:
    """All feeds; `query` is no name of one in the configuration that could be asked for here."""
    found = APIRouter(include_in_schema=False)
    additions = Additions()

    @found.get("/feeds/query.{kind}")
    def of_query(
        request: Request, kind: Kind, q: Annotated[str, Query(max_length=language.LONGEST)] = ""
    ) -> Response:
        return _of_query(desk, additions, request, kind, q) if desk.visitor.known(request) else _stranger()

    @found.get("/feeds/{name}.{kind}")
    def of_name(request: Request, name: str, kind: Kind) -> Response:
        return _of_name(desk, additions, request, kind, name) if desk.visitor.known(request) else _stranger()

    @found.get("/stories/{number}.{kind}")
    def of_story(request: Request, number: Annotated[int, _NUMBER], kind: Kind) -> Response:
        return (
            _of_story(desk, additions, request, kind, number) if desk.visitor.known(request) else _stranger()
        )

    return found


def _of_query(desk: Desk, additions: Additions, request: Request, kind: Kind, q: str) -> Response:
    try:
        asked = language.parse(q, desk.now())
    except QueryError as error:
        return PlainTextResponse(f"{error}\n", 422)
    with desk.database.reading() as tx:
        told = stories.load(tx, search.matching(tx, asked, _SHOWN), desk.database.uuid, whole=False)
    told.sort(key=lambda story: (story.updated, story.id), reverse=True)
    feed = PublishedFeed(name="query", title=_titled(q))
    return _answer(request, kind, _channel(desk, request, feed), additions(told))


def _of_name(desk: Desk, additions: Additions, request: Request, kind: Kind, name: str) -> Response:
    feeds = {feed.name: feed for feed in desk.settings().publish.feeds}
    if name not in feeds:
        return PlainTextResponse("there is no feed of this name\n", 404)
    feed = feeds[name]
    told = stories_of(desk.database, feed)
    return _answer(request, kind, _channel(desk, request, feed), additions(told))


def _of_story(desk: Desk, additions: Additions, request: Request, kind: Kind, number: int) -> Response:
    with desk.database.reading() as tx:
        stands = stories.resolve(tx, number)
        told = stories.load(tx, [stands] if stands else [], desk.database.uuid, whole=False)
    if not told:
        return PlainTextResponse("there is no such story\n", 404)
    if stands != number:
        return RedirectResponse(f"/stories/{stands}.{kind}", 301)
    feed = PublishedFeed(name=f"story-{number}", title=item(told[0]).title[:200])
    (whole,) = additions(told)
    about = replace(_channel(desk, request, feed), pages=None)  # an item leads to its report
    return _answer(request, kind, about, _reports(whole, desk.database.uuid))


def _reports(story: Story, namespace: UUID) -> list[Story]:
    """Each text of a story as an item of its own, the newest first: readers show what is new by its id."""
    newest = sorted(story.members, key=lambda member: (member.joined, member.id), reverse=True)
    first = {member.copy_group: member for member in newest}  # of the same text the one that came first
    kept = [member for member in newest if first[member.copy_group] is member]
    return [_alone(story, member, namespace) for member in kept[:_SHOWN]]


def _alone(story: Story, member: Member, namespace: UUID) -> Story:
    return replace(
        story,
        uuid=str(uuid5(namespace, f"report-{member.id}")),
        title=headline(member.title, member.text),
        lead=member.text,
        url=member.url,
        created=member.joined,
        updated=max(member.joined, member.revised or member.joined),
        members=(member,),
        publishers=(member.publisher,),
        voices=1,
        former=(),
        best=member.id,
    )


def _titled(q: str) -> str:
    shown = "".join(letter for letter in q if letter.isprintable())[:80].strip()
    return f"Search: {shown}" if shown else "All stories"


def _channel(desk: Desk, request: Request, feed: PublishedFeed) -> Channel:
    """What the feed says of itself; its address is the one that it was asked for."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    settings = desk.settings()
    hub = hub_of(settings, desk.database) if desk.writable else None  # it runs with the service alone
    return channel_at(settings, feed, path, desk.database.uuid, hub)


def _stranger() -> Response:
    """A feed reader has no cookie: it gives its name and a token."""
    fields = {"WWW-Authenticate": 'Basic realm="stories", charset="UTF-8"'}
    return PlainTextResponse("log in with your name, and a token (`aggregator user token`)\n", 401, fields)


def _answer(request: Request, kind: Kind, about: Channel, told: Sequence[Story]) -> Response:
    body = render(kind, about, told)
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'  # weak: it is one for all codings
    changed = last_change([item(story) for story in told])
    fields = {
        "ETag": etag,
        "Last-Modified": format_datetime(changed, usegmt=True),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    } | links(about)
    if etag in [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]:
        return Response(status_code=304, headers=fields)
    body, coding = _coded(body, request.headers.get("Accept-Encoding", ""))
    return Response(body, headers=fields | coding, media_type=KINDS[kind])


def _coded(body: bytes, accepted: str) -> tuple[bytes, dict[str, Any]]:
    """The body in a coding that the client knows."""
    codings = {each.partition(";")[0].strip().lower() for each in accepted.split(",") if "q=0" not in each}
    if len(body) >= _SMALLEST and "br" in codings:
        return brotli.compress(body, quality=5), {"Content-Encoding": "br"}
    if len(body) >= _SMALLEST and "gzip" in codings:
        return gzip.compress(body, 6, mtime=0), {"Content-Encoding": "gzip"}
    return body, {}
