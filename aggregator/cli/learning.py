"""The command that learns from corrections: learn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, table
from aggregator.cli.reclustering import print_rehearsal, progress_shown, rehearsal_json
from aggregator.display import counted

if TYPE_CHECKING:
    from aggregator.stories.learn import Learnt


@click.command()
@click.option("--keep", is_flag=True, help="Judge by what was learnt from now on.")
@click.option("--reset", is_flag=True, help="Judge by the weights that ship again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def learn(session: Session, *, keep: bool, reset: bool, as_json: bool) -> None:
    """Learn from corrections how reports are told apart.

    What people merged and split fits the weights of the verdict anew, as near to the shipped ones as the
    corrections allow. It shows how well that agrees with corrections it has not seen, and what clustering
    again would change. Nothing changes before --keep, and then only for what comes from now on: `recluster`
    applies it to what is there.
    """
    from aggregator.stories import learnt_weights
    from aggregator.stories.learn import learn as learnt
    from aggregator.stories.linker import Linker
    from aggregator.stories.recluster import rehearse

    if keep and reset:
        raise click.UsageError("--keep and --reset are opposites: give one of them")
    database = session.stories()
    if reset:
        with database.writing() as tx:
            learnt_weights.keep(tx, None)
        click.echo(
            "the weights that ship decide from now on; `aggregator recluster` applies them to what is there"
        )
        return
    dedup = session.settings(folders_must_exist=False).dedup
    with database.reading() as tx:
        found = learnt(tx, Linker(dedup))
    if keep:
        with database.writing() as tx:
            learnt_weights.keep(tx, found.model)
        click.echo("kept, for what comes from now on; `aggregator recluster` applies it to what is there")
        return
    with progress_shown() as progress:
        rehearsal = rehearse(database, dedup, dedup, None, progress, found.model)
    if as_json:
        click.echo(json.dumps(_as_json(found) | {"rehearsal": rehearsal_json(rehearsal)}, ensure_ascii=False))
        return
    _print(found)
    print_rehearsal(rehearsal, compared=True)
    click.echo("nothing is kept yet: `aggregator learn --keep` does")


def _print(found: Learnt) -> None:
    from rich.text import Text

    from aggregator.dedup.verdict import TERMS, shipped_model

    total = found.together + found.apart
    click.echo(f"{counted(total, 'correction')}: {found.together} together, {found.apart} apart")
    click.echo(f"the shipped weights agree with {found.shipped} of them")
    click.echo(f"what is learnt from the others agrees with {found.left_out}, each left out in turn")
    if found.left_out <= found.shipped:
        click.echo("that is no better: the shipped weights serve as well")
    weights = table("term", "shipped", "learnt")
    shipped = shipped_model()
    rows = [("intercept", shipped.intercept, found.model.intercept)]
    rows += zip(TERMS, shipped.weights.tolist(), found.model.weights.tolist(), strict=True)
    for term, was, now in rows:
        weights.add_row(
            term, f"{was:+.1f}", Text(f"{now:+.1f}", style="bold" if abs(now - was) >= 0.1 else "")
        )
    lay_out(weights)


def _as_json(found: Learnt) -> dict[str, object]:
    from aggregator.dedup.verdict import TERMS

    return {
        "corrections": {"together": found.together, "apart": found.apart},
        "agrees": {"shipped": found.shipped, "left_out": found.left_out},
        "learnt": found.model.as_json(TERMS),
    }


COMMANDS = (learn,)
