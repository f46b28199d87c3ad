"""Atom 1.0 (RFC 4287): the format that says exactly what it means.

Each report is a ``related`` link of its story, so that a program finds them without reading HTML.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from feedgenerator import Atom1Feed, rfc3339_date

from aggregator.model import Story
from aggregator.publish.item import TERMS, Channel, Item, item, last_change


def render(channel: Channel, stories: Sequence[Story]) -> bytes:
    """The stories as an Atom feed document, in the order given."""
    feed = _Feed(channel, [item(story, channel.pages) for story in stories])
    body = BytesIO()
    feed.write(body, "utf-8")
    return body.getvalue()


class _Feed(Atom1Feed):  # type: ignore[misc]  # feedgenerator ships no types
    """The library's frame and XML writer; it cannot do without a link, and asks the clock for dates."""

    def __init__(self, channel: Channel, items: list[Item]) -> None:
        super().__init__(title=channel.title, link=channel.home, description=None)
        self.channel = channel
        self.items = items

    def add_root_elements(self, handler: Any) -> None:
        handler.addQuickElement("title", self.channel.title)
        handler.addQuickElement("subtitle", self.channel.description)
        for relation, address in (
            ("alternate", self.channel.home),
            ("self", self.channel.address),
            ("hub", self.channel.hub),
        ):
            if address:
                handler.addQuickElement("link", None, {"rel": relation, "href": address})
        handler.addQuickElement("id", self.channel.id)
        handler.addQuickElement("updated", rfc3339_date(last_change(self.items)))
        _author(handler, self.channel.author)

    def root_attributes(self) -> Mapping[str, str]:
        return {**super().root_attributes(), **TERMS}

    def item_attributes(self, item: Item) -> Mapping[str, str]:
        return {}

    def add_item_elements(self, handler: Any, item: Item) -> None:
        handler.addQuickElement("title", item.title)
        handler.addQuickElement("id", item.id)
        handler.addQuickElement("published", rfc3339_date(item.published))
        handler.addQuickElement("updated", rfc3339_date(item.updated))
        for publisher in item.publishers:
            _author(handler, publisher)
        _links(handler, item)
        for tag in item.tags:
            handler.addQuickElement("category", None, {"term": tag})
        for former in item.replaces:
            handler.addQuickElement("dcterms:replaces", former)
        if item.summary:
            handler.addQuickElement("summary", item.summary)
        handler.addQuickElement("content", item.html, {"type": "html"})


def _author(handler: Any, name: str) -> None:
    handler.startElement("author", {})
    handler.addQuickElement("name", name)
    handler.endElement("author")


def _links(handler: Any, item: Item) -> None:
    if item.link:
        handler.addQuickElement("link", None, {"rel": "alternate", "href": item.link})
    for each in item.enclosures:
        given = {"type": each.type, "length": str(each.length) if each.length else ""}
        told = {name: value for name, value in given.items() if value}
        handler.addQuickElement("link", None, {"rel": "enclosure", "href": each.url} | told)
    for line in item.lines:
        if line.link:
            title = f"{line.publisher}: {line.title}"
            handler.addQuickElement("link", None, {"rel": "related", "href": line.link, "title": title})
