"""RSS 2.0: the format that every reader knows.

RSS has one date an item. It is the day the story began, not its last change: readers sort by it and many
show an item as new when it moves, so a story would come to the top again with each report it gains. They find
the change by the guid and the description; the channel's ``lastBuildDate`` tells that there was one.

The reports are listed in the description only. ``<source>`` means one other feed, and ``atom:link`` inside an
item is taken for the item's own link by readers that do not look at namespaces.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from feedgenerator import Rss201rev2Feed, rfc2822_date

from aggregator.model import Story
from aggregator.publish.item import TERMS, Channel, Item, item, last_change

_SPACES = {"xmlns:dc": "http://purl.org/dc/elements/1.1/", "xmlns:media": "http://search.yahoo.com/mrss/"}
_UNKNOWN = "application/octet-stream"


def render(channel: Channel, stories: Sequence[Story]) -> bytes:
    """The stories as an RSS 2.0 document, in the order given."""
    feed = _Feed(
        title=_text(channel.title),
        # A channel must have a link, with any registered scheme: urn is one.
        link=channel.home or channel.id,
        description=_text(channel.description),
        feed_url=channel.address,
    )
    feed.hub = channel.hub
    feed.items = [item(story, channel.pages) for story in stories]
    body = BytesIO()
    feed.write(body, "utf-8")
    return body.getvalue()


class _Feed(Rss201rev2Feed):  # type: ignore[misc]  # feedgenerator ships no types
    items: list[Item]
    hub: str | None = None

    def add_root_elements(self, handler: Any) -> None:
        super().add_root_elements(handler)
        if self.hub:
            handler.addQuickElement("atom:link", None, {"rel": "hub", "href": self.hub})

    def latest_post_date(self) -> datetime:
        # The library would take the time of writing for an empty feed.
        return last_change(self.items)

    def rss_attributes(self) -> dict[str, str]:
        return {**super().rss_attributes(), **_SPACES, **TERMS}

    def item_attributes(self, item: Item) -> Mapping[str, str]:
        return {}

    def add_item_elements(self, handler: Any, item: Item) -> None:
        # The library would write an empty <link> for a story that can be read nowhere.
        handler.addQuickElement("title", _text(item.title))
        if item.link:
            handler.addQuickElement("link", item.link)
        handler.addQuickElement("description", item.html)
        handler.addQuickElement("guid", item.id, {"isPermaLink": "false"})
        handler.addQuickElement("pubDate", rfc2822_date(item.published))
        if item.publishers:
            handler.addQuickElement("dc:creator", _text(", ".join(item.publishers)))
        for former in item.replaces:
            handler.addQuickElement("dcterms:replaces", former)
        for tag in item.tags:
            handler.addQuickElement("category", _text(tag))
        for each in item.enclosures[:1]:  # more than one an item is not agreed on; its three attributes are
            length, kind = str(each.length or 0), each.type or _UNKNOWN
            handler.addQuickElement("enclosure", None, {"url": each.url, "length": length, "type": kind})
        if item.picture:
            handler.addQuickElement("media:content", None, {"url": item.picture, "medium": "image"})


def _text(plain: str) -> str:
    """Plain text for an element of which RSS does not say whether it holds text or HTML.

    Readers take it for either. With its ``<`` escaped once more than XML asks for it is markup to none of
    them; with ``&`` escaped too, half of them would show ``AT&amp;T``.
    """
    return plain.replace("<", "&lt;")
