"""A poll over HTTP, against a real server on this machine."""

import asyncio
import gzip
import ssl
import zlib
from datetime import timedelta
from pathlib import Path

import brotli
import pytest

from aggregator.errors import AddressRefused, BadStatus, FetchError, TooLarge, TooSlow
from aggregator.intake.decode import zstd
from aggregator.intake.turns import Turns

FEED = b"<rss version='2.0'><channel><title>Harbour news</title></channel></rss>"


PLAIN = {"host", "connection", "user-agent", "accept", "accept-encoding"}


def ok(body=FEED, *fields, status="200 OK"):
    """A well-made answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def redirect(status, location):
    """An answer that sends elsewhere."""
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def poll(fetcher, serve, *scripts, limits=None, **how):
    """What one poll of a server with these scripts gives, and the server."""

    async def run():
        async with serve(*scripts) as server, fetcher(**(limits or {})) as door:
            return await door.get(server.url, **{"allow_private": True} | how), server

    return asyncio.run(run())


def test_plain_answer(serve, fetcher):
    """A 200 comes back whole: body, validators as sent, fields in lower case, sizes and time."""
    script = ok(
        FEED, 'ETag: W/"x-1"', "Last-Modified: Tue, 03 Nov 2026 10:00:00 GMT", "Content-Type: text/xml"
    )
    answer, server = poll(fetcher, serve, script)
    assert (answer.status, answer.body, answer.url, answer.moved_to) == (200, FEED, server.url, None)
    assert (answer.etag, answer.last_modified) == ('W/"x-1"', "Tue, 03 Nov 2026 10:00:00 GMT")
    assert (answer.content_type, answer.headers["content-length"]) == ("text/xml", str(len(FEED)))
    assert answer.wire_bytes == len(FEED)
    assert 0 < answer.seconds < 0.8


def test_what_is_sent(serve, fetcher):
    """A first poll says who asks and what it can read, and carries nothing that could follow a reader."""
    contact = {"contact": "https://example.org/bot"}
    _, server = poll(fetcher, serve, ok(FEED, "Set-Cookie: id=1"), limits=contact)
    fields = server.fields()
    assert fields["user-agent"] == "story-aggregator/1.2.3 (+https://example.org/bot)"
    assert fields["accept"].startswith("application/atom+xml")
    assert fields["accept-encoding"] == "gzip, deflate, br, zstd"
    assert set(fields) == PLAIN
    assert server.requests[0].startswith("GET /feed.xml HTTP/1.1\r\n")


def test_no_contact(serve, fetcher):
    """Without a contact the User-Agent names program and version only."""
    _, server = poll(fetcher, serve, ok())
    assert server.fields()["user-agent"] == "story-aggregator/1.2.3"


@pytest.mark.parametrize(
    ("etag", "last_modified"),
    [
        ('W/"a b"', None),
        ("unquoted", "yesterday, more or less"),
        (None, "Tue, 03 Nov 2026 10:00:00 GMT"),
        ('"caf\u00e9"', None),
        ('""', None),
    ],
)
def test_validators_go_back_as_they_came(serve, fetcher, etag, last_modified):
    """Validators are sent byte for byte, with A-IM, and a 304 is an answer without a body."""
    script = ok(b"", 'ETag: "new"', status="304 Not Modified")
    answer, server = poll(fetcher, serve, script, etag=etag, last_modified=last_modified)
    fields = server.fields()
    assert (fields.get("if-none-match"), fields.get("if-modified-since")) == (etag, last_modified)
    assert fields["a-im"] == "feed"
    assert (answer.status, answer.body, answer.etag) == (304, b"", '"new"')


def test_304_with_a_length(serve, fetcher):
    """A 304 may name the length of the body that it does not send."""
    script = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"
    assert poll(fetcher, serve, script, etag='"1"')[0].status == 304


def test_304_unasked(serve, fetcher):
    """A 304 to a request without a validator says nothing, and is an error."""
    with pytest.raises(FetchError, match="304 Not Modified to a request that asked for all"):
        poll(fetcher, serve, ok(b"", status="304 Not Modified"))


def test_226(serve, fetcher):
    """226 IM Used is an answer like 200."""
    answer, _ = poll(fetcher, serve, ok(FEED, "IM: feed", status="226 IM Used"), etag='"1"')
    assert (answer.status, answer.body) == (226, FEED)


@pytest.mark.parametrize("odd", [b'"caf\xe9"', b'"a\x7fb"'])
def test_validator_that_cannot_be_kept(serve, fetcher, odd):
    """A validator that could not be stored and sent back as the same bytes is none."""
    answer, _ = poll(fetcher, serve, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: " + odd + b"\r\n\r\n")
    assert answer.etag is None
    answer.headers["etag"].encode()


def _deflate(data, bits):
    coder = zlib.compressobj(wbits=bits)
    return coder.compress(data) + coder.flush()


LONG = FEED * 5000  # 365 kB: several pieces
CODED = [
    ("gzip", gzip.compress(FEED, mtime=0)),
    ("gzip", gzip.compress(LONG, mtime=0)),
    ("x-gzip", gzip.compress(FEED, mtime=0)),
    ("GZip", gzip.compress(FEED, mtime=0)),
    ("identity, gzip", gzip.compress(FEED, mtime=0)),
    ("gzip", gzip.compress(LONG[:100_000], mtime=0) + gzip.compress(LONG[100_000:], mtime=0)),
    ("gzip", gzip.compress(FEED, mtime=0) + b"\r\n"),
    ("deflate", _deflate(LONG, zlib.MAX_WBITS)),
    ("deflate", _deflate(LONG, -zlib.MAX_WBITS)),
    ("br", brotli.compress(FEED)),
    ("br", brotli.compress(LONG)),
    ("zstd", zstd.compress(FEED)),
    ("zstd", zstd.compress(LONG)),
    ("zstd", zstd.compress(LONG[:100_000]) + zstd.compress(LONG[100_000:])),
    ("identity", FEED),
    ("", FEED),
]


@pytest.mark.parametrize(("coding", "sent"), CODED)
def test_codings(serve, fetcher, coding, sent):
    """Each coding that is asked for is decoded, whole bodies and pieces alike."""

    async def in_pieces(_, writer):
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(sent)}\r\n\r\n".encode()
        )
        for start in range(0, len(sent), max(1, len(sent) // 5)):
            writer.write(sent[start : start + max(1, len(sent) // 5)])
            await writer.drain()
            await asyncio.sleep(0)

    for script in (ok(sent, f"Content-Encoding: {coding}"), in_pieces):
        answer, _ = poll(fetcher, serve, script)
        assert answer.body in (FEED, LONG)
        assert answer.wire_bytes == len(sent)


def test_limits_are_inclusive(serve, fetcher):
    """A body of exactly the limit is read; one byte more is not."""
    limits = {"max_body_bytes": len(LONG), "max_wire_bytes": len(LONG)}
    assert poll(fetcher, serve, ok(LONG), limits=limits)[0].body == LONG
    with pytest.raises(TooLarge, match=r"larger than 354,999 bytes.*fetch\.max_wire_bytes"):
        poll(fetcher, serve, ok(LONG), limits=limits | {"max_wire_bytes": len(LONG) - 1})
    with pytest.raises(TooLarge, match=r"larger than 354,999 bytes.*fetch\.max_body_bytes"):
        poll(
            fetcher,
            serve,
            ok(gzip.compress(LONG, mtime=0), "Content-Encoding: gzip"),
            limits={"max_body_bytes": len(LONG) - 1},
        )


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("204 No Content", None),
        ("206 Partial Content", None),
        ("401 Unauthorized", "login"),
        ("403 Forbidden", "refuses"),
        ("404 Not Found", "check the address"),
        ("410 Gone", "take the source out"),
        ("429 Too Many Requests", "every"),
        ("500 Internal Server Error", "tried again"),
        ("503 Service Unavailable", "tried again"),
        ("999 Request denied", "tried again"),
        ("300 Multiple Choices", None),
    ],
)
def test_bad_status(serve, fetcher, status, hint):
    """Every other status is an error: host, status, Retry-After as sent, and a remedy if one is known."""
    script = f"HTTP/1.1 {status}\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(BadStatus) as caught:
        poll(fetcher, serve, script)
    error = caught.value
    assert (error.status, error.retry_after) == (int(status[:3]), "120")
    assert f"the server answered {status}" in error.message
    assert error.message.startswith("127.0.0.1:")
    assert (error.hint is None) if hint is None else (hint in error.hint)


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
    import socket

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
        import socket

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


class Time:
    """A clock that moves when somebody sleeps on it."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_host_spacing(serve, fetcher):
    """Two requests to one host, a redirect too, are the pause apart; another host waits for nothing."""
    time = Time()
    turns = Turns(4, 2.5, clock=time.clock, sleep=time.sleep)

    async def run():
        async with serve(redirect(302, "/a"), ok()) as server, fetcher(turns=turns) as door:
            await door.get(server.url, allow_private=True)
            await door.get(server.url, allow_private=True)
            async with serve(ok(), host="127.0.0.2") as other:
                await door.get(other.url, allow_private=True)

    asyncio.run(run())
    assert time.slept == [2.5, 2.5]


