"""Commands that read stories: stories, show, explain."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, listing, table
from aggregator.cli.parameters import Duration
from aggregator.display import counted, on_one_line

if TYPE_CHECKING:
    from aggregator.model import Member, Story
    from aggregator.stories.explain import Explanation
    from storage.database import Database
    from storage.history import HistoryEvent

_LISTED = 20  # stories, where nobody asks for more
_PUBLISHERS = 3  # that are named in a list
_CUT = {"told by": 1, "title": 3}
_LEAST = ("voices", "publishers", "told by", "reports")
_LOADED = 100  # stories at a time
_MINUTE = "%Y-%m-%d %H:%M"
_SHARED = ("names", "numbers", "words")


@click.command(name="stories")
@click.option("--since", type=Duration(), help="Only those that gained something since: 30m, 2d.")
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"Most stories.  [default: {_LISTED}; with --json, all]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def stories_(session: Session, since: timedelta | None, limit: int | None, *, as_json: bool) -> None:
    """List the stories, the last updated first."""
    database = session.stories()
    if as_json:
        for story in _loaded(database, since, limit):
            _print_json(story_json(story))
        return
    most = limit or _LISTED
    found = list(_loaded(database, since, most + 1))
    if found:
        _print_stories(found[:most])
    elif since is None:
        click.echo("no stories yet; `aggregator once` polls the sources")
    else:
        click.echo("no story has gained anything since then")
    if len(found) > most:
        click.echo(f"there are more: `--limit {5 * most}` shows more of them", err=True)


@click.command(name="search")
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(min=1), default=_LISTED, show_default=True, help="Most stories.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def search_(session: Session, query: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Find stories by their words, and by filters.

    As in: ferry "on fire" -football source:BBC since:2d; there are also publisher, tag, lang, before and
    voices. Words have to stand in one report of a story. Put -- before a word that begins with a hyphen.
    Stories with all words in a title come first.
    """
    from aggregator.query import parse
    from aggregator.service.daemon import now
    from storage import search, stories

    asked = parse(" ".join(query), now())
    database = session.stories()
    with database.reading() as tx:
        found = stories.load(tx, search.matching(tx, asked, limit), database.uuid)
    if as_json:
        for story in found:
            _print_json(story_json(story))
    elif found:
        _print_stories(found)
    else:
        click.echo("no story has all of that")


def _loaded(database: Database, since: timedelta | None, limit: int | None) -> Iterator[Story]:
    """The stories as they stand at one moment, the last updated first."""
    from aggregator.service.daemon import now
    from storage import stories

    with database.reading() as tx:
        ids = stories.recent(tx, since=None if since is None else now() - since, limit=limit)
        for start in range(0, len(ids), _LOADED):
            yield from stories.load(tx, ids[start : start + _LOADED], database.uuid)


@click.command()
@click.argument("story", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(session: Session, story: int, *, as_json: bool) -> None:
    """Show a story: its reports, and why each of them is in it."""
    from aggregator.stories.lookup import standing
    from storage import corrections, history, stories

    database = session.stories()
    with database.reading() as tx:
        stands = standing(tx, story)
        found = stories.load(tx, [stands], database.uuid)[0]
        happened = history.of_story(tx, stands)
        corrected = {each.id: each.what for each in corrections.listed(tx)}
    if as_json:
        _print_json(story_json(found) | {"history": _history_json(found, happened)})
        return
    if stands != story:
        click.echo(f"story {story} was merged into {stands}")
    _print_story(found, happened, corrected)


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def explain(session: Session, a: str, b: str, *, as_json: bool) -> None:
    """Explain why two reports are, or are not, one story.

    A and B are report ids (see `show`), addresses of reports that were taken in, or files.
    """
    from aggregator.errors import NotFound
    from aggregator.stories.explain import explain as explained

    def store() -> Database:
        try:
            return session.stories()
        except NotFound:
            if os.path.isfile(a) and os.path.isfile(b):  # noqa: PTH113  # is_file raises for a long name
                return session.nothing_stored()
            raise

    explanation = explained(a, b, session.settings(folders_must_exist=False), store)
    if as_json:
        _print_json(explanation.as_json())
        return
    _print_explanation(explanation)


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
                "evidence": dict(member.evidence),
            }
            for member in story.members
        ],
    }


def _history_json(story: Story, happened: Iterable[HistoryEvent]) -> list[dict[str, Any]]:
    """What happened to a story, in the order of time; why a report joined stands in its evidence."""
    joined = [
        {"at": member.joined.isoformat(), "what": "joined", "story": story.id, "report": member.id}
        for member in story.members
    ]
    events = [
        {
            "at": event.at.isoformat(),
            "what": event.what,
            "story": event.story,
            "from_story": event.from_story,
            "report": event.report,
            "score": round(event.score, 4),
            "correction": event.correction,
        }
        for event in happened
    ]
    return sorted([*joined, *events], key=lambda event: str(event["at"]))


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _print_explanation(explanation: Explanation) -> None:
    from rich.text import Text

    terms = table("signal", "value", "weight", "adds", "meaning")
    for row in explanation.rows:
        terms.add_row(row.signal, f"{row.value:.3f}", f"{row.weight:+.2f}", f"{row.adds:+.2f}", row.meaning)
    shared = [f"  {name:<8} {_list(explanation.shared[name])}" for name in (*_SHARED, "quotes")]
    against = [
        f"  {name:<8} A: {_list(mine)}; B: {_list(theirs)}"
        for name, (mine, theirs) in explanation.against.items()
    ]
    lay_out(
        Text(f"A  {on_one_line(explanation.first)}"),
        Text(f"B  {on_one_line(explanation.second)}\n"),
        terms,
        Text("\nboth have"),
        *(Text(on_one_line(line)) for line in shared),
        Text("\nonly in one title, and nowhere in the other report"),
        *(Text(on_one_line(line)) for line in against),
        Text(f"\n{explanation.verdict}", style="bold"),
    )


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) or "-"


