"""Adding sources from the page of sources: one by the address of a site, many by a list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from aggregator.display import counted
from aggregator.errors import AggregatorError
from aggregator.parse import opml
from aggregator.poll.discover import SeveralFeeds
from aggregator.poll.subscriber import NotWritten, Subscriber
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page

_OFFERS = 50


def router(desk: Desk) -> APIRouter:
    """The two forms; nothing where sources cannot be added here."""
    found = APIRouter(include_in_schema=False)
    subscriber = desk.subscriber
    if subscriber is None:
        return found

    @found.post("/sources")
    async def add(
        request: Request,
        csrf: forms.Csrf = "",
        url: Annotated[str, Form(max_length=2000)] = "",
        name: Annotated[str, Form(max_length=100)] = "",
        tags: Annotated[str, Form(max_length=500)] = "",
        feed: Annotated[int | None, Form(ge=1, le=_OFFERS)] = None,
    ) -> Response:
        desk.visitor(request)
        if not forms.genuine(request, csrf):
            return forms.expired()
        labels = [tag for each in tags.split(",") if (tag := each.strip())]
        try:
            await subscriber.add(url.strip(), " ".join(name.split()), labels, feed)
        except SeveralFeeds as error:
            given = {"url": url, "name": name, "tags": tags}
            offers = [(number, each.title, each.url) for number, each in enumerate(error.offers[:_OFFERS], 1)]
            return page("offers.html", offers=offers, given=given, csrf=csrf, title="Which feed?")
        except AggregatorError as error:
            return _refused(subscriber, error)
        return RedirectResponse("/sources", 303)

    @found.post("/sources.opml")
    async def take(request: Request, file: Annotated[UploadFile, File()], csrf: forms.Csrf = "") -> Response:
        desk.visitor(request)
        if not forms.genuine(request, csrf):
            return forms.expired()
        try:
            plans = await subscriber.take(await file.read(opml.LARGEST + 1))
        except AggregatorError as error:
            return _refused(subscriber, error)
        added = sum(plan.item is not None for plan in plans)
        said = f"{counted(added, 'source')} added, of {counted(len(plans), 'entry', 'entries')}"
        return page("taken.html", plans=plans, said=said, title="Sources added")

    return found


def _refused(subscriber: Subscriber, error: AggregatorError) -> Response:
    """Why nothing was added; where only the writing failed, what a person can put in."""
    if isinstance(error, NotWritten):
        file, lines = subscriber.file, error.lines
        return page("by_hand.html", 409, title="Not added", file=file, said=str(error), lines=lines)
    return page("nothing.html", 409, said=str(error), title="Not added", back="/sources")
