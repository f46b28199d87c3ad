"""Commands that run the service and look after it: run, serve, once, check, backup, db."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, table
from aggregator.display import counted, on_one_line

if TYPE_CHECKING:
    from rich.text import Text

    from aggregator.poll.pipeline import Pipeline
    from aggregator.poll.poll_queue import PollQueue
    from aggregator.poll.poll_result import PollResult
    from aggregator.settings import Settings, Source


@click.command()
@click.pass_obj
def run(session: Session) -> None:
    """Run the service in the foreground.

    SIGTERM or Ctrl-C stops it, a second one at once; nothing is lost either way. SIGHUP has it read its
    configuration again.
    """
    settings = session.settings()
    from aggregator import log
    from aggregator.service import daemon

    log.configure(settings.log, os.environ)
    asyncio.run(daemon.run(settings, session.reread, _started_by(session), session.config))


@click.command()
@click.pass_obj
def serve(session: Session) -> None:
    """Show the pages alone, without polling.

    Nobody can correct stories on them: the database is only read. SIGTERM or Ctrl-C stops it.
    """
    settings = session.settings(folders_must_exist=False)
    from aggregator import log
    from aggregator.service import daemon

    database = session.stories()
    log.configure(settings.log, os.environ)
    asyncio.run(daemon.serve(settings, lambda: session.reread(folders_must_exist=False), database))


@click.command("export-site")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--stories", default=500, show_default=True, type=click.IntRange(1, 100_000), help="With a page."
)
@click.pass_obj
def export_site(session: Session, folder: Path, stories: int) -> None:
    """Write the pages as files, for any web server.

    The stories that gained something last, with relative links, and the feeds of the configuration. Only what
    has changed is written; run it from a timer. Marks, corrections and search need the service.
    """
    settings = session.settings(folders_must_exist=False)
    from aggregator.serve.export import export
    from aggregator.service.daemon import now

    done = asyncio.run(export(session.stories(), settings, now, folder, stories))
    click.echo(
        on_one_line(
            f"{counted(done.stories, 'story', 'stories')} in {folder}: {counted(done.written, 'file')} "
            f"written, {done.removed} removed"
        )
    )


def _started_by(session: Session) -> str:
    """How to call the other commands: as this one was called."""
    program = sys.argv[0]
    called = ["aggregator"] if program.endswith(".py") else [program]  # `python -m` names a module's file
    return shlex.join([*called, *(["--config", str(session.config)] if session.config else [])])


@click.command()
@click.option("--all", "everything", is_flag=True, help="Poll every source, due or not.")
@click.pass_obj
def once(session: Session, *, everything: bool) -> None:
    """Poll all that is due, publish, and exit.

    The exit status is 1 if a source failed or a file was refused, also if only a part of it was, or if a
    target of `push` could not be told.
    """
    settings = session.settings()
    from aggregator import log

    log.configure(settings.log.model_copy(update={"level": "error"}), os.environ)
    outcomes, untold = asyncio.run(_once(settings, everything=everything))
    click.echo(_summary(outcomes, len(settings.sources) - len(outcomes), everything=everything))
    for polled in outcomes:
        if polled.warning:
            click.echo(on_one_line(f"aggregator: {polled.source} is damaged: {polled.warning}"), err=True)
    failed = [polled for polled in outcomes if polled.error or polled.lost or polled.refused]
    if failed:
        _print_failures(failed)
    for target, said in untold.items():
        click.echo(on_one_line(f"aggregator: target {target} could not be told: {said}"), err=True)
    if failed or untold:
        sys.exit(1)


async def _once(settings: Settings, *, everything: bool) -> tuple[list[PollResult], Mapping[str, str]]:
    from aggregator.service import daemon

    async with daemon.opened(settings) as pipeline:
        chosen = pipeline.allowed() if everything else pipeline.waiting()
        outcomes = await _with_progress(pipeline, chosen)
        await asyncio.gather(*map(pipeline.read_pages, pipeline.with_pages()))
        await pipeline.refingerprint()
        await pipeline.look_again()
        await pipeline.publish()
        await pipeline.push()
        return outcomes, pipeline.push_failures


async def _with_progress(pipeline: Pipeline, chosen: Sequence[Source]) -> list[PollResult]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}", markup=False),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("polling", total=len(chosen), last="")
        outcomes = []
        polls = [asyncio.ensure_future(pipeline.poll(source, patient=True)) for source in chosen]
        try:
            for polling in asyncio.as_completed(polls):
                outcomes.append(await polling)
                progress.update(bar, advance=1, last=outcomes[-1].source)
        finally:  # where the database refused, or Ctrl-C came
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
    return outcomes


def _summary(outcomes: Sequence[PollResult], left: int, *, everything: bool) -> str:
    """What came of it, and why some sources were left alone."""
    are = "is" if left == 1 else "are"
    why = (
        f"paused, asked to be left alone, or {are} gone"
        if everything
        else f"{are} paused or not due (--all polls what is not due)"
    )
    left += sum(polled.left_alone is not None for polled in outcomes)
    outcomes = [polled for polled in outcomes if polled.left_alone is None]
    if not outcomes:
        return f"nothing polled: {counted(left, 'source')} {why}"
    new, revised = sum(polled.new for polled in outcomes), sum(polled.revised for polled in outcomes)
    gained = len(frozenset().union(*(polled.stories for polled in outcomes)))
    line = f"{counted(len(outcomes), 'source')} polled: {counted(new, 'new report')}, {revised} revised"
    line += f", in {counted(gained, 'story', 'stories')}" if gained else ""
    return f"{line}; {left} {why}" if left else line


def _print_failures(failed: Sequence[PollResult]) -> None:
    failures = table("source", "what failed", "what to do")
    for polled in failed:
        if polled.error:
            failures.add_row(*_shown(polled.source, polled.error.message, polled.error.hint or ""))
        for lost in polled.lost:
            failures.add_row(*_shown(polled.source, lost.message, lost.hint or ""))
        for reason in polled.refused:
            failures.add_row(*_shown(polled.source, reason, "see failed/ in its folder"))
    lay_out(failures, err=True)


def _shown(*cells: str) -> Iterator[Text]:
    from rich.text import Text

    return (Text(on_one_line(cell)) for cell in cells)


@click.command()
@click.option("--fetch", is_flag=True, help="Try each source once, and keep nothing of it.")
@click.pass_obj
def check(session: Session, *, fetch: bool) -> None:
    """Check the configuration.

    With --fetch each source is tried, except where its server has asked to be left alone. The exit status is
    2 if the configuration is wrong, and 1 if a source that was tried failed.
    """
    settings = session.settings()
    click.echo(f"the configuration is good: {counted(len(settings.sources), 'source')}")
    if fetch and not asyncio.run(_try_each(settings, session.poll_queue(settings))):
        sys.exit(1)


async def _try_each(settings: Settings, poll_queue: PollQueue | None) -> bool:
    """Fetch and parse every feed once that may be asked, look into every folder; say how it went."""
    from aggregator import __version__
    from aggregator.errors import SourceError
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.parse.sandbox import Parser
    from aggregator.poll.source_check import try_source
    from aggregator.settings import FolderSource

    good = True
    async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
        for source in settings.sources:
            if (
                poll_queue
                and not isinstance(source, FolderSource)
                and (why := poll_queue.asked_to_wait(source))
            ):
                click.echo(on_one_line(f"left  {source.name}: {why}"))
                continue
            try:
                said = await try_source(source, fetcher, parser, poll_queue.admitted if poll_queue else None)
                click.echo(on_one_line(f"ok    {source.name}: {said}"))
            except SourceError as error:
                good = False
                click.echo(on_one_line(f"FAIL  {source.name}: {error}"))
    return good


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(session: Session) -> None:
    """Bring the database to the newest schema.

    Every start does it too.
    """
    session.database().close()
    click.echo("the database is at the newest schema")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(session: Session, file: Path) -> None:
    """Copy the database into FILE, while the service runs.

    The copy is whole and checked; a file that stands there is not overwritten. PostgreSQL has pg_dump.
    """
    from storage.backup import backup as make_copy

    size = make_copy(session.stories(), file)
    click.echo(f"{file}: a whole copy, {size / 2**20:.1f} MiB")


COMMANDS = (run, serve, export_site, once, check, backup, db)
