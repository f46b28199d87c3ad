"""Commands that look at the program itself: evaluate, schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aggregator.cli import Session
from aggregator.display import counted


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--titles-only", is_flag=True, help="Leave the texts out.")
@click.option("--max-chars", type=click.IntRange(min=1), help="Cut the texts after so many characters.")
@click.pass_obj
def evaluate(
    session: Session, file: Path, max_chars: int | None, *, as_json: bool, titles_only: bool
) -> None:
    """Compare the stories with the labels of a file.

    FILE holds one JSON object a line: id, title, text, published, source, url, lang, cluster. It is streamed
    through the pipeline, in the order of publishing where every report has a date, else in its own. The store
    is empty and in memory; the bars are those of --config, or the shipped ones without it.
    """
    from rich.console import Console
    from rich.progress import Progress

    from aggregator.errors import NotFound
    from aggregator.settings import Dedup
    from aggregator.stories import evaluate as evaluation

    dedup = session.settings(folders_must_exist=False).dedup if session.config else Dedup()
    documents = evaluation.read(file, titles_only=titles_only, max_chars=max_chars)
    if all(document.label is None for document in documents):
        raise NotFound(f"{file}: no report has a label", hint="`cluster` names the event of a report")
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("reports", total=len(documents))
        found = evaluation.evaluate(documents, dedup, lambda done: progress.update(bar, completed=done))
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    score = found.score
    click.echo(f"{'':12}{'precision':>10}{'recall':>10}{'F1':>10}")
    click.echo(f"{'B-cubed':12}{score.b3_precision:>10.3f}{score.b3_recall:>10.3f}{score.b3_f1:>10.3f}")
    click.echo(f"{'pairs':12}{score.pair_precision:>10.3f}{score.pair_recall:>10.3f}{score.pair_f1:>10.3f}")
    reports = f"{score.reports} of {counted(found.taken, 'report')}"
    click.echo(f"adjusted Rand index {score.ari:.3f}")
    click.echo(f"{counted(score.stories, 'story', 'stories')}; {reports} have a label")
    click.echo(
        f"{found.reports_per_second:.0f} reports a second, peak memory {found.peak_memory / 2**20:.0f} MiB"
    )


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from aggregator.configuration import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


COMMANDS = (evaluate, schema)
