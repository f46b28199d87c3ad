"""Servers that lie, stall, flood and lead astray, and what a poll of each must end in."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

import brotli
from answers import FEED, redirect

from aggregator.errors import AddressRefused, BadStatus, FetchError, SourceError, TooLarge, TooSlow
from aggregator.fetch.decode import zstd

LIMIT = 1_000_000
LONG = {"timeout": timedelta(seconds=20), "first_byte_timeout": timedelta(seconds=20)}
SHORT = timedelta(seconds=0.25)


@dataclass(frozen=True)
class Case:
    """A server's behaviour and what a poll of it must end in; ``said`` is a pattern of the message."""

    name: str
    script: object
    error: type[SourceError]
    said: str
    limits: dict[str, object] = field(default_factory=dict)
    scheme: str = "http"


@cache
def bomb(coding: str) -> bytes:
    """Half a gigabyte of nothing, encoded."""
    nothing = bytes(1_000_000)
    if coding == "br":
        brotler = brotli.Compressor(quality=5)
        return b"".join(brotler.process(nothing) for _ in range(500)) + brotler.finish()
    if coding == "zstd":
        return zstd.compress(nothing) * 500
    coder = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    first, block = (coder.compress(nothing) + coder.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + block * 499


def coded(coding: str, make: Callable[[], bytes]) -> Callable:
    """An answer with this coding; its body is made when it is needed."""

    async def talk(_, writer):
        body = make()
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return talk


def forever(start: bytes, again: bytes, pause: float = 0) -> Callable:
    """Sends something, then something else again and again."""

    async def talk(_, writer):
        writer.write(start)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


def then_silence(start: bytes) -> Callable:
    """Sends something and says no more."""

    async def talk(reader, writer):
        writer.write(start)
        await reader.read()

    return talk


def reset(start: bytes) -> Callable:
    """Sends something and resets the connection."""

    async def talk(_, writer):
        writer.write(start)
        await writer.drain()
        await asyncio.sleep(0.02)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER: a RST, not a FIN
        writer.transport.abort()

    return talk


def to(location: str) -> bytes:
    """A redirect."""
    return redirect(302, location)


def endless_redirects(pause: float = 0) -> Callable:
    """Each answer leads to a new address."""
    count = 0

    async def talk(_, writer):
        nonlocal count
        count += 1
        await asyncio.sleep(pause)
        writer.write(to(f"/{count}"))

    return talk


def big_window() -> bytes:
    """Zstandard that asks its reader for 128 MB of memory."""
    options = {zstd.CompressionParameter.window_log: 27}
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(FEED * 1000) + packer.flush()


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HALF = len(gzip.compress(FEED)) // 2

CASES = [
    # more than anybody wants
    Case("gzip bomb", coded("gzip", lambda: bomb("gzip")), TooLarge, "larger than 1,000,000 bytes"),
    Case("deflate bomb", coded("deflate", lambda: bomb("deflate")), TooLarge, "larger than 1,000,000"),
    Case("brotli bomb", coded("br", lambda: bomb("br")), TooLarge, "larger than 1,000,000 bytes"),
    Case("zstd bomb", coded("zstd", lambda: bomb("zstd")), TooLarge, "larger than 1,000,000 bytes"),
    Case("bomb in a bomb", coded("gzip, gzip", lambda: gzip.compress(bomb("gzip"))), FetchError, "not asked"),
    Case("many gzip members", coded("gzip", lambda: gzip.compress(b"") * 5000), FetchError, "1000 gzip memb"),
    Case(
        "many zstd frames", coded("zstd", lambda: zstd.compress(b"") * 5000), FetchError, "1000 zstd frames"
    ),
    Case("zstd window of 128 MB", coded("zstd", big_window), FetchError, "no valid zstd"),
    Case("endless body", forever(OK + b"\r\n", b"x" * 50_000), TooLarge, "larger than 1,000,000 bytes"),
    Case("endless chunks", forever(CHUNKED, b"9c40\r\n" + b"x" * 40_000 + b"\r\n"), TooLarge, "larger than"),
    Case("endless tiny chunks", forever(CHUNKED, b"1\r\nx\r\n" * 9000), TooLarge, "larger than"),
    Case(
        "endless gzip",
        forever(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(FEED)[:10], b"\0\0\0\xff\xff" * 9000),
        TooLarge,
        "larger than",
    ),
    Case(
        "length of a terabyte",
        then_silence(OK + b"Content-Length: 1000000000000\r\n\r\n"),
        TooLarge,
        "larger",
    ),
    Case(
        "length of 30 digits", OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", FetchError, "no valid HTTP"
    ),
    Case("huge field", OK + b"X-Big: " + b"x" * 100_000 + b"\r\n\r\n", FetchError, "no valid HTTP"),
    Case("endless field", forever(OK + b"X-Big: ", b"x" * 10_000), FetchError, "no valid HTTP"),
    Case("many fields", OK + b"X: y\r\n" * 5000 + b"\r\n", FetchError, "no valid HTTP"),
    Case("endless fields", forever(OK, b"X: y\r\n" * 1000), FetchError, "no valid HTTP"),
    Case("huge status line", b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n", FetchError, "no valid HTTP"),
    Case("endless chunk size", forever(CHUNKED, b"0" * 10_000), TooSlow, "not done", {"timeout": SHORT}),
    Case(
        "endless chunk extension",
        forever(CHUNKED + b"5;", b"x" * 10_000),
        TooSlow,
        "not done",
        {"timeout": SHORT},
    ),
    Case(
        "endless trailers",
        forever(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000),
        FetchError,
        "no valid HTTP|incomplete or broken",
    ),
    Case("endless body of an error", forever(b"HTTP/1.1 404 No\r\n\r\n", b"x" * 50_000), BadStatus, "404 No"),
    # slower than anybody waits
    Case("silence", then_silence(b""), TooSlow, "no head of an answer", {"first_byte_timeout": SHORT}),
    Case(
        "dripping head",
        forever(OK, b"A: b\r\n", 0.05),
        TooSlow,
        "no head of an answer",
        {"first_byte_timeout": SHORT},
    ),
    Case(
        "dripping head, bytewise", forever(OK + b"A: ", b"b", 0.05), TooSlow, "not done", {"timeout": SHORT}
    ),
    Case("dripping body", forever(OK + b"\r\n", b"x", 0.01), TooSlow, "not done", {"timeout": SHORT}),
    Case("dripping chunks", forever(CHUNKED, b"1\r\nx\r\n", 0.01), TooSlow, "not done", {"timeout": SHORT}),
    Case(
        "silence in the body",
        then_silence(OK + b"Content-Length: 5\r\n\r\nab"),
        TooSlow,
        "not done",
        {"timeout": SHORT},
    ),
    Case(
        "endless 100 Continue",
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
        TooSlow,
        "not done",
        {"timeout": SHORT},
    ),
    Case(
        "endless 103, slowly",
        forever(b"", b"HTTP/1.1 103 Early\r\n\r\n", 0.02),
        TooSlow,
        "no head of an answer",
        {"first_byte_timeout": SHORT},
    ),
    Case("redirects that dawdle", endless_redirects(0.1), TooSlow, "not done", {"timeout": SHORT}),
    Case(
        "no TLS handshake",
        then_silence(b""),
        TooSlow,
        "no connection stood",
        {"connect_timeout": SHORT},
        "https",
    ),
    # less than was promised
    Case("closed at once", b"", FetchError, "closed the connection without an answer"),
    Case("reset at once", reset(b""), FetchError, "connection"),
    Case("closed in the head", OK + b"Content-Le", FetchError, "closed the connection"),
    Case(
        "reset in the body", reset(OK + b"Content-Length: 999\r\n\r\nabc"), FetchError, "incomplete or broken"
    ),
    Case("short body", OK + b"Content-Length: 500\r\n\r\n" + FEED, FetchError, "incomplete or broken"),
    Case("chunks cut off", CHUNKED + b"5\r\nabcde\r\n", FetchError, "incomplete or broken"),
    Case("chunk cut off", CHUNKED + b"ff\r\nabcde", FetchError, "incomplete or broken"),
    Case("gzip cut off", coded("gzip", lambda: gzip.compress(FEED)[:HALF]), FetchError, "cut off: its gzip"),
    Case(
        "gzip without its last byte", coded("gzip", lambda: gzip.compress(FEED)[:-1]), FetchError, "cut off"
    ),
    Case(
        "second gzip member cut off",
        coded("gzip", lambda: gzip.compress(FEED) + gzip.compress(FEED)[:HALF]),
        FetchError,
        "cut off",
    ),
    Case("deflate cut off", coded("deflate", lambda: zlib.compress(FEED)[:HALF]), FetchError, "cut off"),
    Case("brotli cut off", coded("br", lambda: brotli.compress(FEED)[:HALF]), FetchError, "cut off: its br"),
    Case("zstd cut off", coded("zstd", lambda: zstd.compress(FEED)[:HALF]), FetchError, "cut off: its zstd"),
    Case("gzip of nothing at all", coded("gzip", lambda: b""), FetchError, "cut off"),
    # not what was said
    Case("no gzip", coded("gzip", lambda: FEED), FetchError, "no valid gzip"),
    Case("no deflate", coded("deflate", lambda: FEED), FetchError, "no valid deflate"),
    Case("no brotli", coded("br", lambda: FEED), FetchError, "no valid br"),
    Case("no zstd", coded("zstd", lambda: FEED), FetchError, "no valid zstd"),
    Case(
        "gzip with a wrong checksum",
        coded("gzip", lambda: gzip.compress(FEED)[:-8] + bytes(8)),
        FetchError,
        "no valid gzip",
    ),
    Case(
        "unknown coding", coded("compress", lambda: FEED), FetchError, "'compress', which was not asked for"
    ),
    Case("coding of control letters", coded("gz\x1b[2Jip", lambda: FEED), FetchError, ""),
    Case("garbage", b"\x00\x01\x02\xff" * 100 + b"\r\n\r\n", FetchError, "no valid HTTP"),
    Case("page without a head", b"<html><body>Hello</body></html>", FetchError, "no valid HTTP"),
    Case("SSH", b"SSH-2.0-OpenSSH_9.9\r\n", FetchError, "no valid HTTP"),
    Case("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), FetchError, "no valid HTTP"),
    Case("status of five digits", b"HTTP/1.1 20000 OK\r\n\r\n", FetchError, "no valid HTTP"),
    Case("no status", b"HTTP/1.1 \r\n\r\n", FetchError, "no valid HTTP"),
    Case("reason that steers a terminal", b"HTTP/1.1 500 \x1b[31mRed\r\n\r\n", FetchError, ""),
    Case("negative length", OK + b"Content-Length: -5\r\n\r\n", FetchError, "no valid HTTP"),
    Case(
        "two lengths",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        FetchError,
        "no valid HTTP",
    ),
    Case(
        "length and chunks",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        FetchError,
        "no valid HTTP",
    ),
    Case(
        "chunk size that is none", CHUNKED + b"xyz\r\nabc", FetchError, "no valid HTTP|incomplete or broken"
    ),
    Case("NUL in a field", OK + b"X: a\0b\r\n\r\n", FetchError, "no valid HTTP"),
    Case(
        "other protocol",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        BadStatus,
        "101",
    ),
    Case("no TLS", b"HTTP/1.1 400 Bad Request\r\n\r\n", FetchError, "no TLS connection", {}, "https"),
    # somewhere else
    Case("redirect to itself", to("/feed.xml"), FetchError, "redirects in a circle"),
    Case("redirect to itself, with a mark", to("#again"), FetchError, "redirects in a circle"),
    Case("endless redirects", endless_redirects(), FetchError, "more than 5 redirects"),
    Case("redirect to nowhere", b"HTTP/1.1 301 Moved\r\n\r\n", FetchError, "did not say where to go"),
    Case("redirect to a file", to("file:///etc/passwd"), AddressRefused, "'file:///etc/passwd'"),
    Case("redirect to FTP", to("ftp://127.0.0.1/x"), AddressRefused, "no http or https address"),
    Case("redirect to a script", to("javascript:alert(1)"), AddressRefused, "no http or https address"),
    Case("redirect to data", to("data:text/xml,<rss/>"), AddressRefused, "no http or https address"),
    Case("redirect to gopher", to("gopher://127.0.0.1:25/x"), AddressRefused, "no http or https address"),
    Case("redirect with a login", to("http://admin:admin@127.0.0.1/"), AddressRefused, "name or password"),
    Case("redirect to a broken address", to("http://[::1/"), FetchError, "redirected to what is no address"),
    Case("redirect to no host", to("http:///feed.xml"), FetchError, "redirects in a circle"),
    Case(
        "redirect to the metadata service", to("http://169.254.169.254/latest/"), AddressRefused, "metadata"
    ),
    Case("redirect to all interfaces", to("http://0.0.0.0/"), AddressRefused, "may reach this machine"),
    Case("redirect to multicast", to("http://224.0.0.1/"), AddressRefused, "multicast"),
    Case("redirect to 2130706433", to("http://2130706433/"), FetchError, "2130706433"),
    Case(
        "redirect of bytes",
        b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe/\r\n\r\n",
        FetchError,
        "redirected to",
    ),
]
