"""What a person says about stories on their pages: not this story, these are one, take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from aggregator.errors import NotFound, NothingToCorrect
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page
from aggregator.stories import correct
from aggregator.stories.correct import Outcome
from aggregator.stories.linker import Linker


def router(desk: Desk) -> APIRouter:
    """Three forms; each leads to the story that it was about."""
    found = APIRouter(include_in_schema=False)

    @found.post("/stories/{number}/split")
    def split(
        request: Request,
        number: int,
        csrf: forms.Csrf = "",
        report: Annotated[list[int], Form(max_length=500)] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        return _done(
            desk,
            request,
            csrf,
            number,
            lambda tx, linker: correct.split(tx, linker, number, report, desk.now()),
        )

    @found.post("/stories/{number}/merge")
    def merge(
        request: Request, number: int, csrf: forms.Csrf = "", other: Annotated[int, Form()] = 0
    ) -> Response:
        return _done(
            desk,
            request,
            csrf,
            number,
            lambda tx, linker: correct.merge(tx, linker, [number, other], desk.now()),
        )

    @found.post("/undo")
    def undo(request: Request, csrf: forms.Csrf = "") -> Response:
        return _done(desk, request, csrf, None, lambda tx, linker: correct.undo(tx, linker, desk.now()))

    return found


def _done(
    desk: Desk, request: Request, csrf: str, story: int | None, work: Callable[[Any, Linker], Outcome]
) -> Response:
    """Correct in one transaction, and lead to where it shows."""
    desk.visitor(request)
    if not forms.genuine(request, csrf):
        return forms.expired()
    settings = desk.settings()
    try:
        with desk.database.writing() as tx:
            outcome = work(tx, Linker(settings.dedup, settings.prefer))
    except (NotFound, NothingToCorrect) as error:
        return page(
            "nothing.html",
            409,
            said=error.message,
            title="Not done",
            back=f"/stories/{story}" if story else None,
        )
    return RedirectResponse(f"/stories/{story or min(outcome.stories, default=0)}", 303)
