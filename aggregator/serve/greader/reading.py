"""Streams, page after page, whole or as ids only; items by their ids; how much is unread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from aggregator.serve.greader import items, naming
from aggregator.serve.greader.asking import Asked, asked, login
from aggregator.serve.greader.items import ReaderItem, microseconds, moment
from storage import marks, stories, streams
from storage.streams import Place, Wanted

if TYPE_CHECKING:
    from aggregator.serve.greader import Service

_API = "/reader/api/0"
_MOST = 250  # items at a time
_MOST_IDS = 10_000
_USUAL = 20
_COUNTED = 5_000  # unread stories, the newest; an app shows a larger number as "more"


def router(service: Service) -> APIRouter:
    """Its addresses."""
    found = APIRouter()

    @found.get(f"{_API}/stream/contents")
    @found.get(f"{_API}/stream/contents/")
    def reading_list(fields: Annotated[Asked, Depends(asked)]) -> Response:
        return contents(fields.one("s") or naming.READING_LIST, fields)

    @found.get(f"{_API}/stream/contents/{{name:path}}")
    def contents(name: str, fields: Annotated[Asked, Depends(asked)]) -> Response:
        shown, answer = _stream(service, name, fields)
        return JSONResponse(answer | {"items": [items.as_json(each) for each in shown]})

    @found.get("/reader/atom/{name:path}")
    def atom(name: str, fields: Annotated[Asked, Depends(asked)]) -> Response:
        shown, _ = _stream(service, name, fields)
        titles = {feed.id: feed.title for feed in naming.feeds(service.settings())}
        body = items.as_atom(name, titles.get(name) or name.rpartition("/")[2], shown)
        return Response(body, media_type="application/atom+xml")

    @found.get(f"{_API}/stream/items/ids")
    @found.post(f"{_API}/stream/items/ids")
    def ids(fields: Annotated[Asked, Depends(asked)]) -> Response:
        return JSONResponse(_ids(service, fields))

    @found.get(f"{_API}/stream/items/contents")
    @found.post(f"{_API}/stream/items/contents")
    def by_ids(fields: Annotated[Asked, Depends(asked)]) -> Response:
        wanted = [number for name in fields.all("i") if (number := naming.story(name))]
        with service.database.reading() as tx:
            reader = login(tx, service.visitors, fields).reader.id
            stand = streams.standing(tx, wanted[: 4 * _MOST])
            order = list(dict.fromkeys(stand[each] for each in wanted if each in stand))
            shown = _items(service, tx, reader, order)
        found = [items.as_json(each) for each in shown]
        return JSONResponse(_head(service, naming.READING_LIST) | {"items": found})

    @found.get(f"{_API}/unread-count")
    def unread_count(fields: Annotated[Asked, Depends(asked)]) -> Response:
        return JSONResponse(_unread(service, fields))

    return found


def _stream(service: Service, name: str, fields: Asked) -> tuple[list[ReaderItem], dict[str, Any]]:
    limit = fields.number("n", _USUAL, _MOST)
    with service.database.reading() as tx:
        reader = login(tx, service.visitors, fields).reader.id
        places = _places(service, tx, reader, name, fields, limit)
        shown = _items(service, tx, reader, [place.story for place in places])
    return shown, _head(service, name) | _continuation(places, limit)


def _ids(service: Service, fields: Asked) -> dict[str, Any]:
    limit = fields.number("n", _USUAL, _MOST_IDS)
    with service.database.reading() as tx:
        reader = login(tx, service.visitors, fields).reader.id
        name = fields.one("s") or naming.READING_LIST
        places = _places(service, tx, reader, name, fields, limit)
    found = [
        {
            "id": str(place.story),
            "directStreamIds": [],
            "timestampUsec": str(microseconds(place.updated)),
        }
        for place in places
    ]
    return {"items": [], "itemRefs": found} | _continuation(places, limit)


def _places(service: Service, tx: Any, reader: int, name: str, fields: Asked, limit: int) -> Sequence[Place]:
    """A page of a stream.

    `ot` and `nt` bound it in time, `it` and `xt` name states that its items have and have not, `r=o` turns it
    round, `c` says where the page before ended.
    """
    wanted = bounded(service, name, fields)
    return streams.places(
        *(tx, reader, wanted, service.now()),
        limit=limit,
        after=_place(fields.one("c")),
        oldest_first=fields.one("r") == "o",
    )


def bounded(service: Service, name: str, fields: Asked) -> Wanted:
    """What the stream of this name holds, within the bounds of a request."""
    found = naming.stream(name, service.settings())
    found = naming.narrowed(found, fields.all("it"), fields.all("xt"))
    return replace(found, since=moment(fields.one("ot")), until=moment(fields.one("nt")))


def _items(service: Service, tx: Any, reader: int, ids: Sequence[int]) -> list[ReaderItem]:
    loaded = service.additions(stories.load(tx, ids, service.database.uuid, whole=False))
    marked = marks.of_stories(tx, reader, ids)
    return items.items(loaded, marked, naming.feeds(service.settings()))


def _head(service: Service, name: str) -> dict[str, Any]:
    return {"direction": "ltr", "id": name, "updated": int(service.now().timestamp())}


def _continuation(places: Sequence[Place], limit: int) -> dict[str, str]:
    """Where the next page begins; the last page has none."""
    if len(places) < limit:
        return {}
    last = places[-1]
    return {"continuation": f"{microseconds(last.updated)}-{last.story}"}


def _place(said: str) -> Place | None:
    at, _, story = said.partition("-")
    updated, number = moment(at), naming.story(story)
    return Place(updated, number) if updated and number else None


def _unread(service: Service, fields: Asked) -> dict[str, Any]:
    """How many unread items each stream has, and when the newest of them came."""
    settings, now = service.settings(), service.now()
    feeds, labels = naming.feeds(settings), naming.labels(settings)
    with service.database.reading() as tx:
        reader = login(tx, service.visitors, fields).reader.id
        unread = streams.places(tx, reader, Wanted(read=False), now, limit=_COUNTED)
        ids = [place.story for place in unread]
        shown, tagged = streams.shown_by(tx, ids), streams.tagged(tx, ids, labels)
        held = {
            feed.id: {place.story for place in streams.places(tx, reader, wanted, now, limit=_COUNTED)}
            for feed in feeds
            if feed.source is None and (wanted := replace(feed.wanted, read=False))
        }
    held |= {
        feed.id: {story for story, name in shown if name == feed.source} for feed in feeds if feed.source
    }
    held |= {
        f"{naming.LABEL}{label}": {story for story, tag in tagged if tag == label.casefold()}
        for label in labels
    }
    held[naming.READING_LIST] = set(ids)
    newest = {place.story: place.updated for place in unread}
    counts = [
        {
            "id": name,
            "count": len(found),
            "newestItemTimestampUsec": str(
                max((microseconds(newest[s]) for s in found if s in newest), default=0)
            ),
        }
        for name, found in held.items()
    ]
    return {"max": _COUNTED, "unreadcounts": counts}
