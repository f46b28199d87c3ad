"""Commands that change which sources there are: add, import, export."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, table
from aggregator.display import counted, on_one_line

if TYPE_CHECKING:
    from aggregator.poll.discover import DiscoveredFeed, SeveralFeeds
    from aggregator.poll.poll_queue import PollQueue
    from aggregator.settings import Settings

_NEW = {"name": "a new source", "url": "https://new.invalid/"}
_EFFECT = "It takes effect at a reload or restart."


@click.command()
@click.argument("url")
@click.option("--name", help="What the source is called. Default: the feed's title.")
@click.option("--tag", "tags", multiple=True, help="Given to every report; may be repeated.")
@click.option("--feed", "choice", type=click.IntRange(min=1), help="Which of the feeds that a page names.")
@click.option("--full-text", is_flag=True, help="Read the whole text of each report from its page.")
@click.option("--allow-private", is_flag=True, help="The address leads into a private network.")
@click.pass_obj
def add(
    session: Session,
    url: str,
    name: str | None,
    tags: tuple[str, ...],
    choice: int | None,
    *,
    full_text: bool,
    allow_private: bool,
) -> None:
    """Find the feed of a site, and add it.

    URL is a feed, or any page of a site: then its feed is the one that the page names, or one at a usual
    place. It is tried once, and written into the configuration; the rest of the file, comments too, stays as
    it is.
    """
    from aggregator.configuration import extended
    from aggregator.errors import AddressRefused
    from aggregator.poll import subscriptions
    from aggregator.poll.discover import SeveralFeeds
    from aggregator.web_address import subscribed_address

    settings = _settings(session)
    named = subscribed_address(url)
    address = named if "://" in named else f"https://{named}"
    _refuse_doubles(settings, address, name)
    try:
        poll_queue = session.poll_queue(settings)
        found = asyncio.run(_find(settings, address, choice, poll_queue, allow_private=allow_private))
    except SeveralFeeds as error:
        _print_offers(error)
        raise
    except AddressRefused as error:
        if "allow_private" not in (error.hint or ""):
            raise
        hint = "if it is a server of yours, give --allow-private"
        raise AddressRefused(error.message, hint=hint) from error
    _refuse_doubles(settings, found.url, name)
    click.echo(on_one_line(f"found  {found.url}: {_about(found)}"))
    taken = [source.name for source in settings.sources]
    chosen = name or subscriptions.unique(subscriptions.called(found.parsed.title, found.url), taken)
    item = subscriptions.item(
        *(chosen, found.url),
        tags=tags,
        switches={"full_text": full_text, "allow_private": allow_private},
    )
    extended(session.config, os.environ, [item])
    click.echo(on_one_line(f"added  {chosen} to {_file(session)}. {_EFFECT}"))


def _settings(session: Session) -> Settings:
    """The configuration as it is; one that lacks nothing but sources is good enough."""
    from aggregator.configuration import extended
    from aggregator.errors import ConfigurationError

    try:
        return session.settings(folders_must_exist=False)
    except ConfigurationError:
        with suppress(ConfigurationError):
            return extended(session.config, os.environ, [_NEW], keep=False)
        raise


async def _find(
    settings: Settings, url: str, choice: int | None, poll_queue: PollQueue | None, *, allow_private: bool
) -> DiscoveredFeed:
    from aggregator import __version__
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.parse.sandbox import Parser
    from aggregator.poll.discover import Discovery

    async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
        admit = poll_queue.admitted if poll_queue else None
        discovery = Discovery(fetcher, parser, allow_private=allow_private, admit=admit)
        return await discovery.find(url, choice)


def _refuse_doubles(settings: Settings, url: str, name: str | None) -> None:
    from aggregator.display import short
    from aggregator.errors import AggregatorError
    from aggregator.poll.subscriptions import known

    if there := known(settings, url):
        raise AggregatorError(f"{short(url, 200)} is there already: it is the source {short(there)}")
    if name in {source.name for source in settings.sources}:
        raise AggregatorError(f"there is a source called {short(name)} already", hint="give another --name")


def _print_offers(error: SeveralFeeds) -> None:
    from rich.text import Text

    offers = table("feed", "title", "address")
    for number, offer in enumerate(error.offers, 1):
        offers.add_row(str(number), Text(on_one_line(offer.title)), Text(on_one_line(str(offer.url))))
    lay_out(offers)


def _about(found: DiscoveredFeed) -> str:
    title = f"{found.parsed.title}, " if found.parsed.title else ""
    damaged = f", damaged: {found.parsed.damaged}" if found.parsed.damaged else ""
    entries = counted(len(found.parsed.entries), "entry", "entries")
    return f"{title}{entries}, {counted(found.wire_bytes, 'byte')}{damaged}"


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--trusted",
    is_flag=True,
    help="The list is your own export: take allow_private and i_own_this_host from it too.",
)
@click.pass_obj
def import_(session: Session, file: Path, *, trusted: bool) -> None:
    """Add the feeds of an OPML file.

    What is there already is passed over. Folders and categories become tags. Nothing is fetched:
    `aggregator check --fetch` tries each source. The exit status is 1 if an entry was refused.
    """
    from aggregator.configuration import extended
    from aggregator.errors import ParseError
    from aggregator.parse import opml
    from aggregator.poll import subscriptions

    settings = _settings(session)
    with file.open("rb") as stream:
        body = stream.read(opml.LARGEST + 1)
    try:
        outlines = opml.read(body)
    except ParseError as error:
        raise ParseError(f"{file}: {error.message}", hint=error.hint) from error
    plans = subscriptions.planned(outlines, settings, trusted=trusted)
    items = [plan.item for plan in plans if plan.item]
    if items:
        extended(session.config, os.environ, items)
    for plan in plans:
        click.echo(on_one_line(f"{_word(plan)}  {plan.name}: {plan.said}"))
    done = f"{counted(len(items), 'source')} added to {_file(session)}"
    click.echo(
        on_one_line(f"{done}, of {counted(len(plans), 'entry', 'entries')}.{' ' + _EFFECT if items else ''}")
    )
    if any(plan.refused for plan in plans):
        sys.exit(1)


def _word(plan: Any) -> str:
    return "new " if plan.item else "FAIL" if plan.refused else "same"


@click.command()
@click.pass_obj
def export(session: Session) -> None:
    """Print the feeds as OPML.

    Other readers take it in, and `import` does.
    """
    from aggregator.display import without_secrets
    from aggregator.parse import opml
    from aggregator.poll import subscriptions

    settings = session.settings(folders_must_exist=False)
    outlines = subscriptions.outlines(settings)
    click.echo(opml.write(outlines, settings.publish.title), nl=False)
    for outline in outlines:
        if outline.url and without_secrets(outline.url) != outline.url:
            said = f"the address of {outline.name} holds a password or a key, and so does this list now"
            click.echo(on_one_line(f"aggregator: {said}"), err=True)


def _file(session: Session) -> Path:
    from aggregator.configuration import named

    return named(session.config, os.environ)


COMMANDS = (add, import_, export)
