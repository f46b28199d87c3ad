"""Pausing a source, and polling it again, from the page of sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from aggregator.model import PausedSource
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page
from storage import paused_sources

_Csrf = Annotated[str, Form(max_length=64)]
_Name = Annotated[str, Form(max_length=200)]


def router(desk: Desk) -> APIRouter:
    """Two forms; each leads to the page of sources."""
    found = APIRouter(include_in_schema=False)

    @found.post("/sources/pause")
    def pause(
        request: Request,
        csrf: _Csrf = "",
        name: _Name = "",
        days: Annotated[str, Form(pattern="^([0-9]{1,4})?$")] = "",
    ) -> Response:
        if refused := _refused(desk, request, csrf, name):
            return refused
        moment = desk.now()
        until = moment + timedelta(days=int(days)) if days else None
        with desk.database.writing() as tx:
            paused_sources.pause(tx, PausedSource(name, moment, until))
        return RedirectResponse("/sources", 303)

    @found.post("/sources/resume")
    def resume(request: Request, csrf: _Csrf = "", name: _Name = "") -> Response:
        if refused := _refused(desk, request, csrf, name):
            return refused
        with desk.database.writing() as tx:
            paused_sources.resume(tx, name, desk.now())
        return RedirectResponse("/sources", 303)

    return found


def _refused(desk: Desk, request: Request, csrf: str, name: str) -> Response | None:
    """What is answered to who may not, or names no source."""
    desk.visitor(request)
    if not forms.genuine(request, csrf):
        return forms.expired()
    if name not in {source.name for source in desk.settings().sources}:
        return page("nothing.html", 404, said=f"no source is called {name!r}", title="Not done")
    return None