def test_one_connection_a_host(serve, fetcher, names):
    """Requests to one host come one after the other, those to several at the same time, up to the bound."""
    active: dict[str, int] = {}
    peaks: dict[str, int] = {"all": 0}

    async def slow(server_name):
        active[server_name] = active.get(server_name, 0) + 1
        peaks[server_name] = max(peaks.get(server_name, 0), active[server_name])
        peaks["all"] = max(peaks["all"], sum(active.values()))
        await asyncio.sleep(0.01)
        active[server_name] -= 1

    def script(name):
        async def talk(_, writer):
            await slow(name)
            writer.write(ok())

        return talk

    async def run():
        async with (
            serve(script("a"), host="127.0.0.1") as a,
            serve(script("b"), host="127.0.0.2") as b,
            serve(script("c"), host="127.0.0.3") as c,
            fetcher(concurrency=2) as door,
        ):
            polls = [door.get(server.url, allow_private=True) for server in (a,) * 4 + (b,) * 4 + (c,) * 4]
            return await asyncio.gather(*polls)

    assert len(asyncio.run(run())) == 12
    assert peaks == {"all": 2, "a": 1, "b": 1, "c": 1}


def test_waiting_in_the_queue_is_no_fault_of_the_server(serve, fetcher):
    """The deadline counts the poll's own requests, not the wait for those of others."""

    async def slow(_, writer):
        await asyncio.sleep(0.2)
        writer.write(ok())

    async def run():
        limits = {"timeout": timedelta(seconds=0.3), "first_byte_timeout": timedelta(seconds=0.3)}
        async with serve(slow) as server, fetcher(**limits) as door:
            return await asyncio.gather(*(door.get(server.url, allow_private=True) for _ in range(4)))

    assert [answer.status for answer in asyncio.run(run())] == [200] * 4


def test_turns_forget_hosts():
    """Hosts that nobody waits for are not remembered for ever."""
    time = Time()
    turns = Turns(4, 1.0, clock=time.clock, sleep=time.sleep)

    async def run():
        for number in range(500):
            async with turns.take(f"host{number}.example"):
                time.now += 0.5

    asyncio.run(run())
    assert len(turns._hosts) < 5


def test_a_poll_that_is_cancelled_leaves_its_turn(serve, fetcher):
    """Shutting down in the middle of a poll keeps nobody else waiting."""

    async def run():
        asked = asyncio.Event()

        async def never(_, writer):
            asked.set()
            await asyncio.sleep(60)

        async with serve(never, ok()) as server, fetcher(concurrency=1) as door:
            stuck = asyncio.create_task(door.get(server.url, allow_private=True))
            await asked.wait()
            stuck.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stuck
            return await door.get(server.url, allow_private=True)

    assert asyncio.run(run()).status == 200
