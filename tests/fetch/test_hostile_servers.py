"""Servers that lie, stall, flood and lead astray: each costs one poll, one line, no more than its limits."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from hostile import CASES, CHUNKED, LIMIT, LONG, OK, Case, bomb, forever, to
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import AddressRefused, FetchError, SourceError, TooLarge
from aggregator.fetch.decode import Body


def attempt(
    fetcher, serve, case: Case, *, allow_private: bool = True
) -> tuple[SourceError, list[object], float]:
    """The error that a poll ended in, what the event loop complained of, and the seconds it took."""
    complaints: list[object] = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        limits = LONG | {
            "max_wire_bytes": LIMIT,
            "max_body_bytes": LIMIT,
            "connect_timeout": timedelta(seconds=20),
        }
        async with serve(case.script) as server, fetcher(**(limits | case.limits)) as door:
            url = server.url.replace("http", case.scheme, 1)
            started = time.monotonic()
            with pytest.raises(SourceError) as caught:
                async with asyncio.timeout(30):  # a test of time-outs must not hang itself
                    await door.get(url, allow_private=allow_private)
            seconds = time.monotonic() - started
            # The others do not notice.
            async with serve(OK + b"Content-Length: 2\r\n\r\nok") as good:
                assert (await door.get(good.url, allow_private=True)).body == b"ok"
            return caught.value, seconds

    error, seconds = asyncio.run(run())
    return error, complaints, seconds


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_server(serve, fetcher, case):
    """Each ends in one error of its kind, on one printable line that names the host, before its deadline."""
    error, complaints, seconds = attempt(fetcher, serve, case)
    assert isinstance(error, case.error)
    assert re.search(case.said, str(error))
    assert str(error).startswith("127.0.0.1:") or "redirect" in case.name
    assert str(error).isprintable()
    assert len(str(error)) < 500
    assert complaints == []
    assert seconds < 10


def test_bomb_in_memory():
    """A bomb costs the limit and a piece or two, not what it would unfold to."""
    for coding in ("gzip", "deflate", "br", "zstd"):
        data = bomb(coding)
        tracemalloc.start()
        body = Body("host.example", coding, max_wire=10_000_000, max_body=LIMIT)
        with pytest.raises(TooLarge):
            body.feed(data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * LIMIT + len(data)


@pytest.mark.parametrize("start", [OK + b"\r\n", CHUNKED + b"5;", b"HTTP/1.1 102 Wait\r\n\r\n", OK + b"A: "])
def test_flood_in_memory(serve, fetcher, start):
    """However much a server sends, little of it is held at a time."""
    again = start if start.startswith(b"HTTP/1.1 102") else b"x" * 65_536
    case = Case("flood", forever(start, again), FetchError, "", {"timeout": timedelta(seconds=0.5)})
    tracemalloc.start()
    attempt(fetcher, serve, case)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * LIMIT


def test_certificate_is_verified(serve, fetcher):
    """A certificate that nobody vouches for ends the poll, and there is no setting to look away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))

    async def run():
        async with serve(OK + b"\r\n", tls=context) as server, fetcher() as door:
            with pytest.raises(FetchError, match=r"TLS certificate is not valid: .*self.signed"):
                await door.get(server.url.replace("http", "https"), allow_private=True)
            return server.requests

    assert asyncio.run(run()) == []


STARTS = (
    b"",
    b"HTTP/1.1 ",
    OK,
    OK + b"\r\n",
    CHUNKED,
    OK + b"Content-Encoding: br\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: ",
)


@given(st.sampled_from(STARTS), st.binary(max_size=200), st.sampled_from((b"", b"\r\n\r\n")))
@settings(max_examples=120, deadline=None)
def test_any_bytes(serve, fetcher, start, middle, end):
    """Whatever bytes come, the poll ends in an answer or in an error of ours."""

    async def run():
        async with serve(start + middle + end) as server, fetcher(max_redirects=1) as door:
            try:
                answer = await door.get(server.url, allow_private=True)
            except FetchError as error:
                return str(error)
            return "".join((answer.url, *answer.headers, *answer.headers.values()))

    assert asyncio.run(run()).encode()  # no lone surrogates either: it can be stored


@given(
    st.text(max_size=60)
    | st.from_regex(r"(https?:)?[/\\\\]{0,3}[a-z0-9.:@%\[\]_-]{0,20}(/.{0,9})?", fullmatch=True)
)
@settings(max_examples=120, deadline=None)
def test_any_location(serve, fetcher, names, location):
    """Wherever a redirect points, it is followed or refused in one line; a public source never gets in."""
    visited = []

    async def run():
        resolver = names(["127.0.0.1"])
        async with (
            serve(to(location.replace("\n", "").replace("\r", ""))) as server,
            fetcher(resolver=resolver) as door,
        ):
            url = server.url.replace("127.0.0.1", "public.example")
            try:
                await door.get(url, allow_private=True)
            except FetchError as error:
                visited.append(str(error))
            with pytest.raises(AddressRefused):
                await door.get(url)

    asyncio.run(run())
    assert all(line.isprintable() for line in visited)
