"""A poll over HTTP, against a real server on this machine: what is asked, and what is made of the answer."""

import asyncio
import gzip
import zlib

import brotli
import pytest
from answers import FEED, PLAIN, ok, poll

from aggregator.errors import BadStatus, FetchError, TooLarge
from aggregator.fetch.decode import zstd


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
