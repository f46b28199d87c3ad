"""Where readers with names log in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from aggregator.serve import passwords
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.rendering import page
from aggregator.serve.visitors import Refusal

_Said = Annotated[str, Form(max_length=passwords.LONGEST)]


def router(desk: Desk) -> APIRouter:
    """The page, and the two forms."""
    found = APIRouter(include_in_schema=False)

    @found.get("/login")
    def asked(request: Request) -> Response:
        return _asking(request, "")

    @found.post("/login")
    def log_in(request: Request, csrf: _Said = "", name: _Said = "", password: _Said = "") -> Response:
        if not forms.genuine(request, csrf):
            return forms.expired()
        reader = desk.visitor.checked(name, password, request.client.host if request.client else "")
        if isinstance(reader, Refusal):
            return _asking(request, reader.said, 429 if reader.wait else 401)
        answer = RedirectResponse("/", 303)
        desk.visitor.log_in(request, answer, reader)
        return answer

    @found.post("/logout")
    def log_out(request: Request, csrf: _Said = "") -> Response:
        if not forms.genuine(request, csrf):
            return forms.expired()
        answer = RedirectResponse("/login", 303)
        desk.visitor.log_out(request, answer)
        return answer

    return found


def _asking(request: Request, said: str, status: int = 200) -> Response:
    word = forms.word(request)
    return forms.remember(request, page("login.html", status, csrf=word, said=said, title="Log in"), word)
