"""The feeds that the configuration names, as they are served: which stories, and what each says of itself."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from aggregator.model import Story
from aggregator.publish import channel
from aggregator.publish.item import Channel
from aggregator.settings import PublishedFeed, Settings
from storage import meta, stories
from storage.database import Database

KINDS = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
"""Media types of the formats."""


def stories_of(database: Database, feed: PublishedFeed) -> list[Story]:
    """The stories of a feed, the last updated first."""
    with database.reading() as tx:
        ids = stories.selected(tx, min_publishers=feed.min_publishers, tags=feed.tags, limit=feed.limit)
        return stories.load(tx, ids, database.uuid, whole=False)


def channel_at(
    settings: Settings, feed: PublishedFeed, path: str, namespace: UUID, hub: str | None = None
) -> Channel:
    """What a feed says of itself; its address is the one that it is asked for at.

    Args:
        settings: all of them.
        feed: of the configuration, or made for a question.
        path: below the public address, with its query.
        namespace: this installation's own UUID.
        hub: address of our hub, where it runs; only a feed that can be subscribed to names it.

    """
    public = settings.serve.public_url
    named = channel(settings.publish, feed, feed.name, namespace, public)
    if not public:
        return Channel(named.title, named.id, named.author)
    address = f"{public}{path}"
    offered = hub if address in topics(settings) else None
    return replace(named, home=public, address=address, hub=offered)


def links(about: Channel) -> dict[str, str]:
    """The field of HTTP that names the hub of a feed, if it has one."""
    return {"Link": f'<{about.hub}>; rel="hub", <{about.address}>; rel="self"'} if about.hub else {}


def has_hub(settings: Settings) -> bool:
    """Whether there is to be a hub of our own."""
    serve = settings.serve
    return bool(serve.public_url and serve.enabled and settings.websub.hub != "none")


def hub_of(settings: Settings, database: Database) -> str | None:
    """The address of our own hub, where there is one.

    Only who may read a feed learns it: its end is nothing that can be guessed, for a subscriber's server has
    no name and no token. It is another one after somebody may not read any more.
    """
    if not has_hub(settings):
        return None
    with database.reading() as tx:
        end = meta.read(tx, meta.HUB)
    return f"{settings.serve.public_url}/hub/{end}" if end else None


def topics(settings: Settings) -> dict[str, tuple[PublishedFeed, str]]:
    """Public address of each feed that can be subscribed to: the feed, and its kind."""
    public = settings.serve.public_url
    return {
        f"{public}/feeds/{feed.name}.{kind}": (feed, kind)
        for feed in settings.publish.feeds
        for kind in KINDS
    }
