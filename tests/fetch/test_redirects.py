"""Where redirects lead, what goes along, and when a feed has moved."""

import asyncio
import ssl
from pathlib import Path

import pytest
from answers import FEED, PLAIN, ok, poll, redirect

from aggregator.errors import FetchError


@pytest.mark.parametrize(
    ("statuses", "permanent"),
    [
        ([301], True),
        ([308], True),
        ([301, 308], True),
        ([302], False),
        ([303], False),
        ([307], False),
        ([301, 302], False),
        ([302, 301], False),
    ],
)
def test_redirects(serve, fetcher, statuses, permanent):
    """Redirects are followed; only a chain of nothing but 301 and 308 says that the feed has moved."""
    chain = [redirect(status, f"/hop{number}?a=b#part") for number, status in enumerate(statuses)]
    answer, server = poll(fetcher, serve, *chain, ok(), etag='"1"')
    final = server.url.replace("feed.xml", f"hop{len(statuses) - 1}?a=b")
    assert (answer.url, answer.moved_to) == (final, final if permanent else None)
    assert answer.body == FEED
    assert [server.fields(number)["if-none-match"] for number in range(len(statuses) + 1)] == ['"1"'] * (
        len(statuses) + 1
    )


def test_redirect_to_another_host(serve, fetcher, names):
    """A redirect may lead to another host and port; no Referer, cookie or login goes along."""

    async def run():
        async with serve(ok()) as second:
            away = f"http://second.example:{second.port}/new"
            async with serve(redirect(301, away)) as first, fetcher(resolver=names(["127.0.0.1"])) as door:
                start = f"http://name:secret@first.example:{first.port}/feed.xml"
                return await door.get(start, allow_private=True), first, second, away

    answer, first, second, away = asyncio.run(run())
    assert first.fields()["authorization"].startswith("Basic ")
    assert set(second.fields()) == PLAIN
    assert answer.url == away
    assert answer.moved_to is None  # the login would be lost on the way


@pytest.fixture
def trusted(monkeypatch):
    """A server's side of TLS, with a certificate that the client trusts in this test."""
    certificate = Path(__file__).with_name("self_signed.pem")
    monkeypatch.setattr(
        "aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=certificate)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_redirect_out_of_tls(serve, fetcher, trusted):
    """A permanent redirect from https to http is followed and not believed; the other way round it is."""

    async def run():
        async with fetcher() as door, serve(ok()) as plain, serve(ok(), tls=trusted) as safe:
            to_safe = redirect(301, safe.url.replace("http", "https"))
            async with serve(redirect(301, plain.url), tls=trusted) as down, serve(to_safe) as up:
                downwards = await door.get(down.url.replace("http", "https"), allow_private=True)
                return plain.url, downwards, await door.get(up.url, allow_private=True)

    plain_url, downwards, upwards = asyncio.run(run())
    assert (downwards.body, downwards.url, downwards.moved_to) == (FEED, plain_url, None)
    assert (upwards.body, upwards.moved_to) == (FEED, upwards.url)
    assert upwards.url.startswith("https://")


def test_no_cookies(serve, fetcher, names):
    """A cookie is not kept, neither for the next hop nor for the next poll."""

    async def run():
        cookie = b"HTTP/1.1 302 Found\r\nSet-Cookie: id=1\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
        async with serve(cookie, ok()) as server, fetcher(resolver=names(["127.0.0.1"])) as door:
            for _ in range(2):
                await door.get(f"http://news.example:{server.port}/", allow_private=True)
            return [set(server.fields(number)) for number in range(3)]

    assert asyncio.run(run()) == [PLAIN] * 3


def test_max_redirects(serve, fetcher):
    """So many redirects are followed and no more, and each is one request."""
    chain = [redirect(302, f"/{number}") for number in range(4)]
    answer, server = poll(fetcher, serve, *chain[:3], ok(), limits={"max_redirects": 3})
    assert (answer.status, len(server.requests)) == (200, 4)
    with pytest.raises(FetchError, match="more than 3 redirects"):
        poll(fetcher, serve, *chain, ok(), limits={"max_redirects": 3})
    with pytest.raises(FetchError, match="more than 0 redirects"):
        poll(fetcher, serve, chain[0], ok(), limits={"max_redirects": 0})
