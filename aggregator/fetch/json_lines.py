"""Lines of a long file in pieces: what is held is one piece, however long the file or a line of it is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

_BLOCK = 1 << 18
MOST_LINES = 1000  # of a piece
_MOST_BYTES = 1_000_000  # the same; its last line may go beyond

Read = Callable[[int], bytes]
"""Gives so many of the next bytes, or fewer; none at the end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole lines.

    Attributes:
        body: the lines; those that are too long are empty.
        end: offset in the file of what follows.
        lines: how many.
        too_long: which of them are, counted from 1.
    """

    body: bytes
    end: int
    lines: int
    too_long: tuple[int, ...] = ()


def pieces(read: Read, start: int, longest: int) -> Generator[Piece, None, None]:
    """What is read, in pieces of whole lines.

    Args:
        read: stands at the beginning of a line.
        start: its offset in the file.
        longest: most bytes of a line.
    """
    kept: list[bytes] = []
    too_long: list[int] = []
    end, size = start, 0
    for line, length in _lines(read, longest):
        end += length
        size += len(line or b"")
        kept.append(line or b"")
        if line is None:
            too_long.append(len(kept))
        if len(kept) == MOST_LINES or size >= _MOST_BYTES:
            yield Piece(b"\n".join(kept), end, len(kept), tuple(too_long))
            kept, too_long, size = [], [], 0
    if kept:
        yield Piece(b"\n".join(kept), end, len(kept), tuple(too_long))


def halves(piece: Piece) -> tuple[Piece, Piece]:
    """Two pieces with half of the lines each."""
    lines, middle = piece.body.split(b"\n"), piece.lines // 2
    return tuple(  # type: ignore[return-value]  # of two
        Piece(
            b"\n".join(lines[first:last]),
            piece.end,
            last - first,
            tuple(number - first for number in piece.too_long if first < number <= last),
        )
        for first, last in ((0, middle), (middle, piece.lines))
    )


def _lines(read: Read, longest: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line, None where it is too long, and how many bytes it takes in the file."""
    held, dropped = bytearray(), 0
    while block := read(_BLOCK):
        parts = block.split(b"\n")
        for part in parts[:-1]:
            whole = not dropped and len(held) + len(part) <= longest
            yield bytes(held) + part if whole else None, dropped + len(held) + len(part) + 1
            held.clear()
            dropped = 0
        held += parts[-1]
        if dropped or len(held) > longest:
            dropped += len(held)
            held.clear()
    if held or dropped:
        yield None if dropped else bytes(held), dropped + len(held)
