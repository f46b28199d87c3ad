"""Forms that only our own pages can send.

A page sets a cookie that scripts cannot read, and writes the same word into its forms: another site knows
neither. A browser that names the origin of a form has to name ours.
"""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Request
from starlette.responses import Response

from aggregator.serve.pages.rendering import page
from aggregator.serve.visitors import is_secure

FIELD = "csrf"
Csrf = Annotated[str, Form(max_length=64)]
"""The word that a form brings along."""

_COOKIE = "aggregator-form"
_LONGEST = 64


def word(request: Request) -> str:
    """The word for the forms of a page: that of the cookie, or a new one."""
    found = request.cookies.get(_COOKIE, "")
    return found if found.isascii() and 32 <= len(found) <= _LONGEST else secrets.token_urlsafe(32)


def remember(request: Request, answer: Response, said: str) -> Response:
    """Set the cookie, where the browser does not have it."""
    if request.cookies.get(_COOKIE) != said:
        secure = is_secure(request)
        answer.set_cookie(_COOKIE, said, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


def expired() -> Response:
    """What is answered where a form is not `genuine`."""
    said = "this form has expired; go back, reload the page, and send it again"
    return page("nothing.html", 403, said=said, title="Not done")


def genuine(request: Request, said: str) -> bool:
    """Whether a form comes from one of our pages."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.headers.get("Host"):
        return False
    kept = request.cookies.get(_COOKIE, "")
    return len(kept) >= 32 and secrets.compare_digest(kept.encode(), said.encode())
