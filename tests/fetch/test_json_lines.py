"""Lines of a long file in pieces: however they are cut and read, they are the lines."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch import json_lines
from aggregator.fetch.json_lines import halves, pieces

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30)


def by(size: int, body: bytes):
    """Reads no more than so many bytes at a time."""
    stream = io.BytesIO(body)
    return lambda wanted: stream.read(min(wanted, size))


@given(LINES, st.booleans(), st.integers(1, 50), st.integers(1, 5), st.integers(1, 12))
def test_the_lines_of_all_pieces_are_the_lines(lines, ended, size, most, longest):
    """In order, those too long empty and named; the next piece begins where one ends."""
    body = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "MOST_LINES", most)
        found = list(pieces(by(size, body), 0, longest))
    got = [line for piece in found for line in piece.body.split(b"\n")]
    expected = body.split(b"\n")[: -1 if body.endswith(b"\n") or not body else None]
    assert got == [line if len(line) <= longest else b"" for line in expected]
    numbers = [before + n for before, piece in starts(found) for n in piece.too_long]
    assert numbers == [n for n, line in enumerate(expected, 1) if len(line) > longest]
    assert all(piece.lines <= most for piece in found)
    for piece in found:
        rest = list(pieces(by(size, body[piece.end :]), piece.end, longest))
        assert [each.end for each in rest][-1:] == ([len(body)] if piece is not found[-1] else [])


def starts(found):
    """Each piece with the number of lines before it."""
    before = 0
    for piece in found:
        yield before, piece
        before += piece.lines


@given(LINES.filter(lambda lines: len(lines) > 1), st.integers(1, 12))
def test_halves_are_the_whole(lines, longest):
    """No line is lost between them, and the numbers are those of each half."""
    (piece,) = pieces(by(99, b"\n".join([*lines, b"x"])), 0, longest)
    one, other = halves(piece)
    assert one.body + b"\n" + other.body == piece.body
    assert (*one.too_long, *(one.lines + n for n in other.too_long)) == piece.too_long


def test_what_is_held_is_a_piece():
    """A line without an end, and a file without one: never more than a few blocks at once."""
    blocks = iter([b"x" * 200_000] * 200 + [b"\n{}"])
    (piece,) = pieces(lambda size: next(blocks, b""), 0, 1000)
    assert (piece.body, piece.lines, piece.too_long) == (b"\n{}", 2, (1,))
    long = (b'{"title": "x"}\n' * 20_000 for _ in range(50))
    sizes = [len(each.body) for each in pieces(lambda size: next(long, b""), 0, 1000)]
    assert max(sizes) <= 15_000
    assert sum(sizes) > 10_000_000
