"""JSON Feed 1.1: for programs and the newer readers.

The extension ``_story`` of an item carries what the other formats can only say in words: the number of
publishers and of independent texts, and each report with its publisher, language and date. Reports of one
``copy_group`` are the same text. ``replaces`` are the ids of items whose stories were merged into this one.
"""

import json
from collections.abc import Sequence
from typing import Any

from aggregator.model import Enclosure, Story
from aggregator.publish.item import Channel, Item, ReportLine, item


def render(channel: Channel, stories: Sequence[Story]) -> bytes:
    """The stories as a JSON Feed, in the order given."""
    feed = _without_nothing(
        version="https://jsonfeed.org/version/1.1",
        title=channel.title,
        description=channel.description,
        home_page_url=channel.home,
        feed_url=channel.address,
        authors=[{"name": channel.author}],
        hubs=[{"type": "WebSub", "url": channel.hub}] if channel.hub else [],
    )
    feed["items"] = [_item(item(story, channel.pages)) for story in stories]
    return json.dumps(feed, ensure_ascii=False, indent=1).encode() + b"\n"


def _item(shown: Item) -> dict[str, Any]:
    return _without_nothing(
        id=shown.id,
        url=shown.link,
        external_url=shown.original if shown.original != shown.link else None,
        title=shown.title,
        image=shown.picture,
        summary=shown.summary,
        content_html=shown.html,
        date_published=shown.published.isoformat(),
        date_modified=shown.updated.isoformat(),
        authors=[{"name": name} for name in shown.publishers],
        tags=list(shown.tags),
        attachments=[_attachment(each) for each in shown.enclosures],
        _story=_without_nothing(
            publishers=len(shown.publishers),
            voices=shown.voices,
            replaces=list(shown.replaces),
            reports=[_report(line) for line in shown.lines],
        ),
    )


def _attachment(each: Enclosure) -> dict[str, Any]:
    return _without_nothing(
        url=each.url,
        mime_type=each.type or "application/octet-stream",
        size_in_bytes=each.length,
        duration_in_seconds=each.duration,
    )


def _report(line: ReportLine) -> dict[str, Any]:
    return _without_nothing(
        id=line.id,
        copy_group=line.copy_group,
        source=line.source,
        publisher=line.publisher,
        title=line.title,
        url=line.link,
        date_published=line.published.isoformat(),
        language=line.language,
        adds=list(line.adds),
    )


def _without_nothing(**members: Any) -> dict[str, Any]:
    """The members that say something: an empty list or text is left out."""
    return {name: value for name, value in members.items() if value not in (None, "", [])}
