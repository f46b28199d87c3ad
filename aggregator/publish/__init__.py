"""How stories go out: as files that feed readers read.

::

    stories ── select ──► a feed's stories ── render ──► bytes ── write ──► NAME.rss, NAME.atom, NAME.json
               selection                     rss atom jsonfeed    files

One story is one item, with an id that stays while the story grows, and a list of every report in it. `item`
decides what an item says and cleans it (`words`); the formats only spell it. No time of writing gets into the
bytes: the same stories are the same file. It is left alone then, and a web server can answer "not modified".
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid5

from aggregator.model import Story
from aggregator.publish import atom, files, jsonfeed, rss
from aggregator.publish.item import Channel
from aggregator.publish.selection import select
from aggregator.publish.words import address, one_line
from aggregator.settings import Publish, PublishedFeed

_RENDER: Mapping[str, Callable[[Channel, Sequence[Story]], bytes]] = {
    "rss": rss.render,
    "atom": atom.render,
    "json": jsonfeed.render,
}


def publish(
    settings: Publish, stories: Sequence[Story], namespace: UUID, pages: str | None = None
) -> list[Path]:
    """Write every feed in each of its formats; the files that changed.

    Args:
        settings: what is published, and where.
        stories: all that may be shown; each feed takes its own from them.
        namespace: this installation's own UUID, kept for ever: the feeds' ids are made from it.
        pages: public address below which each story has a page, if they have.

    Raises:
        PublishError: a file cannot be written. Files before it are new, it and those after it are old.
    """
    changed = []
    for feed in settings.feeds:
        chosen = select(feed, stories)
        for kind in feed.formats:
            name = f"{feed.name}.{kind}"
            body = render(kind, channel(settings, feed, name, namespace, pages), chosen)
            if files.write(settings.directory, name, body):
                changed.append(settings.directory / name)
    return changed


def render(kind: str, about: Channel, stories: Sequence[Story]) -> bytes:
    """The stories as a feed of a kind (``rss``, ``atom`` or ``json``), in the order given."""
    return _RENDER[kind](about, stories)


def channel(
    settings: Publish, feed: PublishedFeed, name: str, namespace: UUID, pages: str | None = None
) -> Channel:
    """What the file `name` of a feed says about itself."""
    home = address(settings.home)
    return Channel(
        title=one_line(feed.title or f"{settings.title}: {feed.name}"),
        id=f"urn:uuid:{uuid5(namespace, feed.name)}",
        author=one_line(settings.title),
        home=home,
        address=f"{home}/{name}" if home else None,
        pages=address(pages),
    )
