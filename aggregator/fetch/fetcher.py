"""One poll over HTTP: politely, within limits, and believing nothing.

What an HTTP client does when left alone (redirects into private networks, bodies without end or of any size
once decoded, time-outs that each slow byte puts off) is written down in the tests of hostile servers. Here
every poll ends before its deadline and within its bytes, in an `Answer` or in one `FetchError`:
`address_guard` sees each address that is dialled, `host_queue` keeps the pace, `decode` the size.

There are no cookies, no ``Referer``, no proxy, and a connection serves one request: polls are minutes apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from aggregator.errors import BadStatus, FetchError, TooSlow
from aggregator.fetch.address_guard import dialling, open_socket
from aggregator.fetch.decode import ACCEPTED, Body, too_large
from aggregator.fetch.dns import SystemResolver
from aggregator.fetch.network_errors import bad_status, clean, fault, refused
from aggregator.fetch.redirects import REDIRECTS, Admit, Redirect, Route, redirect, where
from aggregator.model import Answer
from aggregator.schedule.host_queue import HostQueue
from aggregator.settings import Fetching

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_LONGEST_FIELD = 8190  # bytes, as common servers have it
_MOST_FIELDS = 128


@dataclass(slots=True)
class _Poll:
    """What one poll carries from hop to hop."""

    headers: dict[str, str]
    conditional: bool
    allow_private: bool
    left: float  # seconds; waiting for a turn does not count
    form: Mapping[str, str] | bytes | None = None  # what is posted; None: nothing, it is a GET


@dataclass(slots=True)
class _Head:
    """The wait for the head of an answer: for the connection first, then for all of the head."""

    first_byte: float
    timer: asyncio.Timeout | None = None
    connected: bool = False

    def start_again(self) -> None:
        self.connected = True
        if self.timer:
            self.timer.reschedule(asyncio.get_running_loop().time() + self.first_byte)


class Fetcher:
    """Polls addresses; an async context manager, for one event loop.

    Args:
        fetching: the limits.
        version: of this program, for the User-Agent.
        resolver: looks names up; the system's where none is given.
        host_queue: the queue in front of the network; made from the settings where none is given.
    """

    def __init__(
        self,
        fetching: Fetching,
        version: str,
        *,
        resolver: AbstractResolver | None = None,
        host_queue: HostQueue | None = None,
    ) -> None:
        self._limits = fetching
        self._agent = f"story-aggregator/{version}" + (f" (+{fetching.contact})" if fetching.contact else "")
        self._resolver = resolver or SystemResolver(fetching.concurrency)
        self._host_queue = host_queue or HostQueue(
            fetching.concurrency, fetching.host_spacing.total_seconds()
        )
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            socket_factory=open_socket,
            force_close=True,  # and so no source uses a connection that another one was allowed to make
            limit=0,  # `HostQueue` counts them
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # none: each of aiohttp's starts anew with every hop
            auto_decompress=False,
            max_line_size=_LONGEST_FIELD,
            max_field_size=_LONGEST_FIELD,
            max_headers=_MOST_FIELDS,
            trace_configs=[_connection_watch()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        allow_private: bool = False,
        accept: str = _ACCEPT,
        admit: Admit | None = None,
        doubtful: bool = False,
    ) -> Answer:
        """Polls an address once, following redirects.

        A redirect from https to http is followed, and never counts as permanent: it may be forged.

        Args:
            url: http or https, at any port. A name and a password in it go to its own host only.
            etag: validator of the last answer, sent back byte for byte.
            last_modified: as ``etag``.
            allow_private: whether this machine and private networks may be reached.
            accept: the ``Accept`` field; feeds are asked for where none is given.
            doubtful: whether it failed last time; such polls get few of the places.
            admit: is asked at each hop, when its turn has come, whether this host may be asked.

        Returns:
            An answer with status 200, 226 (only what is new, RFC 3229) or 304 (nothing is).

        Raises:
            AddressRefused: the scheme, or the address that would be dialled, is not allowed.
            TooLarge: the body is over a limit.
            TooSlow: a deadline passed.
            BadStatus: the server answered with another status.
            LeftAlone: ``admit`` says that nothing may be asked.
            HeldUp: it says so of a host that a redirect leads to.
            FetchError: anything else went wrong.
        """
        timeout = self._limits.timeout.total_seconds()
        conditional = bool(etag or last_modified)
        poll = _Poll(self._headers(accept, etag, last_modified), conditional, allow_private, left=timeout)
        route = Route(url, self._limits.max_redirects)
        while True:
            async with self._host_queue.take(route.host, doubtful=doubtful):
                await route.admitted(admit)
                try:
                    outcome = await self._hop(route.here, poll)
                except BadStatus as error:
                    error.redirected = route.redirected
                    raise
            if isinstance(outcome, Answer):
                moved_to = outcome.url if route.moved else None
                return replace(outcome, moved_to=moved_to, seconds=timeout - poll.left)
            route.follow(outcome)

    async def post(
        self,
        url: str,
        form: Mapping[str, str] | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        allow_private: bool = False,
        admit: Admit | None = None,
    ) -> None:
        """Sends a form, or a body as it is, to an address, once and without following redirects.

        Raises:
            FetchError: as for `get`; every answer but a 2xx is one.
        """
        route = Route(url, most=0)
        sent = {"User-Agent": self._agent, "Accept-Encoding": ACCEPTED, **(headers or {})}
        left = self._limits.timeout.total_seconds()
        poll = _Poll(sent, conditional=False, allow_private=allow_private, left=left, form=form)
        async with self._host_queue.take(route.host):
            await route.admitted(admit)
            await self._hop(route.here, poll)

    def _headers(self, accept: str, etag: str | None, last_modified: str | None) -> dict[str, str]:
        headers = {"User-Agent": self._agent, "Accept": accept, "Accept-Encoding": ACCEPTED}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        if etag or last_modified:
            headers["A-IM"] = "feed"
        return headers

    async def _hop(self, url: URL, poll: _Poll) -> Answer | Redirect:
        """One request, with everything that can go wrong turned into a `FetchError`."""
        here = where(url)
        clock = asyncio.get_running_loop().time
        started = clock()
        head = _Head(self._limits.first_byte_timeout.total_seconds())
        with dialling(allow_private=poll.allow_private) as dial:
            try:
                async with asyncio.timeout(poll.left) as whole:
                    return await self._exchange(url, poll, head)
            except FetchError:
                raise
            except TimeoutError as error:
                raise self._too_slow(here, head, whole=whole.expired()) from error
            except aiohttp.ClientConnectorError as error:
                raise (refused(here, dial.refused) if dial.refused else fault(here, error)) from error
            except (
                Exception
            ) as error:  # the client must not fail on what a server sends; if it does, so be it
                raise fault(here, error) from error
            finally:
                poll.left -= clock() - started

    async def _exchange(self, url: URL, poll: _Poll, head: _Head) -> Answer | Redirect:
        async with asyncio.timeout(self._limits.connect_timeout.total_seconds()) as head.timer:
            response = await self._session.request(
                "GET" if poll.form is None else "POST",
                url,
                headers=poll.headers,
                data=poll.form,
                allow_redirects=False,
                trace_request_ctx=head,
            )
        try:
            return await self._understand(response, url, poll)
        finally:
            response.close()

    async def _understand(self, response: aiohttp.ClientResponse, url: URL, poll: _Poll) -> Answer | Redirect:
        here = where(url)
        if poll.form is not None:
            if response.ok and response.status < 300:
                return _answer(response, url)  # what else it says is not read
            raise bad_status(url, here, response)
        if response.status in REDIRECTS:
            return redirect(url, response.status, response.headers.get("Location", ""))
        if response.status == 304:
            if not poll.conditional:
                raise FetchError(
                    f"{here}: the server answered 304 Not Modified to a request that asked for all"
                )
            return _answer(response, url)
        if response.status == 226:
            _check_partial(response, here, conditional=poll.conditional)
        if response.status in (200, 226):
            return await self._read(response, url)
        raise bad_status(url, here, response)

    async def _read(self, response: aiohttp.ClientResponse, url: URL) -> Answer:
        limits = self._limits
        here = where(url)
        coding = ",".join(response.headers.getall("Content-Encoding", []))
        body = Body(here, coding, max_wire=limits.max_wire_bytes, max_body=limits.max_body_bytes)
        if (response.content_length or 0) > limits.max_wire_bytes:
            raise too_large(here, limits.max_wire_bytes, "fetch.max_wire_bytes")
        async for data in response.content.iter_any():
            body.feed(data)
        return replace(_answer(response, url), body=body.finish(), wire_bytes=body.wire)

    def _too_slow(self, here: str, head: _Head, *, whole: bool) -> TooSlow:
        limits = self._limits
        if whole:
            said, limit, name = "the poll was not done", limits.timeout, "timeout"
        elif head.connected:
            said, limit, name = "no head of an answer came", limits.first_byte_timeout, "first_byte_timeout"
        else:
            said, limit, name = "no connection stood", limits.connect_timeout, "connect_timeout"
        return TooSlow(
            f"{here}: {said} within {limit.total_seconds():g} s",
            hint=f"usually passes; if the server is always this slow, raise fetch.{name}",
        )


def _connection_watch() -> aiohttp.TraceConfig:
    """Tells the `_Head` of a request when its connection stands."""

    async def connected(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceConnectionCreateEndParams,
    ) -> None:
        context.trace_request_ctx.start_again()

    watch = aiohttp.TraceConfig()
    watch.on_connection_create_end.append(connected)
    return watch


def _check_partial(response: aiohttp.ClientResponse, here: str, *, conditional: bool) -> None:
    """A 226 holds what is new since our validators, as a feed (RFC 3229); no other kind of difference."""
    manipulations = [part.strip().lower() for part in response.headers.get("IM", "feed").split(",")]
    if not conditional:
        raise FetchError(f"{here}: the server answered 226 IM Used to a request that asked for all")
    if manipulations != ["feed"]:
        said = clean(response.headers["IM"])
        raise FetchError(f"{here}: the answer is a difference ({said}) that was not asked for")


def _answer(response: aiohttp.ClientResponse, url: URL) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        text = value.encode("utf-8", "replace").decode()  # bytes that are no UTF-8 came as lone surrogates
        before = headers.get(name.lower())
        headers[name.lower()] = text if before is None else f"{before}, {text}"
    return Answer(
        status=response.status,
        url=str(url.with_user(None)),
        content_type=headers.get("content-type"),
        etag=_validator(response.headers.get("ETag")),
        last_modified=_validator(response.headers.get("Last-Modified")),
        headers=headers,
    )


def _validator(value: str | None) -> str | None:
    """The field, if it can be stored and sent back as the same bytes."""
    return value if value and value.isprintable() else None
