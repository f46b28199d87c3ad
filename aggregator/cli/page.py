"""How commands lay out what people read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from aggregator.display import on_one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_UNBOUNDED = 10_000  # columns
_GAP = 2  # columns between two of a table
_READABLE = 10  # columns that one share of a table has at least


def lay_out(*parts: RenderableType, err: bool = False) -> None:
    """Print tables and texts: as wide as a terminal is, and for a pipe one line each, however long.

    Args:
        parts: what rich can print.
        err: on standard error.

    """
    console = _console(err=err)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), err=err)


def table(*columns: str) -> Table:
    """An empty table, whose cells are wrapped on a narrow terminal.

    Args:
        columns: their headings.

    """
    from rich.table import Table

    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def listing(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, cut: Mapping[str, int], least: Sequence[str]
) -> None:
    """Print a table of one line a row; on a narrow terminal only as much of it as can be read.

    Args:
        columns: their headings.
        rows: a text for each column; from outside, perhaps.
        cut: the columns that are cut short where room is short, and their shares of what is left.
        least: the columns that are left out where even that does not help, the first of them first.

    """
    from rich.text import Text

    texts = [[on_one_line(cell) for cell in row] for row in rows]
    room = _console().width
    widths = {name: _widest(name, (cells[place] for cells in texts)) for place, name in enumerate(columns)}
    readable = {name: min(wide, _READABLE * cut.get(name, wide)) for name, wide in widths.items()}
    for name in least:
        if sum(readable.values()) + _GAP * (len(readable) - 1) <= room:
            break
        del readable[name], widths[name]
    room -= _GAP * (len(widths) - 1) + sum(wide for name, wide in widths.items() if name not in cut)
    widths |= _shared_out(room, {name: (cut[name], wide) for name, wide in widths.items() if name in cut})
    made = table()
    for name, wide in widths.items():
        made.add_column(name, no_wrap=True, overflow="ellipsis", width=wide)
    for cells in texts:
        made.add_row(*(Text(cell) for name, cell in zip(columns, cells, strict=True) if name in widths))
    lay_out(made)


def _widest(name: str, cells: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, (name, *cells)))


def _shared_out(room: int, wanted: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Columns of the terminal for each column of a table, by share; what one does not need is for others.

    Args:
        room: how many there are.
        wanted: the share of each, and its widest cell.

    """
    left, given = dict(wanted), {}
    while left:
        unit = max(room, 0) / sum(share for share, _ in left.values())
        content = [name for name, (share, wide) in left.items() if wide <= unit * share]
        for name in content or list(left):
            share, wide = left.pop(name)
            given[name] = wide if content else max(int(unit * share), 1)
            room -= given[name]
    return given


def _console(*, err: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    on_terminal = stream is not None and stream.isatty()  # a shell can close it: `>&-`
    return Console(file=stream, width=None if on_terminal else _UNBOUNDED, highlight=False)
