"""Commands that read stories: stories, show, explain."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session

if TYPE_CHECKING:
    from rich.console import Console

    from aggregator.model import Story
    from storage.stories import Happening


class Since(click.ParamType[timedelta]):
    """A time ago, as in the YAML: 30m, 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> timedelta:
        """The duration that was written."""
        if isinstance(value, timedelta):
            return value
        from aggregator.units import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, context)


@click.command(name="stories")
@click.option("--since", type=Since(), help="Only those that gained something since: 30m, 2d.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Most stories.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def stories_(session: Session, since: timedelta | None, limit: int, *, as_json: bool) -> None:
    """List the stories, the last updated first."""
    from aggregator.daemon import now
    from storage import stories

    database = session.database()
    with database.reading() as tx:
        ids = stories.recent(tx, since=now() - since if since else None, limit=limit)
        found = stories.load(tx, ids, database.uuid)
    if as_json:
        for story in found:
            _print_json(story_json(story))
        return
    _print_stories(found)


@click.command()
@click.argument("story", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(session: Session, story: int, *, as_json: bool) -> None:
    """Show a story: its reports, and why each of them is in it."""
    from aggregator.errors import NotFound
    from storage import stories

    database = session.database()
    with database.reading() as tx:
        stands = stories.resolve(tx, story)
        if stands is None:
            raise NotFound(f"there is no story {story}", hint="`aggregator stories` lists them")
        found = stories.load(tx, [stands], database.uuid)[0]
        happened = stories.happenings(tx, stands)
    if as_json:
        _print_json(story_json(found) | {"history": [_happening_json(event) for event in happened]})
        return
    if stands != story:
        click.echo(f"story {story} was merged into {stands}")
    _print_story(found, happened)


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def explain(session: Session, a: str, b: str, *, as_json: bool) -> None:
    """Explain why two reports are, or are not, one story.

    A and B are report ids (see `show`), addresses of reports that were taken in, or files.
    """
    from aggregator.explain import explain as explained

    explanation = explained(a, b, session.settings(), session.database)
    if as_json:
        _print_json(explanation.as_json())
        return
    from rich.table import Table
    from rich.text import Text

    console = _console()
    console.print(Text(f"A  {explanation.first}\nB  {explanation.second}\n"))
    table = Table("signal", "value", "weight", "adds", "meaning", box=None, header_style="bold")
    for row in explanation.rows:
        table.add_row(row.signal, f"{row.value:.3f}", f"{row.weight:+.2f}", f"{row.adds:+.2f}", row.meaning)
    console.print(table)
    for name, values in explanation.shared.items():
        console.print(Text(f"{name:8} {', '.join(values) or '-'}"))
    console.print(Text("\n" + explanation.verdict), style="bold")


def story_json(story: Story) -> dict[str, Any]:
    """A story as ``--json`` prints it."""
    return {
        "id": story.id,
        "title": story.title,
        "updated": story.updated.isoformat(),
        "publishers": list(story.publishers),
        "voices": story.voices,
        "reports": [
            {
                "id": member.id,
                "title": member.title,
                "url": member.url,
                "publisher": member.publisher,
                "source": member.source,
                "published": member.published.isoformat(),
                "dated": member.dated,
                "copy_group": member.copy_group,
                "evidence": dict(member.evidence),
            }
            for member in story.members
        ],
    }


def _happening_json(event: Happening) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "what": event.what,
        "from_story": event.from_story,
        "report": event.report,
        "score": round(event.score, 4),
    }


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _console() -> Console:
    from rich.console import Console

    # A pipe has no width of its own; a line of a table must not be cut there.
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, soft_wrap=False)


def _print_stories(found: Iterable[Story]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("story", "updated", "publishers", "reports", "title", box=None, header_style="bold")
    for story in found:
        who = ", ".join(story.publishers[:3]) + (
            f" +{len(story.publishers) - 3}" if len(story.publishers) > 3 else ""
        )
        when = f"{story.updated:%Y-%m-%d %H:%M}"
        table.add_row(str(story.id), when, Text(who), str(len(story.members)), Text(story.title))
    if not table.rows:
        click.echo("no stories yet; `aggregator once` polls the sources")
        return
    _console().print(table)


def _print_story(story: Story, happened: Iterable[Happening]) -> None:
    from rich.text import Text

    from aggregator.model import headline

    console = _console()
    console.print(Text(story.title, style="bold"))
    texts = "text" if story.voices == 1 else "independent texts"
    counts = f"{len(story.members)} reports, {len(story.publishers)} publishers, {story.voices} {texts}"
    console.print(f"story {story.id}: {counts}\n")

    for member in story.members:
        date = f"{member.published:%Y-%m-%d %H:%M}" + ("" if member.dated else " (when seen)")
        console.print(Text(f"{member.id:>6}  {member.publisher}, {date}"))
        console.print(Text(f"        {headline(member.title, member.text)}"))
        if member.url:
            console.print(Text(f"        {member.url}"), soft_wrap=True)
        console.print(Text(f"        {why(member.evidence)}", style="dim"))
    for event in happened:
        what = f"report {event.report} moved here from" if event.report else "took over"
        console.print(f"{event.at:%Y-%m-%d %H:%M}  {what} story {event.from_story} (score {event.score:.2f})")


def why(evidence: dict[str, Any] | Any) -> str:
    """The evidence of a membership as a sentence."""
    layer, score, bar = evidence["layer"], evidence["score"], evidence["bar"]
    with_whom = f" with report {evidence['matched']}" if evidence.get("matched") else ""
    if layer == "first":
        nearest = (
            f"; the nearest, report {evidence['matched']}, scored {score:.2f} of {bar:.2f}"
            if with_whom
            else ""
        )
        return f"opened the story{nearest}"
    if layer == "copy":
        return f"the same text{with_whom}: resemblance {score:.2f}, bar {bar:.2f}"
    parts = [
        f"{name}: {', '.join(evidence[name][:8])}"
        for name in ("names", "numbers", "words")
        if evidence.get(name)
    ]
    carried = f"; shared {'; '.join(parts)}" if parts else ""
    return f"the same event, closest{with_whom}: score {score:.2f}, bar {bar:.2f}{carried}"


COMMANDS = (stories_, show, explain)
