"""Stories as items of the Google Reader API, in JSON and in Atom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from aggregator.model import Member, Story
from aggregator.publish.item import item as published
from aggregator.publish.words import one_line
from aggregator.serve.greader import naming
from aggregator.serve.greader.naming import Feed
from storage.marks import Mark

_ATOM = "http://www.w3.org/2005/Atom"
_SCHEME = "http://www.google.com/reader/"  # of the categories that tell newsboat what has been read
_REFERENCE = re.compile(r"&(?=#?\w+;)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReaderItem:
    """A story as an item.

    Attributes:
        story: which.
        feed: that it is shown under, where an app shows it under one.
        is_read: whether nothing new has come since it was read.
        is_starred: whether it is.
        labels: tags of its sources.
    """

    story: Story
    feed: Feed | None
    is_read: bool
    is_starred: bool
    labels: tuple[str, ...]

    @property
    def states(self) -> list[str]:
        """Names of the streams of the reader that it is in."""
        found = [naming.READING_LIST]
        found += [naming.READ] if self.is_read else []
        found += [naming.STARRED] if self.is_starred else []
        return found


def items(stories: Iterable[Story], marks: Mapping[int, Mark], feeds: Sequence[Feed]) -> list[ReaderItem]:
    """Stories with what a reader has marked of them."""
    by_source = {feed.source: feed for feed in feeds if feed.source}
    found = []
    for story in stories:
        mark = marks.get(story.id, Mark())
        shown = [by_source[member.source] for member in _by_rank(story) if member.source in by_source]
        labels = tuple(dict.fromkeys(label for feed in shown for label in feed.labels))
        feed = shown[0] if shown else None
        starred = mark.starred is not None
        found.append(ReaderItem(story, feed, mark.is_read(story.voices), starred, labels))
    return found


def _by_rank(story: Story) -> list[Member]:
    """The best report first: an app shows a story under that one's source."""
    return sorted(story.members, key=lambda member: (member.url != story.url, member.published, member.id))


def last_news(story: Story) -> datetime:
    """When the last of its independent texts was first published: copies make a story no younger."""
    first: dict[int, datetime] = {}
    for member in story.members:
        first[member.copy_group] = min(member.published, first.get(member.copy_group, member.published))
    return max(first.values())


def as_json(each: ReaderItem) -> dict[str, Any]:
    """An item as apps take it."""
    story, shown = each.story, published(each.story)
    links = [{"href": shown.link or "", "type": "text/html"}]  # one at least: apps take the first unseen
    feed = each.feed
    files = [{"href": each.url, "type": each.type, "length": each.length or 0} for each in shown.enclosures]
    return ({"enclosure": files} if files else {}) | {
        "id": naming.item(story.id),
        "crawlTimeMsec": str(microseconds(story.updated) // 1000),
        "timestampUsec": str(microseconds(story.updated)),
        "published": int(last_news(story).timestamp()),
        "updated": int(story.updated.timestamp()),
        "title": plain(shown.title),
        "author": plain(", ".join(shown.publishers)),
        "canonical": links,
        "alternate": links,
        "summary": {"direction": "ltr", "content": shown.html},
        "categories": [*each.states, *(f"{naming.LABEL}{label}" for label in each.labels)],
        "origin": {
            "streamId": feed.id if feed else naming.READING_LIST,
            "title": plain(feed.title) if feed else "",
            "htmlUrl": feed.url if feed else "",
        },
    }


def plain(text: str) -> str:
    """Text that reads the same in apps that take it for HTML and in those that do not."""
    return _REFERENCE.sub("＆", text.replace("<", "＜").replace(">", "＞"))


def as_atom(name: str, title: str, found: Sequence[ReaderItem]) -> bytes:
    """Items as an Atom feed: what newsboat reads."""
    ElementTree.register_namespace("", _ATOM)
    root = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(root, "title", one_line(title))
    _add(root, "id", f"tag:google.com,2005:reader/{one_line(name)}")
    _add(root, "updated", _stamp(max((each.story.updated for each in found), default=_EPOCH)))
    for each in found:
        entry = _add(root, "entry")
        shown = published(each.story)
        _add(entry, "title", shown.title)
        _add(entry, "id", naming.item(each.story.id))
        _add(entry, "published", _stamp(last_news(each.story)))
        _add(entry, "updated", _stamp(each.story.updated))
        _add(_add(entry, "author"), "name", ", ".join(shown.publishers))
        if shown.link:
            _add(entry, "link", rel="alternate", href=shown.link)
        for file in shown.enclosures:
            _add(entry, "link", rel="enclosure", href=file.url, type=file.type, length=str(file.length or 0))
        for state in (*each.states, *([] if each.is_read else [f"{naming.STATE}fresh"])):
            _add(entry, "category", term=state, scheme=_SCHEME, label=state.rpartition("/")[2])
        _add(entry, "content", shown.html, type="html")
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(
    parent: ElementTree.Element, name: str, text: str | None = None, **given: str
) -> ElementTree.Element:
    made = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", given)
    made.text = text
    return made


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(moment: datetime) -> int:
    """The time as the API counts it, since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(said: str) -> datetime | None:
    """A time as apps send it: in seconds, or in thousandths or millionths of them; None where it is none."""
    if not (said.isascii() and said.isdigit() and len(said) <= 17) or not int(said):
        return None
    number, unit = int(said), timedelta(seconds=1)
    if number >= 10**14:
        unit = timedelta(microseconds=1)
    elif number >= 10**11:
        unit = timedelta(milliseconds=1)
    return _EPOCH + number * unit
