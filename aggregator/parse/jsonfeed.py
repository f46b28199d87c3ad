"""JSON Feed 1.0 and 1.1 to entries. feedparser has no reader for it.

Wrong types cost the field, and what is no item costs the item; the rest is taken, and the damage noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.errors import ParseError
from aggregator.model import Enclosure, Entry, Media, Parsed
from aggregator.parse import entry_fields, lenient_json, markup, media
from aggregator.parse.entry_fields import Limits
from aggregator.parse.lenient_json import objects, string, strings
from aggregator.parse.plaintext import clip
from aggregator.web_address import web_address


def parse(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The entries of a JSON Feed.

    Args:
        text: the decoded body.
        limits: how much is taken.
        url: where it came from, for relative links.

    Raises:
        ParseError: it is no JSON, or no JSON Feed.
    """
    feed = lenient_json.load(text)
    if not is_feed(feed):
        raise ParseError(
            "JSON, but no JSON Feed: there is no list `items`",
            hint="look whether the site has a feed at another address",
        )
    return read(feed, limits, url)


def is_feed(value: Any) -> bool:
    """Whether a JSON value looks like a JSON Feed."""
    return isinstance(value, dict) and isinstance(value.get("items"), list)


def read(feed: dict[str, Any], limits: Limits, url: str | None = None) -> Parsed:
    """The entries of a JSON Feed that was loaded already; as `parse`."""
    home = web_address(string(feed, "home_page_url"), url)
    language = entry_fields.language(string(feed, "language"))
    items = feed["items"][: limits.entries]
    shaped = (
        entry_fields.trim(_entry(item, language, url or home), limits, url or home)
        for item in items
        if isinstance(item, dict)
    )
    entries = tuple(entry for entry in shaped if entry is not None)
    return Parsed(
        entries=entries,
        title=clip(markup.line(string(feed, "title") or ""), limits.title) or None,
        url=home,
        language=language,
        damaged=_damage(feed, len(items), len(entries)),
        hub=next((hub for hub in _hubs(feed) if web_address(hub)), None),
        topic=web_address(string(feed, "feed_url")),
    )


def _damage(feed: dict[str, Any], taken: int, good: int) -> str | None:
    if good < taken:
        return f"{taken - good} of {taken} items have nothing in them that can be shown"
    if len(feed["items"]) > taken:
        return f"it has more than {taken} entries; the rest was left out"
    return None


def _entry(item: dict[str, Any], language: str | None, base: str | None) -> Entry:
    return Entry(
        guid=string(item, "id"),
        url=string(item, "url"),
        title=markup.line(string(item, "title") or ""),
        text=max(_texts(item), key=len),
        authors=tuple(name for author in _authors(item) if (name := string(author, "name"))),
        published=string(item, "date_published"),
        updated=string(item, "date_modified"),
        language=entry_fields.language(string(item, "language")) or language,
        links=tuple(_links(item)),
        tags=tuple(strings(item, "tags")),
        media=_media(item, base),
    )


def _media(item: dict[str, Any], base: str | None) -> Media:
    found: list[Enclosure] = []
    for each in objects(item, "attachments"):
        length, lasts = each.get("size_in_bytes"), each.get("duration_in_seconds")
        found += media.enclosure(string(each, "url"), string(each, "mime_type"), length, lasts)
    images = [string(item, "image"), string(item, "banner_image")]
    return media.made(images, found, None, string(item, "content_html") or "", base)


def _texts(item: dict[str, Any]) -> Iterator[str]:
    """All that may be the item's text. Only ``content_html`` is said to be markup; not everybody knows."""
    yield markup.prose(string(item, "content_text") or "")
    yield markup.prose(string(item, "summary") or "")
    content = string(item, "content_html") or ""
    yield markup.plain(content) if "<" in content else markup.prose(content)


def _authors(item: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(item, "authors") or objects(item, "author")  # 1.1, else 1.0


def _links(item: dict[str, Any]) -> Iterator[str]:
    if external := string(item, "external_url"):
        yield external
    for attachment in objects(item, "attachments"):
        if address := string(attachment, "url"):
            yield address


def _hubs(feed: dict[str, Any]) -> Iterator[str]:
    for hub in objects(feed, "hubs"):
        if str(hub.get("type", "")).lower() == "websub" and (address := string(hub, "url")):
            yield address
