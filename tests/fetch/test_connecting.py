"""Addresses that are none, names that lead nowhere, and nobody who listens."""

import asyncio
import socket
from datetime import timedelta

import pytest
from answers import FEED, ok

from aggregator.errors import AddressRefused, FetchError, TooSlow


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "file:///etc/passwd", "javascript:alert(1)", "feed.xml", "", "//x"]
)
def test_schemes(fetcher, url):
    """Only http and https are polled."""

    async def run():
        async with fetcher() as door:
            await door.get(url, allow_private=True)

    with pytest.raises(AddressRefused, match="is no http or https address"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/",
        "http://host:99999/",
        "http://" + "a" * 70 + ".example/",
        "http://a..b/",
        "http://xn--/",
    ],
)
def test_broken_addresses(fetcher, url):
    """An address that cannot be one is a plain error."""

    async def run():
        async with fetcher() as door:
            await door.get(url)

    with pytest.raises(FetchError) as caught:
        asyncio.run(run())
    assert "\n" not in str(caught.value)


def _unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_refused_connection(fetcher):
    """Nobody listening is one line with host, port and cause."""
    port = _unused_port()

    async def run():
        async with fetcher() as door:
            await door.get(f"http://127.0.0.1:{port}/", allow_private=True)

    with pytest.raises(FetchError, match=rf"^127\.0\.0\.1:{port}: no connection: connection refused$"):
        asyncio.run(run())


class _NoNames:
    async def resolve(self, host, port=0, family=0):
        raise socket.gaierror(-2, "Name or service not known")

    async def close(self):
        pass


def test_unknown_name(fetcher):
    """A name without an address is said to be one."""

    async def run():
        async with fetcher(resolver=_NoNames()) as door:
            await door.get("https://nowhere.example/feed")

    with pytest.raises(
        FetchError, match=r"^nowhere\.example: no address is known .*Name or service not known"
    ):
        asyncio.run(run())


class _SlowNames(_NoNames):
    async def resolve(self, host, port=0, family=0):
        await asyncio.sleep(60)


def test_slow_name_server(fetcher):
    """Looking up the name counts as connecting."""

    async def run():
        async with fetcher(resolver=_SlowNames(), connect_timeout=timedelta(seconds=0.05)) as door:
            await door.get("https://slow.example/feed")

    with pytest.raises(
        TooSlow, match=r"^slow\.example: no connection stood within 0\.05 s.*fetch.connect_timeout"
    ):
        asyncio.run(run())


def test_system_resolver(serve, fetcher):
    """Without a seam the system's own names are used: localhost is this machine."""

    async def run():
        async with serve(ok()) as server, fetcher() as door:
            url = server.url.replace("127.0.0.1", "localhost")
            answer = await door.get(url, allow_private=True)
            with pytest.raises(AddressRefused, match="is this machine"):
                await door.get(url)
            return answer

    assert asyncio.run(run()).body == FEED
