"""Pausing a source, and polling it again, from the page of sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from aggregator.errors import NotFound
from aggregator.poll import pausing
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page

_Name = Annotated[str, Form(max_length=200)]


def router(desk: Desk) -> APIRouter:
    """Two forms; each leads to the page of sources."""
    found = APIRouter(include_in_schema=False)

    @found.post("/sources/pause")
    def pause(
        request: Request,
        csrf: forms.Csrf = "",
        name: _Name = "",
        days: Annotated[str, Form(pattern="^([1-9][0-9]{0,3})?$")] = "",
    ) -> Response:
        now = desk.now()
        until = now + timedelta(days=int(days)) if days else None
        return _done(
            desk, request, csrf, lambda: pausing.pause(desk.database, desk.settings(), [name], until, now)
        )

    @found.post("/sources/resume")
    def resume(request: Request, csrf: forms.Csrf = "", name: _Name = "") -> Response:
        return _done(
            desk, request, csrf, lambda: pausing.resume(desk.database, desk.settings(), [name], desk.now())
        )

    return found


def _done(desk: Desk, request: Request, csrf: str, work: Callable[[], object]) -> Response:
    """Do it, and lead to where it shows."""
    desk.visitor(request)
    if not forms.genuine(request, csrf):
        return forms.expired()
    try:
        work()
    except NotFound as error:
        return page("nothing.html", 404, said=str(error), title="Not done", back="/sources")
    return RedirectResponse("/sources", 303)
