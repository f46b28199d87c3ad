"""What apps change: read and unread, starred and not, one by one or a whole stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from starlette.responses import PlainTextResponse, Response

from aggregator.serve.greader import naming
from aggregator.serve.greader.asking import Asked, asked, login
from aggregator.serve.greader.items import moment
from storage import marks, streams

if TYPE_CHECKING:
    from aggregator.serve.greader import Service

_API = "/reader/api/0"
_MOST = 10_000  # items of one request
_WHOLE = 100_000  # stories of a stream that are marked at once


def router(service: Service) -> APIRouter:
    """Its addresses."""
    found = APIRouter()

    @found.post(f"{_API}/edit-tag")
    def edit_tag(fields: Annotated[Asked, Depends(asked)]) -> Response:
        named = fields.all("i")
        wanted = [number for name in named if (number := naming.story(name))]
        if len(wanted) < len(named) or not 0 < len(wanted) <= _MOST:
            raise HTTPException(400, f"i names from 1 to {_MOST} items by their long or short ids")
        with service.database.writing() as tx:
            reader = _writer(service, tx, fields)
            ids = set(streams.standing(tx, wanted).values())
            _edit(service, tx, reader, ids, fields)
        return PlainTextResponse("OK")

    @found.post(f"{_API}/mark-all-as-read")
    def mark_all_as_read(fields: Annotated[Asked, Depends(asked)]) -> Response:
        now = service.now()
        wanted = naming.stream(fields.one("s") or naming.READING_LIST, service.settings())
        wanted = replace(wanted, read=False, until=moment(fields.one("ts")))
        with service.database.writing() as tx:
            reader = _writer(service, tx, fields)
            unread = streams.places(tx, reader, wanted, now, limit=_WHOLE)
            marks.read(tx, reader, streams.voices(tx, [place.story for place in unread]), now)
        return PlainTextResponse("OK")

    return found


def _writer(service: Service, tx: Any, fields: Asked) -> int:
    found = login(tx, service.visitors, fields)
    if not found.writes:
        raise HTTPException(403, "this token may only read: make one with --write")
    return found.reader.id


def _edit(service: Service, tx: Any, reader: int, ids: Iterable[int], fields: Asked) -> None:
    """Add and remove states; those that mean nothing here, as `like` and `broadcast`, are passed over."""
    added, removed = naming.states(fields.all("a")), naming.states(fields.all("r"))
    if naming.UNREAD in added or naming.READ in removed:
        marks.unread(tx, reader, ids)
    elif naming.READ in added:
        marks.read(tx, reader, streams.voices(tx, ids), service.now())
    if naming.STARRED in added:
        marks.star(tx, reader, ids, service.now())
    elif naming.STARRED in removed:
        marks.star(tx, reader, ids, None)
