"""Commands that take reports in: run, once, check, db."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from aggregator.cli import Session

if TYPE_CHECKING:
    from aggregator.pipeline import Pipeline, Polled
    from aggregator.settings import Settings


@click.command()
@click.pass_obj
def run(session: Session) -> None:
    """Run the service in the foreground until it is stopped (SIGTERM, Ctrl-C)."""
    settings = session.settings()
    from aggregator import daemon, log

    log.configure(settings.log, os.environ)
    asyncio.run(daemon.run(settings))


@click.command()
@click.option("--all", "everything", is_flag=True, help="Poll every source, due or not.")
@click.pass_obj
def once(session: Session, *, everything: bool) -> None:
    """Poll all that is due, publish, and exit; 1 if a source failed."""
    settings = session.settings()
    from aggregator import log

    log.configure(settings.log.model_copy(update={"level": "error"}), os.environ)
    outcomes = asyncio.run(_once(settings, everything=everything))
    new, revised = sum(polled.new for polled in outcomes), sum(polled.revised for polled in outcomes)
    failed = [polled for polled in outcomes if polled.error or polled.refused]
    click.echo(f"{len(outcomes)} sources polled: {new} new reports, {revised} revised")
    if failed:
        _print_failures(failed)
        sys.exit(1)


async def _once(settings: Settings, *, everything: bool) -> list[Polled]:
    from aggregator import daemon

    async with daemon.opened(settings) as pipeline:
        chosen = pipeline.allowed() if everything else pipeline.waiting()
        outcomes = await _with_progress(pipeline, chosen)
        await pipeline.publish()
        return outcomes


async def _with_progress(pipeline: Pipeline, chosen: Sequence[object]) -> list[Polled]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("polling", total=len(chosen), last="")
        outcomes = []
        for polling in asyncio.as_completed([pipeline.poll(source) for source in chosen]):  # type: ignore[arg-type]  # sources, as the pipeline gave them
            outcomes.append(await polling)
            progress.update(bar, advance=1, last=outcomes[-1].source)
    return outcomes


def _print_failures(failed: Sequence[Polled]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("source", "what failed", "what to do", box=None, header_style="bold")
    for polled in failed:
        if polled.error:
            table.add_row(Text(polled.source), Text(polled.error.message), Text(polled.error.hint or ""))
        for reason in polled.refused:
            table.add_row(Text(polled.source), Text(reason), Text("see failed/ in the folder"))
    Console(stderr=True).print(table)


@click.command()
@click.option("--fetch", is_flag=True, help="Try each source once, and keep nothing of it.")
@click.pass_obj
def check(session: Session, *, fetch: bool) -> None:
    """Check the configuration; 2 if it is wrong, 1 if a source that was tried failed."""
    settings = session.settings()
    click.echo(f"the configuration is good: {len(settings.sources)} sources")
    if fetch and not asyncio.run(_try_each(settings)):
        sys.exit(1)


async def _try_each(settings: Settings) -> bool:
    """Fetch and parse every feed once, look into every folder; say how it went."""
    from aggregator import __version__
    from aggregator.errors import SourceError
    from aggregator.intake.contain import Parser
    from aggregator.intake.fetch import Fetcher
    from aggregator.trial import try_source

    good = True
    async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
        for source in settings.sources:
            try:
                click.echo(f"ok    {source.name}: {await try_source(source, settings, fetcher, parser)}")
            except SourceError as error:
                good = False
                click.echo(f"FAIL  {source.name}: {error}")
    return good


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(session: Session) -> None:
    """Bring the database to the newest schema (every start does it too)."""
    session.database().close()
    click.echo("the database is at the newest schema")


COMMANDS = (run, once, check, db)
