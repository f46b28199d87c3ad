"""The body of an answer, decoded as it comes, under a limit.

Libraries decode a whole chunk at once, and one small chunk can hold half a gigabyte. Here every coding gives
pieces of about 64 KiB, and the limit is looked at after each one. What ends before its coding says it ends is
an error: a truncated feed would look like one with fewer entries.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli

from aggregator.display import short
from aggregator.errors import FetchError, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
"""The ``Accept-Encoding`` of our requests."""

_PIECE = 64 * 1024
_GZIP = b"\x1f\x8b\x08"  # no text in any charset begins so
_MEMBERS = 1000  # gzip members or zstd frames in one body; each costs a new decoder
_WINDOW_LOG = 23  # 8 MB, as RFC 9659 says for the web; libzstd would take 128 MB and more


class _Stream(Protocol):
    """One coding: bytes in, pieces out."""

    @property
    def ended(self) -> bool: ...

    def pieces(self, data: bytes) -> Iterator[bytes]: ...


class _Zlib:
    """Gzip (RFC 1952) and deflate (RFC 1950; without its head, too, since some servers send it so)."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._bits: int | None = 31 if gzip else None
        self._members = 0
        self._stream = zlib.decompressobj(31)
        self.ended = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._members == 0 or (self.ended and self._gzip and data.startswith(b"\x1f")):
                self._begin(data)
            if self.ended:
                return  # servers append line feeds and worse; browsers ignore it too
            piece = self._stream.decompress(data, _PIECE)
            self.ended = self._stream.eof
            data = self._stream.unused_data if self.ended else self._stream.unconsumed_tail
            yield piece
            if not data and len(piece) < _PIECE:
                return

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > _MEMBERS:
            raise zlib.error(f"more than {_MEMBERS} gzip members")
        if self._bits is None:
            self._bits = zlib.MAX_WBITS if data[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
        self._stream = zlib.decompressobj(self._bits)
        self.ended = False


class _Unsaid:
    """No coding that was said. Gzip is told by how it begins: many a server sends a file as it lies there."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._gzip: _Zlib | None = None

    @property
    def ended(self) -> bool:
        return self._gzip.ended if self._gzip else not self._head

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._head is not None:
            data = self._head + data
            if len(data) < len(_GZIP) and _GZIP.startswith(data):
                self._head = data
                return
            self._head = None
            self._gzip = _Zlib(gzip=True) if data.startswith(_GZIP) else None
        yield from self._gzip.pieces(data) if self._gzip else (data,)


class _Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.ended = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self.ended:
            piece = self._stream.process(data, output_buffer_limit=_PIECE)
            data = b""
            self.ended = self._stream.is_finished()
            yield piece
            if not piece:
                return


class _Zstd:
    """Zstandard (RFC 8878), any number of frames up to the limit."""

    def __init__(self) -> None:
        self.ended = False
        self._frames = 0
        self._begin()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self.ended and data:
                self._begin()
            yield self._stream.decompress(data, _PIECE)
            self.ended = self._stream.eof
            data = self._stream.unused_data if self.ended else b""
            if not data and (self.ended or self._stream.needs_input):
                return

    def _begin(self) -> None:
        self._frames += 1
        if self._frames > _MEMBERS:
            raise zstd.ZstdError(f"more than {_MEMBERS} zstd frames")
        limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        self._stream = zstd.ZstdDecompressor(options=limit)
        self.ended = False


_CODINGS: dict[str, Callable[[], _Stream]] = {
    "gzip": lambda: _Zlib(gzip=True),
    "x-gzip": lambda: _Zlib(gzip=True),
    "deflate": lambda: _Zlib(gzip=False),
    "br": _Brotli,
    "zstd": _Zstd,
}


class Body:
    """A body that is put together from what comes over the wire.

    Args:
        host: named in errors.
        coding: the ``Content-Encoding`` field; empty for none.
        max_wire: most bytes as they come.
        max_body: most bytes once decoded.

    Raises:
        FetchError: the coding is none that we asked for, or several on top of each other.
    """

    def __init__(self, host: str, coding: str, *, max_wire: int, max_body: int) -> None:
        names = [name for part in coding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
        if len(names) > 1 or not all(name in _CODINGS for name in names):
            raise FetchError(
                f"{host}: the body is encoded as {short(coding)}, which was not asked for",
                hint=f"the server has to obey Accept-Encoding: {ACCEPTED}",
            )
        self._host = host
        self._coding = names[0] if names else "gzip"  # where none was said only that can fail
        self._stream: _Stream = _CODINGS[names[0]]() if names else _Unsaid()
        self._max_wire = max_wire
        self._max_body = max_body
        self._body = bytearray()
        self.wire = 0

    def feed(self, data: bytes) -> None:
        """Takes what came next.

        Raises:
            TooLarge: a limit is passed; at most 64 KiB more than it were decoded.
            FetchError: the bytes are not of their coding.
        """
        self.wire += len(data)
        if self.wire > self._max_wire:
            raise too_large(self._host, self._max_wire, "fetch.max_wire_bytes")
        try:
            for piece in self._stream.pieces(data):
                self._body += piece
                if len(self._body) > self._max_body:
                    raise too_large(self._host, self._max_body, "fetch.max_body_bytes")
        except (zlib.error, brotli.error, zstd.ZstdError) as error:
            raise FetchError(f"{self._host}: the body is no valid {self._coding}: {error}") from error

    def finish(self) -> bytes:
        """The decoded body.

        Raises:
            FetchError: it ended in the middle.
        """
        if not self._stream.ended:
            raise FetchError(f"{self._host}: the body is cut off: its {self._coding} data has no end")
        return bytes(self._body)


def too_large(host: str, limit: int, setting: str) -> TooLarge:
    """The error for a body over a limit, which a setting gives."""
    return TooLarge(
        f"{host}: the body is larger than {limit:,} bytes",
        hint=f"if this feed is meant to be that large, raise {setting}",
    )
