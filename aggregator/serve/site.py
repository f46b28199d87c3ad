"""The server: it listens while it is open, and bounds what a client may do.

Who listens on loopback answers only those who ask for loopback, or for the public address of a web server in
front: else a web page whose name was made to lead there could read it through a visitor's browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from yarl import URL

from aggregator import log
from aggregator.errors import ServeError, StoreError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aggregator.settings import Serve

FROM_ANYWHERE = "/websub/"
"""Addresses that a web server in front may pass on under whatever name, and that bound bodies themselves."""

_LARGEST_REQUEST = 2**20  # bytes of a body
_LARGEST_HEAD = 2**15  # bytes of a request's first line and fields
_LAST_ANSWERS = 1  # seconds that a stop leaves to them
_KEPT_OPEN = 15  # seconds between two requests of one connection
_AT_A_TIME = 200  # connections
_WAITING = 128  # connections that the system keeps until they are accepted
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_NOTHING: Mapping[str, FastAPI] = MappingProxyType({})
_REMEDIES = {
    errno.EADDRINUSE: "set serve.port to a free one",
    errno.EACCES: "set serve.port to one above 1023 (the others are for root)",
}
_NOT_HERE = "set serve.host to an address of this machine"  # no such name, or one of another


@contextlib.asynccontextmanager
async def listening(
    settings: Serve, routers: Iterable[APIRouter], mounted: Mapping[str, FastAPI] = _NOTHING
) -> AsyncIterator[list[str]]:
    """Serve these routes; gives the addresses at which it listens, ``http://127.0.0.1:8640``.

    Args:
        settings: where to listen.
        routers: of each group.
        mounted: applications of their own, by the path below which each answers.

    Raises:
        ServeError: it cannot listen there.

    """
    sockets = await _bound(settings)
    public = URL(settings.public_url).host if settings.public_url else None
    server = _Server(
        uvicorn.Config(
            application(routers, public, mounted),
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_AT_A_TIME,
            timeout_keep_alive=_KEPT_OPEN,
            timeout_graceful_shutdown=_LAST_ANSWERS,
            h11_max_incomplete_event_size=_LARGEST_HEAD,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=sockets))
    try:
        await asyncio.wait(
            [serving, waiting := asyncio.create_task(server.listens.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()
        yield [_address(each) for each in sockets]
    finally:
        server.should_exit = True
        await serving
        for each in sockets:
            each.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the service, which this is a part of."""
        yield


async def _bound(settings: Serve) -> list[socket.socket]:
    """A socket for each address that the host's name has."""
    found: list[socket.socket] = []
    try:
        resolved = await asyncio.get_running_loop().getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, *_, address in dict.fromkeys(resolved):
            listener = socket.create_server(address[:2], family=family, backlog=_WAITING)
            found.append(listener)
            # Head and body of an answer are two writes: without this the second waits for the client's word.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        for each in found:
            each.close()
        cause = (error.strerror or str(error)).partition(" (while attempting")[0]
        raise ServeError(
            f"cannot listen on {settings.host}, port {settings.port}: {cause}",
            hint=f"{_REMEDIES.get(error.errno or 0, _NOT_HERE)}, or serve.enabled to false",
        ) from error
    return found


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return str(URL.build(scheme="http", host=host, port=port))


def application(
    routers: Iterable[APIRouter], public: str | None = None, mounted: Mapping[str, FastAPI] = _NOTHING
) -> FastAPI:
    """The routes, behind what guards all of them.

    Args:
        routers: of each group.
        public: the host of the public address, if there is one.
        mounted: applications of their own, by path.

    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        app.include_router(router)
    for path, other in mounted.items():
        app.mount(path, other)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_middleware(_Bounded)
    app.add_middleware(_OnlyForItsName, public=public)
    app.add_middleware(_Strict)
    return app


async def _not_understood(_: Request, error: Exception) -> Response:
    """What no route could take: an address that cannot be, or values that cannot."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if any(fault["loc"][0] == "path" for fault in faults):
        return PlainTextResponse("there is nothing here\n", 404)
    said = [f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in faults]
    return PlainTextResponse("\n".join([*said, ""]), 422)


class _Strict:
    """What every answer carries, unless its own handler has said otherwise; and what is said of faults."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def strictly(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, strictly)
        except StoreError as error:
            log.warning("serve.store", str(error))
            if not began:
                away = PlainTextResponse("the database does not answer\n", 503, {"Retry-After": "60"})
                await away(scope, receive, strictly)
        except Exception as error:  # a fault of ours ends one answer, and not the service
            log.error("serve.broken", f"{scope['path']}: {error!r}; please report this", cause=error)
            if not began:
                await PlainTextResponse("something is broken here\n", 500)(scope, receive, strictly)


class _OnlyForItsName:
    """Who listens on loopback answers only to loopback's names, and to its public one."""

    def __init__(self, app: ASGIApp, public: str | None) -> None:
        self._app, self._public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _asked_for(Headers(scope=scope).get("host", ""))
        here = str((scope.get("server") or ("",))[0])
        known = is_loopback(host) or (self._public is not None and host == self._public)
        if known or not is_loopback(here) or scope["path"].startswith(FROM_ANYWHERE):
            await self._app(scope, receive, send)
            return
        text = "ask for this machine by its loopback address, or set serve.public_url\n"
        await PlainTextResponse(text, 421)(scope, receive, send)


class _Bounded:
    """A body is read up to a bound, and no further."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(FROM_ANYWHERE):
            await self._app(scope, receive, send)
            return
        body: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            body.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size > _LARGEST_REQUEST:
                await PlainTextResponse("that is more than is read here\n", 413)(scope, receive, send)
                return
        waiting = iter(body)

        async def again() -> Message:
            return next(waiting, None) or await receive()

        await self._app(scope, again, send)


def _asked_for(host: str) -> str:
    try:
        return URL(f"http://{host}").host or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether this name or address leads to this machine only."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.casefold() in ("localhost", "localhost.")
