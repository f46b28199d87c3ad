"""Commands that correct stories: merge, split, undo, corrections."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, table
from aggregator.display import counted, on_one_line

if TYPE_CHECKING:
    from aggregator.model import Correction
    from aggregator.stories.correct import Outcome
    from aggregator.stories.linker import Linker

_MINUTE = "%Y-%m-%d %H:%M"


@click.command()
@click.argument("stories", metavar="STORY STORY...", type=int, nargs=-1, required=True)
@click.pass_obj
def merge(session: Session, stories: tuple[int, ...]) -> None:
    """Make stories one, for good.

    The first one stays; the ids of the others lead to it. What a person has put together is never taken
    apart again, but by a person: `undo` takes it back, `split` takes reports out.
    """
    from aggregator.service.daemon import now
    from aggregator.stories import correct

    outcome = _corrected(session, lambda tx, linker: correct.merge(tx, linker, stories, now()))
    _say(outcome, "together")


@click.command()
@click.argument("story", type=int)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@click.pass_obj
def split(session: Session, story: int, reports: tuple[str, ...]) -> None:
    """Take reports out of a story, for good.

    Reports are named by their ids or addresses, as `show` lists them. Several of them become one story, and
    none of them ever shares a story again with one of those that stay.
    """
    from aggregator.service.daemon import now
    from aggregator.stories import correct
    from aggregator.stories.lookup import stored

    def work(tx: Any, linker: Linker) -> Outcome:
        return correct.split(tx, linker, story, {stored(tx, name).id for name in reports}, now())

    _say(_corrected(session, work), "apart")


@click.command()
@click.pass_obj
def undo(session: Session) -> None:
    """Take back the last correction; again: the one before.

    Stories get their old ids back. What has come in since goes where it suits best.
    """
    from aggregator.service.daemon import now
    from aggregator.stories import correct

    _say(_corrected(session, lambda tx, linker: correct.undo(tx, linker, now())), "undone")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def corrections(session: Session, *, as_json: bool) -> None:
    """List the corrections, the newest last."""
    from rich.text import Text

    from aggregator.stories.correct import describe
    from storage import corrections as store

    with session.stories().reading() as tx:
        listed = store.listed(tx)
    if as_json:
        for each in listed:
            click.echo(json.dumps(_as_json(each), ensure_ascii=False))
        return
    if not listed:
        click.echo("no corrections yet; `aggregator merge` and `split` make them")
        return
    shown = table("no", "when (UTC)", "what", "undone (UTC)")
    for each in listed:
        undone = f"{each.undone:{_MINUTE}}" if each.undone else ""
        shown.add_row(str(each.id), f"{each.at:{_MINUTE}}", Text(on_one_line(describe(each))), undone)
    lay_out(shown)


def _corrected(session: Session, work: Callable[[Any, Linker], Outcome]) -> Outcome:
    """Do work in one transaction; a service that runs meanwhile waits for it, or this for the service."""
    from aggregator.stories.linker import Linker

    settings = session.settings(folders_must_exist=False)
    with session.stories().writing() as tx:
        return work(tx, Linker(settings.dedup, settings.prefer))


def _say(outcome: Outcome, what: str) -> None:
    """What was done, what it overrules, and what is left to do."""
    click.echo(f"{what} (correction {outcome.correction.id})")
    for story, title in outcome.stories.items():
        click.echo(on_one_line(f"  story {story}: {title}"))
    for other in outcome.overruled:
        click.echo(f"correction {other.id} said otherwise of some of these reports; the newest counts")
    if outcome.left:
        copies = ", ".join(map(str, outcome.left))
        click.echo(f"the same text stays behind in report {copies}; name it too if it is to go")
    if outcome.kept_apart:
        kept = counted(len(outcome.kept_apart), "report")
        click.echo(f"{kept} did not come back: an older correction, or what has come since, has it elsewhere")


def _as_json(correction: Correction) -> dict[str, Any]:
    return {
        "id": correction.id,
        "at": correction.at.isoformat(),
        "what": correction.what,
        "story": correction.story,
        "stories": [
            {"id": side.story, "title": side.title, "reports": sorted(side.reports)}
            for side in correction.sides
        ],
        "undone": correction.undone.isoformat() if correction.undone else None,
    }


COMMANDS = (merge, split, undo, corrections)
