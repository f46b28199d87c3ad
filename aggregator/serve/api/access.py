"""Who may call what: a token, the session of a browser, or the one reader of this machine.

A browser sends cookies whichever site asks it to, and reaches loopback from any site. So who gives no token
changes something only from our own pages: the browser says where a request comes from, and no other site can
have it send JSON without asking first, which nothing here allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBasic, HTTPBearer

from aggregator.model import Reader
from aggregator.serve.pages import Desk
from aggregator.serve.visitors import Login

_BEARER = HTTPBearer(auto_error=False, description="`aggregator user token NAME`")
_BASIC = HTTPBasic(auto_error=False, description="A name, and a token for a password.")
_UNKNOWN = "give a token: `aggregator user token` makes one"
_FOR_READING = "this token is for reading: `aggregator user token --write` makes one that writes"
_FROM_ELSEWHERE = "another site has asked for this; without a token only our own pages may"


def known(request: Request) -> Reader:
    """Who was let in."""
    found: Reader = request.state.reader
    return found


Who = Annotated[Reader, Depends(known)]


def reading(desk: Desk) -> Callable[..., None]:
    """Lets in who may read; a dependency of a router, for which `Who` is then known."""

    def reader(request: Request) -> Reader:
        return _login(desk, request).reader

    return _with_schemes(reader)


def writing(desk: Desk) -> Callable[..., None]:
    """Lets in who may change something, likewise."""

    def writer(request: Request) -> Reader:
        login = _login(desk, request)
        if not login.writes:
            raise HTTPException(403, _FOR_READING)
        if not login.token and not _from_here(request):
            raise HTTPException(403, _FROM_ELSEWHERE)
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().casefold()
        if int(request.headers.get("Content-Length") or 0) and kind != "application/json":
            raise HTTPException(415, "send the body as application/json")
        return login.reader

    return _with_schemes(writer)


def _login(desk: Desk, request: Request) -> Login:
    if login := desk.visitor.login(request):
        return login
    raise HTTPException(401, _UNKNOWN, {"WWW-Authenticate": "Bearer"})


def _from_here(request: Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return not origin or urlsplit(origin).netloc == request.headers.get("Host")


def _with_schemes(check: Callable[[Request], Reader]) -> Callable[..., None]:
    """The same, and the OpenAPI document says by which schemes."""

    def checked(
        request: Request, _: Annotated[object, Depends(_BEARER)], __: Annotated[object, Depends(_BASIC)]
    ) -> None:
        request.state.reader = check(request)

    return checked
