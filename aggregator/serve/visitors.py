"""Who a request is: by the cookie of a session, by a token, or the one reader of this machine.

Where readers have names everybody has to log in. Where nobody has one, whoever sits at this machine is the
reader 0; what a web server in front has passed on comes from elsewhere, and finds no door.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from starlette.responses import Response
from yarl import URL

from aggregator.model import ANYBODY, Reader
from aggregator.serve import passwords
from storage import readers

if TYPE_CHECKING:
    from storage.database import Database

APP_SESSION = timedelta(days=365)
"""How long an app stays logged in: most of them cannot ask for a password again."""

_COOKIE = "aggregator-session"
_SESSION = timedelta(days=30)
_LONGEST = 200  # characters of a secret
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody was not logged in.

    Attributes:
        said: in words, for them.
        wait: how long until they may try again; None: at once.

    """

    said: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """Whose a secret is, and what it is good for.

    Attributes:
        reader: whose.
        writes: whether it may mark and change anything.
        token: whether it was given with the request, which no other site can make a browser do.

    """

    reader: Reader
    writes: bool
    token: bool = False


class Visitors:
    """Tells who asks, and logs readers in and out.

    Args:
        database: with the readers.
        now: the clock.

    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now, self._guesses = database, now, passwords.Guesses()

    def __call__(self, request: Request) -> Reader:
        """Who asks for a page; a stranger is sent to log in. A token opens no page.

        Raises:
            HTTPException: it is nobody who is known here.

        """
        found = self.login(request, tokens=False)
        if found is not None:
            return found.reader
        if self.named():
            raise HTTPException(303, headers={"Location": "/login"})
        raise HTTPException(403, "nobody may read from elsewhere yet: `aggregator user add` gives a name")

    def known(self, request: Request) -> Reader | None:
        """Who asks, if that is known."""
        found = self.login(request)
        return found.reader if found else None

    def login(self, request: Request, *, tokens: bool = True) -> Login | None:
        """Who asks, and what they may do; None: nobody who is known here.

        Args:
            request: theirs.
            tokens: whether a token counts. Whoever gives one that is none is nobody, whatever else they have.

        """
        cookie = request.cookies.get(_COOKIE, "")
        with self._database.reading() as tx:
            if tokens and (secret := _token(request)):
                given = readers.of_token(tx, digest(secret))
                return Login(given.reader, given.scope == "write", token=True) if given else None
            if cookie and (reader := readers.of_session(tx, digest(cookie), self._now())):
                return Login(reader, writes=True)
            return Login(ANYBODY, writes=True) if self.nameless(tx, request) else None

    def nameless(self, tx: Any, request: Request) -> bool:
        """Whether whoever asks is the one reader: nobody has a name, and it comes from this machine."""
        return _at_this_machine(request) and not readers.anybody(tx)

    def named(self) -> bool:
        """Whether readers have names here."""
        with self._database.reading() as tx:
            return readers.anybody(tx)

    def checked(self, name: str, password: str, address: str) -> Reader | Refusal:
        """The reader of this name and password, or why it is none; guessing is slowed down.

        Args:
            name: as it was typed.
            password: likewise.
            address: that it was sent from.

        """
        now = self._now()
        if wait := self._guesses.wait(name, address, now):
            return Refusal("Too many wrong passwords; try again in a quarter of an hour.", wait)
        with self._database.reading() as tx:
            known = readers.by_name(tx, name) if name.isprintable() else None
        if not passwords.fits(known[1] if known else None, password) or known is None:
            self._guesses.missed(name, address, now)
            return Refusal("That is no name and password of a reader here.")
        self._guesses.right(name, address)
        return known[0]

    def begin(self, reader: Reader, lasting: timedelta = _SESSION) -> str:
        """The secret of a new session."""
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._database.writing() as tx:
            readers.begin(tx, reader.id, digest(secret), now + lasting, now)
        return secret

    def of_secret(self, tx: Any, secret: str) -> Login | None:
        """Whose session or token this is; None: nobody's."""
        kept = digest(secret)
        if reader := readers.of_session(tx, kept, self._now()):
            return Login(reader, writes=True)
        token = readers.of_token(tx, kept)
        return Login(token.reader, writes=token.scope == "write") if token else None

    def log_in(self, request: Request, answer: Response, reader: Reader) -> None:
        """Begin a session, and give its cookie to the browser."""
        answer.set_cookie(
            _COOKIE,
            self.begin(reader),
            max_age=int(_SESSION.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=is_secure(request),
            path="/",
        )

    def log_out(self, request: Request, answer: Response) -> None:
        """End the session of the request."""
        if cookie := request.cookies.get(_COOKIE):
            with self._database.writing() as tx:
                readers.end(tx, digest(cookie))
        answer.delete_cookie(_COOKIE, path="/", httponly=True, samesite="lax", secure=is_secure(request))


def _token(request: Request) -> str:
    """The token of a request: a bearer's, or the password beside a name, as feed readers give it."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        return value.strip()
    if kind.casefold() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def digest(secret: str) -> bytes:
    """What is kept of a secret, and not more of it than one is long."""
    return hashlib.sha256(secret[:_LONGEST].encode("utf-8", "surrogatepass")).digest()


def is_secure(request: Request) -> bool:
    """Whether the visitor came by https, here or at the web server in front."""
    return "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto", ""))


def _at_this_machine(request: Request) -> bool:
    """Whether it was asked for by a loopback name, by somebody on loopback, with nobody between."""
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        host = URL(f"http://{request.headers.get('Host', '')}").host or ""
        near = ipaddress.ip_address((request.client.host if request.client else "").partition("%")[0])
        return near.is_loopback and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
