"""How commands lay out what people read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_UNBOUNDED = 10_000  # columns


def lay_out(*parts: RenderableType, err: bool = False) -> None:
    """Print tables and texts: as wide as a terminal is, and for a pipe one line each, however long.

    Args:
        parts: what rich can print.
        err: on standard error.

    """
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    console = Console(file=stream, width=None if stream.isatty() else _UNBOUNDED, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), err=err)


def table(*columns: str, cut: Mapping[str, int] | None = None) -> Table:
    """An empty table.

    Args:
        columns: their headings.
        cut: the columns that are cut short on a narrow terminal, and their shares of what is left; without
            it, all are wrapped.

    """
    from rich.table import Table

    shares = cut if cut and sys.stdout.isatty() else {}
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), expand=bool(shares))
    for column in columns:
        made.add_column(
            column, no_wrap=cut is not None, overflow="ellipsis" if cut else "fold", ratio=shares.get(column)
        )
    return made
