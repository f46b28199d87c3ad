"""The command that loads archives: load."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import Session
from aggregator.display import counted, on_one_line

if TYPE_CHECKING:
    from aggregator.fetch.archive import ArchiveFile
    from aggregator.poll.loading import Loader
    from aggregator.settings import FolderSource, Settings

_SAID_EVERY = 30.0  # seconds, where nobody sees a bar


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--source", default="Archive", show_default=True, help="Whose the reports are.")
@click.option("--tag", "tags", multiple=True, help="A tag that all of them get; may be given again.")
@click.pass_obj
def load(session: Session, paths: tuple[Path, ...], source: str, tags: tuple[str, ...]) -> None:
    """Load archives at their own dates, the oldest file first.

    A FILE holds JSON lines or is a Parquet table, of any length; a folder stands for those in it, by name. A
    record has any of id, title, text, published, source (its publisher), url, lang. Stop it whenever you
    like: the next run goes on where it was. The service must not run meanwhile.

    The exit status is 1 if something in a file could not be read.
    """
    settings = session.settings(folders_must_exist=False)
    from pydantic import ValidationError

    from aggregator.fetch.archive import listed
    from aggregator.settings import FolderSource

    files = listed(paths)
    try:
        owner = FolderSource(name=source, folder=files[0].parent, tags=tags)
    except ValidationError as error:
        raise click.UsageError(f"--source or --tag: {error.errors()[0]['msg']}") from error
    if wrong := asyncio.run(_load(settings, owner, files)):
        for line in wrong:
            click.echo(on_one_line(f"aggregator: {line}"), err=True)
        raise click.exceptions.Exit(1)


async def _load(settings: Settings, owner: FolderSource, paths: Sequence[Path]) -> list[str]:
    """Load the files; what was wrong with them."""
    from aggregator.fetch.archive import opened
    from aggregator.parse.sandbox import Parser
    from aggregator.poll.loading import Loader
    from aggregator.service import daemon
    from storage import tenancy
    from storage.database import Database

    wrong = []
    with contextlib.closing(Database(settings.database)) as database:
        claim = tenancy.claim(database)
        try:
            async with Parser(settings.parse) as parser:
                loader = Loader(settings, database, parser, owner, daemon.now)
                files = [opened(path) for path in paths]
                await _say_how_long(loader, files)
                for file in files:
                    with _bar(file) as told:
                        loaded = await loader.load(file, told)
                    brought = f"{counted(loaded.new, 'new report')}, {loaded.revised} revised"
                    click.echo(on_one_line(f"{file.path}: {'loaded before' if loaded.known else brought}"))
                    if loaded.wrong:
                        wrong.append(f"{file.path}: {loaded.wrong}")
        finally:
            claim.release()
    return wrong


async def _say_how_long(loader: Loader, files: Sequence[ArchiveFile]) -> None:
    """Say beforehand how much work it is, by a sample of the first file of each kind."""
    reports, seconds = 0.0, 0.0
    sampled: dict[str, tuple[float, float]] = {}
    for file in files:
        place = loader.place(file)
        if place is None or place >= file.size:
            continue
        left = file.size - place
        if file.path.suffix not in sampled:
            found = await loader.estimate(file)
            sampled[file.path.suffix] = found.reports / left, found.left / left
        reports += sampled[file.path.suffix][0] * left
        seconds += sampled[file.path.suffix][1] * left
    if reports:
        rate = reports / max(seconds, 1e-6)
        took = timedelta(seconds=round(seconds))
        click.echo(f"about {reports:,.0f} reports, {rate:,.0f} a second: some {took} (hours:minutes:seconds)")


@contextlib.contextmanager
def _bar(file: ArchiveFile) -> Iterator[Callable[[int], None]]:
    """How far a file is, with the time that is left: as a bar, or in a line now and then."""
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn())
    started = said = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task(on_one_line(file.path.name), total=file.size)

        def told(place: int) -> None:
            nonlocal said
            progress.update(bar, completed=place)
            passed = time.monotonic() - said
            if not console.is_terminal and passed >= _SAID_EVERY:
                said += passed
                left = timedelta(seconds=round((said - started) * (file.size - place) / max(place, 1)))
                share = place / max(file.size, 1)
                click.echo(on_one_line(f"{file.path.name}: {share:.0%}, {left} left"), err=True)

        yield told


COMMANDS = (load,)
