"""The server: it listens while it is open, and bounds what a client may do.

Who listens on loopback answers only those who ask for loopback: else a web page whose name was made to lead
there could read it through a visitor's browser.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from aggregator.errors import ServeError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from aggregator.settings import Serve

FROM_ANYWHERE = "public"
"""The name of a route that a web server in front may pass on, under whatever name it was asked for."""

_LARGEST_REQUEST = 2**20  # bytes of a body
_LAST_ANSWERS = 1.0  # seconds that a stop leaves to them
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_REMEDIES = {
    errno.EADDRINUSE: "set serve.port to a free one",
    errno.EACCES: "set serve.port to one above 1023 (the others are for root)",
}
_NOT_HERE = "set serve.host to an address of this machine"  # no such name, or one of another


@contextlib.asynccontextmanager
async def listening(settings: Serve, routes: Iterable[web.RouteDef]) -> AsyncIterator[list[str]]:
    """Serve these routes; gives the addresses at which it listens, ``http://127.0.0.1:8640``.

    Raises:
        ServeError: it cannot listen there.

    """
    app = web.Application(client_max_size=_LARGEST_REQUEST, middlewares=[_only_for_its_name, _strict])
    app.add_routes(routes)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_LAST_ANSWERS, keepalive_timeout=15
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            raise ServeError(
                f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}",
                hint=f"{_REMEDIES.get(error.errno or 0, _NOT_HERE)}, or serve.enabled to false",
            ) from error
        yield [str(URL.build(scheme="http", host=host, port=port)) for host, port, *_ in runner.addresses]
    finally:
        await runner.cleanup()


@web.middleware
async def _only_for_its_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    public = request.match_info.route.name == FROM_ANYWHERE
    if not public and _is_loopback(_own_address(request)) and not _is_loopback(_asked_for(request)):
        raise web.HTTPMisdirectedRequest(text="ask for this machine by its loopback address\n")
    return await handler(request)


@web.middleware
async def _strict(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An answer keeps what its own handler has said."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        for name, value in _HEADERS.items():
            error.headers.setdefault(name, value)
        raise
    if not answer.prepared:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


def _own_address(request: web.Request) -> str:
    """The address of this machine that the client has reached."""
    socket = request.transport.get_extra_info("sockname") if request.transport else None
    return str(socket[0]) if socket else ""


def _asked_for(request: web.Request) -> str:
    try:
        return URL(f"http://{request.host}").host or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.casefold() in ("localhost", "localhost.")
