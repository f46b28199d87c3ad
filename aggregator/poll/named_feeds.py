"""The feeds that the configuration names, as they are served: which stories, and what each says of itself."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from aggregator.model import Story
from aggregator.publish import channel
from aggregator.publish.item import Channel
from aggregator.settings import PublishedFeed, Settings
from storage import meta, readers, stories
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


def channel_at(settings: Settings, feed: PublishedFeed, path: str, database: Database) -> Channel:
    """What a feed says of itself; its address is the one that it is asked for at.

    Args:
        settings: all of them.
        feed: of the configuration, or made for a question.
        path: below the public address, with its query.
        database: knows the address of our hub, and this installation's own UUID.

    """
    public = settings.serve.public_url
    named = channel(settings.publish, feed, feed.name, database.uuid, public)
    if not public:
        return Channel(named.title, named.id, named.author)
    address = f"{public}{path}"
    hub = hub_of(settings, database) if address in topics(settings) else None
    return replace(named, home=public, address=address, hub=hub)


def has_hub(settings: Settings) -> bool:
    """Whether there is to be a hub of our own."""
    serve = settings.serve
    return bool(serve.public_url and serve.enabled and settings.websub.hub != "none")


def hub_of(settings: Settings, database: Database) -> str | None:
    """The address of our own hub, where there is one.

    Only who may read a feed learns it: its end is nothing that can be guessed, for a subscriber's server has
    no name and no token. When a reader comes or goes it is another one.
    """
    if not has_hub(settings):
        return None
    with database.reading() as tx:
        key = meta.read(tx, meta.HUB)
        ids = ",".join(str(reader.id) for reader in readers.listed(tx))
    if key is None:
        return None
    end = hmac.new(bytes.fromhex(key), ids.encode(), hashlib.sha256).hexdigest()[:32]
    return f"{settings.serve.public_url}/hub/{end}"


def topics(settings: Settings) -> dict[str, tuple[PublishedFeed, str]]:
    """Public address of each feed that can be subscribed to: the feed, and its kind."""
    public = settings.serve.public_url
    return {
        f"{public}/feeds/{feed.name}.{kind}": (feed, kind)
        for feed in settings.publish.feeds
        for kind in KINDS
    }
