"""Bodies in the codings of the web, decoded piece by piece under limits."""

import contextlib
import gzip
import zlib

import brotli
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aggregator.errors import FetchError, TooLarge
from aggregator.fetch.decode import Body, zstd

PACK = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
TEXT = st.binary(max_size=300) | st.builds(
    bytes.__mul__, st.binary(min_size=1, max_size=9), st.integers(0, 90_000)
)


def unpack(coding, pieces, limit=10**7):
    """The body that these pieces make."""
    body = Body("host.example", coding, max_wire=limit, max_body=limit)
    for piece in pieces:
        body.feed(piece)
    return body.finish()


@given(st.sampled_from(list(PACK)), TEXT, st.integers(1, 5000))
@settings(max_examples=200, deadline=None)
def test_split_anywhere(coding, data, size):
    """However the bytes are cut on their way, the body is the same."""
    assume(coding or not data or not b"\x1f\x8b\x08".startswith(data))  # that is gzip, cut off
    packed = PACK[coding](data)
    assert unpack(coding, [packed[i : i + size] for i in range(0, len(packed), size)]) == data


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), TEXT, st.data())
@settings(max_examples=200, deadline=None)
def test_cut_off_anywhere(coding, data, draw):
    """A body that stops before its end is an error, wherever it stops."""
    packed = PACK[coding](data)
    kept = draw.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(FetchError, match="cut off"):
        unpack(coding, [packed[:kept]] if kept else [])


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(min_size=1, max_size=500))
@settings(max_examples=300, deadline=None)
def test_any_bytes(coding, data):
    """Bytes of any kind are a body or an error of ours."""
    with contextlib.suppress(FetchError):
        unpack(coding, [data], limit=100_000)


@given(st.sampled_from(list(PACK)), st.integers(1, 300_000), st.integers(1, 300_000))
@settings(max_examples=200, deadline=None)
def test_limit_is_exact(coding, size, limit):
    """A body is refused when it has one byte more than the limit, and not before."""
    body = Body("host.example", coding, max_wire=10**7, max_body=limit)
    packed = PACK[coding](bytes(size))
    if size > limit:
        with pytest.raises(TooLarge, match=r"fetch\.max_body_bytes"):
            body.feed(packed)
    else:
        body.feed(packed)
        assert body.finish() == bytes(size)


@pytest.mark.parametrize("coding", ["gzip, br", "gzip,gzip", "compress", "br;q=1", "aws-chunked", "gzip\x00"])
def test_codings_not_asked_for(coding):
    """A coding that was not asked for, or two on top of each other, is refused before a byte is read."""
    with pytest.raises(FetchError, match="which was not asked for"):
        Body("host.example", coding, max_wire=1, max_body=1)


@pytest.mark.parametrize("tail", [b"\n", b"\0" * 512, b"<!-- cached -->"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_bytes_after_the_end(coding, tail):
    """What servers append after a whole gzip or deflate body is ignored, as browsers do."""
    assert unpack(coding, [PACK[coding](b"feed") + tail]) == b"feed"
    assert unpack(coding, [PACK[coding](b"feed"), tail]) == b"feed"


def test_deflate_in_single_bytes():
    """Deflate with and without its zlib head is told apart by the first byte alone."""
    coder = zlib.compressobj(wbits=-15)
    raw = coder.compress(b"feed" * 99) + coder.flush()
    for packed in (raw, zlib.compress(b"feed" * 99)):
        assert unpack("deflate", [bytes([byte]) for byte in packed]) == b"feed" * 99


@given(TEXT, st.integers(1, 5000))
@settings(max_examples=100, deadline=None)
def test_gzip_that_nobody_said(data, size):
    """Is told by how it begins, wherever it is cut, and is under the same limit."""
    packed = gzip.compress(data)
    pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert unpack("", pieces) == data
    if data:
        with pytest.raises(TooLarge, match=r"fetch\.max_"):
            unpack("", pieces, limit=len(data) - 1)
    with pytest.raises(FetchError, match="cut off: its gzip data has no end"):
        unpack("", [packed[:-1]])
