"""The server: where it listens, whom it answers, and what every answer carries."""

import asyncio
import io
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from aggregator.errors import ServeError, StoreError
from aggregator.serve.site import _bound, listening
from aggregator.settings import Serve

HERE = Serve(port=0)


ROUTES = APIRouter()


@ROUTES.get("/hello")
async def hello() -> Response:
    return PlainTextResponse("hello\n")


@ROUTES.get("/kept")
async def own_caching() -> Response:
    return PlainTextResponse("kept\n", headers={"Cache-Control": "max-age=60"})


@ROUTES.post("/echo")
async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@ROUTES.get("/broken")
def broken() -> Response:
    raise RuntimeError("a secret of ours")


@ROUTES.get("/away")
def away() -> Response:
    raise StoreError("var/a.db: gone", hint="bring it back")


def visit(look: Callable[[aiohttp.ClientSession, str], Awaitable[Any]]) -> Any:
    """What a visitor finds, who is given the address of a running server."""

    async def go() -> Any:
        async with listening(HERE, [ROUTES]) as (address,), aiohttp.ClientSession() as session:
            return await look(session, address)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/hello", "/kept", "/missing", "/broken", "/away"])
def test_every_answer_is_strict(path):
    """Pages, and errors too, allow a browser nothing; what a handler has said about caching stays."""

    async def look(session: aiohttp.ClientSession, address: str) -> Any:
        async with session.get(address + path) as answer:
            return answer.headers

    headers = visit(look)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == ("max-age=60" if path == "/kept" else "no-store")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8640", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8640", 200),
        ("rebound.example", 421),
        ("127.0.0.1.rebound.example", 421),
        ("192.168.0.1", 421),
        ("[", 421),
    ],
)
def test_on_loopback_only_loopback_is_answered(host, status):
    """A web page whose name was made to lead to 127.0.0.1 reads nothing."""

    async def look(session: aiohttp.ClientSession, address: str) -> Any:
        async with session.get(f"{address}/hello", headers={"Host": host}) as answer:
            return answer.status

    assert visit(look) == status


@pytest.mark.parametrize(("host", "status"), [("stories.example.org", 200), ("stories.example.net", 421)])
def test_the_public_address_is_answered_too(host, status):
    """Where a web server in front passes on the name it was asked for."""

    async def go() -> int:
        settings = Serve(port=0, public_url="https://stories.example.org")
        async with (
            listening(settings, [ROUTES]) as (address,),
            aiohttp.ClientSession() as session,
            session.get(f"{address}/hello", headers={"Host": host}) as answer,
        ):
            return answer.status

    assert asyncio.run(go()) == status


@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/away", 503)])
def test_a_fault_ends_one_answer_and_tells_nothing(path, status):
    """The next one is answered; what went wrong stands in the log."""

    async def look(session: aiohttp.ClientSession, address: str) -> Any:
        found = []
        for each in (path, "/hello"):
            async with session.get(address + each) as answer:
                found.append((answer.status, await answer.text()))
        return found

    first, second = visit(look)
    assert first[0] == status
    assert "secret" not in first[1]
    assert "gone" not in first[1]
    assert second == (200, "hello\n")


def test_a_large_body_is_refused():
    """A request is bounded; a smaller one is read."""

    async def look(session: aiohttp.ClientSession, address: str) -> Any:
        found = []
        for size in (1000, 2**20 + 1):
            async with session.post(f"{address}/echo", data=io.BytesIO(b"x" * size)) as answer:
                found.append(answer.status)
        return found

    assert visit(look) == [200, 413]


def test_a_taken_port_is_said():
    """With the address, the cause and the two remedies."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        async def go() -> None:
            async with listening(Serve(port=port), [ROUTES]):
                pytest.fail("it listened")

        with pytest.raises(ServeError, match=f"127.0.0.1, port {port}: .*in use") as caught:
            asyncio.run(go())
    assert "serve.port" in str(caught.value)
    assert "serve.enabled" in str(caught.value)


def test_an_address_of_another_machine_is_said():
    """What this machine does not have it cannot listen on."""

    async def go() -> None:
        async with listening(Serve(host="203.0.113.7", port=0), [ROUTES]):
            pytest.fail("it listened")

    with pytest.raises(ServeError, match=r"203\.0\.113\.7") as caught:
        asyncio.run(go())
    assert "set serve.host to an address of this machine" in str(caught.value)
    assert "serve.port" not in str(caught.value), "another port would not help"


def test_an_answer_is_sent_at_once():
    """Not held back until the client has the head: connections have this from the listener."""
    (listener,) = asyncio.run(_bound(Serve(port=0)))
    with listener, socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