def _print_stories(found: Iterable[Story]) -> None:
    columns = ("story", "updated (UTC)", "reports", "publishers", "voices", "told by", "title")
    rows = [
        (
            str(story.id),
            f"{story.updated:{_MINUTE}}",
            str(len(story.members)),
            str(len(story.publishers)),
            str(story.voices),
            _tellers(story.publishers),
            story.title,
        )
        for story in found
    ]
    listing(columns, rows, cut=_CUT, least=_LEAST)


def _tellers(publishers: Sequence[str]) -> str:
    more = len(publishers) - _PUBLISHERS
    return ", ".join(publishers[:_PUBLISHERS]) + (f" +{more}" if more > 0 else "")


def _print_story(story: Story, happened: Iterable[HistoryEvent], corrected: Mapping[int, str]) -> None:
    from rich.text import Text

    counts = [
        counted(len(story.members), "report"),
        counted(len(story.publishers), "publisher"),
        counted(story.voices, "independent text"),
        f"updated {story.updated:{_MINUTE}} UTC",
    ]
    lay_out(Text(on_one_line(story.title), style="bold"), Text(f"story {story.id}: {', '.join(counts)}"))
    here = {member.id for member in story.members}
    for member in story.members:
        _print_member(member, here)
    lay_out(Text("\nhistory (UTC)"), *map(Text, _history(story, happened, corrected)))


def _print_member(member: Member, here: Collection[int]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from aggregator.model import headline

    dated = "" if member.dated else " (when it was seen: it has no date)"
    lay_out(
        Text(f"\n{member.id:>6}  {on_one_line(member.publisher)}, {member.published:{_MINUTE}} UTC{dated}")
    )
    lines = [Text(on_one_line(headline(member.title, member.text)))]
    if member.url:
        lines.append(Text(on_one_line(member.url), overflow="fold"))
    lines += [Text(line, style="dim") for line in map(on_one_line, why(member.evidence, here))]
    lay_out(*(Padding(line, (0, 0, 0, 8), expand=False) for line in lines))


def why(evidence: Mapping[str, Any], here: Collection[int] | None = None) -> list[str]:
    """The evidence of a membership in words; what both reports have is in lines of its own.

    Evidence is of the day it was made. Where it is shown beside those who are `here` today, it says if the
    report that it speaks of has left since.
    """
    layer, matched = evidence["layer"], evidence.get("matched")
    left = "" if here is None or matched in here else " (here no more)"
    score = f"{evidence['score']:.2f}, bar {evidence['bar']:.2f}"
    if layer == "first":
        return ["opened a story" + (f"; the nearest was report {matched}, score {score}" if matched else "")]
    if layer == "copy":
        original = f" as report {matched}{left}" if matched else ""
        return [f"the same text{original}: resemblance {score}"]
    if layer == "parted":
        return [f"agreed too little with its old story: score {score}"]
    if layer == "corrected":
        return [f"a person put it here (correction {evidence['correction']})"]
    shared = [f"{name:<8} {', '.join(evidence[name])}" for name in _SHARED if evidence.get(name)]
    if layer == "moved":
        return [f"the same event: it suited this story better than its old one, score {score}", *shared]
    closest = f", closest to report {matched}{left}" if matched else ""
    return [f"the same event{closest}: score {score}", *shared]


def _history(story: Story, happened: Iterable[HistoryEvent], corrected: Mapping[int, str]) -> list[str]:
    """What joined when and why, what was merged into the story, what moved, what a person corrected."""
    told = [(event.at, _in_words(event, story.id, corrected)) for event in happened]
    told += [(member.joined, _came(member)) for member in story.members]
    return [f"  {at:{_MINUTE}}  {line}" for at, line in sorted(told)]


def _came(member: Member) -> str:
    return f"report {member.id} came: {why(member.evidence)[0]}"


def _in_words(event: HistoryEvent, here: int, corrected: Mapping[int, str]) -> str:
    """A line of a story's history; `corrected` says of each correction whether it was a merge or a split."""
    by = f"score {event.score:.2f}"
    if event.correction:
        undone = (event.what == "merged") != (corrected[event.correction] == "merge")
        by = f"a person {'took it back' if undone else 'said so'} (correction {event.correction})"
    if event.what == "merged":
        into = "" if event.story == here else f", into story {event.story}"
        return f"took over story {event.from_story}{into}: {by}"
    what = f"report {event.report}" if event.report else "reports"
    if event.what == "reclustered":
        by = f"clustered again, mean score {event.score:.2f}"
    if event.what == "parted":
        by = f"it agreed too little with the others there, score {event.score:.2f}"
    if event.story == here:
        return f"{what} came from story {event.from_story}: {by}"
    return f"{what} went to story {event.story}: {by}"


COMMANDS = (stories_, search_, show, explain)
