"""Commands that cluster the archive again: rehearse, recluster."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session
from aggregator.cli.parameters import Duration
from aggregator.display import counted, on_one_line, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aggregator.settings import Dedup
    from aggregator.stories.recluster import Progress, Rehearsal, ReportGroup

_SECTION = "dedup."
_TITLE = 70  # characters of a title in a list


@click.command()
@click.option(
    "--set", "given", metavar="dedup.KEY=VALUE", multiple=True, help="Try this value; again for more keys."
)
@click.option("--since", type=Duration(), help="Only the reports seen since: 14d.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def rehearse(session: Session, given: tuple[str, ...], since: timedelta | None, *, as_json: bool) -> None:
    """Say what clustering again would change, and change no story.

    The archive is streamed once more beside the present stories. Listed are the stories that would merge or
    split, and how well the settings alone agree with what people corrected; in the list that is enforced.
    """
    from aggregator.service.daemon import now
    from aggregator.stories.recluster import rehearse as rehearsed
    from storage import meta

    present = session.settings(folders_must_exist=False).dedup
    tried = _with(present, given)
    database = session.stories()
    with progress_shown() as progress:
        found = rehearsed(database, present, tried, None if since is None else now() - since, progress)
    with database.writing() as tx:
        meta.keep(tx, meta.REHEARSED, json.dumps(_in_short(found, given, now())))
    if as_json:
        click.echo(json.dumps(rehearsal_json(found), ensure_ascii=False))
    else:
        print_rehearsal(found, compared=bool(given))


@click.command()
@click.pass_obj
def recluster(session: Session) -> None:
    """Cluster all reports again, for good, as `rehearse` shows it.

    In one transaction, beside a running service or without one. Corrections hold; a story that is the same
    keeps its id, and an id that no story keeps leads to the one with most of its reports. Sketches of an
    older recipe are made anew.
    """
    from aggregator.service.daemon import now
    from aggregator.stories.recluster import recluster as reclustered

    settings = session.settings(folders_must_exist=False)
    database = session.stories()
    with progress_shown() as progress:
        done = reclustered(database, settings.dedup, settings.prefer, now, progress)
    were, are = done.stories
    click.echo(
        f"{counted(done.reports, 'report')}, {counted(were, 'story', 'stories')} before, {are} now; "
        f"{counted(done.moved, 'report')} in another story, {done.fingerprinted} with a new sketch"
    )


@contextlib.contextmanager
def progress_shown() -> Iterator[Progress]:
    """A bar on a terminal, for as long as it works."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as shown:
        bar = shown.add_task("reports", total=None)
        yield lambda done, total: shown.update(bar, completed=done, total=total)


def _with(present: Dedup, given: Sequence[str]) -> Dedup:
    """The settings with some of them set otherwise, checked as those of the YAML are."""
    from pydantic import ValidationError

    from aggregator.configuration.problems import sentence

    values: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.startswith(_SECTION):
            raise click.BadParameter(f"{short(each)} is not dedup.KEY=VALUE", param_hint="--set")
        values[name.removeprefix(_SECTION)] = value
    try:
        return type(present).model_validate(present.model_dump() | values)
    except ValidationError as error:
        first = error.errors()[0]
        name = _SECTION + ".".join(map(str, first["loc"]))
        known = ", ".join(type(present).model_fields)
        unknown = first["type"] == "extra_forbidden"
        said = f"there is no such key; there are {known}" if unknown else sentence(first)
        raise click.BadParameter(f"{short(name)}: {said}", param_hint="--set") from error


def print_rehearsal(found: Rehearsal, *, compared: bool) -> None:
    """What would merge and split; and the scores by corrections, of both settings where two were tried."""
    before, after = found.stories
    click.echo(f"{counted(found.reports, 'report')}: {counted(before, 'story', 'stories')} now, {after} then")
    for parts in found.merges:
        click.echo("would merge")
        for part in parts:
            click.echo(_line(part))
    for whole, parts in found.splits:
        click.echo(f"would split story {whole.story} {_titled(whole)}")
        for part in parts:
            click.echo(_line(part))
    if not found.merges and not found.splits:
        click.echo("every story would stay as it is")
    if not any(of for _, of in found.honoured["rehearsed"].values()):
        click.echo("nobody has corrected anything here yet: there is nothing to score it by")
        return
    click.echo("pairs of reports as people corrected them, before that is enforced:")
    for name in ("present", "rehearsed") if compared else ("present",):
        click.echo(f"  with the {name} settings: {_score(found.honoured[name])}")


def _score(honoured: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{right} of {of} {kind}" for kind, (right, of) in honoured.items() if of)


def _line(part: ReportGroup) -> str:
    where = f"story {part.story}, " if part.story else ""
    return f"  {where}{counted(len(part.reports), 'report')}: {_titled(part)}"


def _titled(part: ReportGroup) -> str:
    return on_one_line(short(part.title, _TITLE))


def rehearsal_json(found: Rehearsal) -> dict[str, Any]:
    """A rehearsal as ``--json`` prints it."""
    return {
        "reports": found.reports,
        "stories": {"present": found.stories[0], "rehearsed": found.stories[1]},
        "merges": [[_part(part) for part in parts] for parts in found.merges],
        "splits": [
            _part(whole) | {"parts": [_part(part) for part in parts]} for whole, parts in found.splits
        ],
        "corrections": {
            name: {kind: {"honoured": right, "of": of} for kind, (right, of) in score.items()}
            for name, score in found.honoured.items()
        },
    }


def _in_short(found: Rehearsal, given: Sequence[str], at: datetime) -> dict[str, Any]:
    """What the page of quality says of a rehearsal."""
    return {
        "at": at.isoformat(),
        "settings": list(given),
        "reports": found.reports,
        "stories": list(found.stories),
        "merges": len(found.merges),
        "splits": len(found.splits),
        "corrections": {kind: list(pair) for kind, pair in found.honoured["rehearsed"].items()},
    }


def _part(part: ReportGroup) -> dict[str, Any]:
    story = {"id": part.story} if part.story else {}
    return story | {"title": part.title, "reports": list(part.reports)}


COMMANDS = (rehearse, recluster)
