"""RSS, RDF and Atom to entries; the only door to feedparser.

feedparser reads every dialect there is. It is never handed a string or bytes (it would open them as a path or
a URL), never the prolog of a document (entities that unfold into gigabytes), and never asked to clean or to
resolve markup (its regular expressions are quadratic, and scripts get through): `markup` makes plain text of
everything.
"""

from __future__ import annotations

import io
import re
from collections.abc import Container, Iterator
from typing import Any
from xml.sax import SAXParseException

import feedparser

from aggregator.errors import ParseError
from aggregator.model import Enclosure, Entry, Media, Parsed
from aggregator.parse import entry_fields, feedtext, markup, media
from aggregator.parse.entry_fields import Limits
from aggregator.parse.plaintext import clip, one_line
from aggregator.schedule import pace
from aggregator.web_address import web_address

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_LINKS = frozenset({"enclosure", "via", "related", "canonical"})


def parse(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The entries of a feed.

    Args:
        text: the decoded body.
        limits: how much is taken.
        url: where it came from, for relative links.

    Raises:
        ParseError: it is no feed, or broken so that no entry can be saved. A valid feed may well be empty.
    """
    document, skipped_lines = feedtext.document(text)
    body, damaged = feedtext.bounded(feedtext.repaired(document), limits.entries)
    result = _feedparser(body, url)
    damaged = damaged or _fault(result, skipped_lines)
    found = [entry for entry in result.entries if isinstance(entry, dict)]
    if damaged and found and feedtext.breaks_off(body):
        found.pop()  # its link may be cut short, and would be a report of its own for ever
    if damaged and not found:
        raise ParseError(
            f"no entry can be saved from a broken feed: {damaged}",
            hint="check it with a feed validator and tell its publisher",
        )
    return _parsed(result.feed, found, damaged=damaged, limits=limits, url=url, text=body)


def _feedparser(text: str, url: str | None) -> Any:
    headers = {"content-type": "application/xml; charset=utf-8"}
    # It would make a guid like `1234` absolute too; only `xml:base` it does not get right without.
    if url and "xml:base" in text:
        headers["content-location"] = url
    try:
        return feedparser.parse(
            io.BytesIO(text.encode("utf-8", "replace")),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # of many kinds, from at least sixteen places
        raise ParseError(
            f"the feed is broken in a way that its parser does not survive ({type(error).__name__})",
            hint="check it with a feed validator and tell its publisher",
        ) from error


def _fault(result: Any, skipped_lines: int) -> str | None:
    """What feedparser complained about."""
    if not result.get("bozo"):
        return None
    error = result.get("bozo_exception")
    if isinstance(error, SAXParseException):
        # feedparser puts a declaration on a line of its own before the root element.
        number = (error.getLineNumber() or 1) - 1 + skipped_lines
        return f"not well-formed XML at line {number}: {clip(one_line(error.getMessage()), 200)}"
    return clip(one_line(f"{type(error).__name__}: {error}"), 200)


def _parsed(
    feed: Any, found: list[Any], *, damaged: str | None, limits: Limits, url: str | None, text: str
) -> Parsed:
    home = web_address(_string(feed, "link"), url)
    language = entry_fields.language(_string(feed, "language"))
    entries = (
        entry_fields.trim(_entry(raw, language, url or home), limits, url or home)
        for raw in found[: limits.entries]
    )
    return Parsed(
        entries=tuple(entry for entry in entries if entry is not None),
        title=clip(_title(feed), limits.title) or None,
        url=home,
        language=language,
        damaged=damaged,
        ttl=pace.minutes(
            _string(feed, "ttl"), _string(feed, "sy_updateperiod"), _string(feed, "sy_updatefrequency")
        ),
        skip_hours=pace.skip_hours(text),
        skip_days=pace.skip_days(text),
        hub=next((link for link in _hrefs(feed, {"hub"}) if web_address(link)), None),
        topic=next((link for link in _hrefs(feed, {"self"}) if web_address(link)), None),
    )


def _entry(raw: Any, language: str | None, base: str | None) -> Entry:
    return Entry(
        guid=_string(raw, "id"),
        url=_link(raw),
        title=_title(raw),
        text=_text(raw),
        authors=tuple(_authors(raw)),
        published=_string(raw, "published") or _string(raw, "created"),
        updated=_string(raw, "updated"),  # `dc:date` too
        language=_language(raw) or language,
        publisher=_title(dict.get(raw, "source")) or None,
        links=tuple(_links(raw)),
        tags=tuple(_tags(raw)),
        media=_media(raw, base),
    )


def _media(raw: Any, base: str | None) -> Media:
    """Pictures by Media RSS and iTunes, enclosures of every kind, the markup of the longest text."""
    images = [
        *(_string(each, "url") for each in _dicts(raw, "media_content") if _is_picture(each)),
        *(_string(each, "url") for each in _dicts(raw, "media_thumbnail")),
        _string(dict.get(raw, "image"), "href"),
    ]
    duration = _string(raw, "itunes_duration")
    found: list[Enclosure] = []
    for link in _dicts(raw, "links"):
        if _string(link, "rel") == "enclosure":
            kind, length = _string(link, "type"), _string(link, "length")
            found += media.enclosure(_string(link, "href"), kind, length, duration)
    for each in _dicts(raw, "media_content"):
        kind = _string(each, "type")
        if (kind or "").startswith(("audio/", "video/")):
            length, lasts = _string(each, "filesize"), _string(each, "duration") or duration
            found += media.enclosure(_string(each, "url"), kind, length, lasts)
    texts = (value for value, kind in _candidates(raw) if value and not _binary(kind))
    return media.made(images, found, _string(raw, "comments"), max(texts, key=len, default=""), base)


def _is_picture(content: Any) -> bool:
    kind = _string(content, "type") or ""
    return _string(content, "medium") == "image" or kind.startswith("image/")


def _tags(raw: Any) -> Iterator[str]:
    """Categories as people read them; the numbers that some systems give their pages are none."""
    for tag in _dicts(raw, "tags"):
        name = _string(tag, "label") or _string(tag, "term") or ""
        if not _UUID.fullmatch(name.strip()):
            yield name


def _link(raw: Any) -> str | None:
    """The entry's page; where there is no link feedparser takes a permanent guid."""
    link = _string(raw, "link") or next(_hrefs(raw, {"alternate"}), None)
    # Many a "permanent" guid is a bare number, and no address to be made absolute.
    return link if link != _string(raw, "id") or web_address(link) else None


def _links(raw: Any) -> Iterator[str]:
    if original := _string(raw, "feedburner_origlink"):
        yield original
    yield from _hrefs(raw, _LINKS)


def _hrefs(raw: Any, relations: Container[str]) -> Iterator[str]:
    for link in _dicts(raw, "links"):
        if _string(link, "rel") in relations and (address := _string(link, "href")):
            yield address


def _title(raw: Any) -> str:
    return markup.line(_unmarked(_string(raw, "title"), _type(raw, "title_detail")))


def _text(raw: Any) -> str:
    """The longest of all that may be the entry's text."""
    return max((markup.prose(_unmarked(value, kind)) for value, kind in _candidates(raw)), key=len)


def _candidates(raw: Any) -> list[tuple[str | None, str | None]]:
    """All that may be the entry's text, each with what it is said to be."""
    candidates = [(_string(raw, "summary"), _type(raw, "summary_detail"))]
    return candidates + [(_string(part, "value"), _string(part, "type")) for part in _dicts(raw, "content")]


def _unmarked(value: str | None, kind: str | None) -> str:
    """Plain text where the feed says that it is HTML; else what it is shows itself later."""
    if not value or _binary(kind):
        return ""
    return markup.plain(value) if kind in _HTML_TYPES and "<" in value else value


def _binary(kind: str | None) -> bool:
    return (kind or "").startswith(("image/", "audio/", "video/"))


def _authors(raw: Any) -> Iterator[str]:
    for author in _dicts(raw, "authors"):
        if name := _string(author, "name"):
            yield name


def _language(raw: Any) -> str | None:
    """The entry's own language, else that of its first part that has one."""
    parts = [
        raw,
        *(dict.get(raw, key) for key in ("title_detail", "summary_detail")),
        *_dicts(raw, "content"),
    ]
    return next((language for part in parts if (language := _string(part, "language"))), None)


# An element with attributes that feedparser does not know becomes a dictionary, under whatever name it has:
# nothing that it returns is sure to be of the type that one expects.


def _string(raw: Any, key: str) -> str | None:
    # `dict.get`: its own `get` gives `published` for `updated`, and warns.
    value = dict.get(raw, key) if isinstance(raw, dict) else None
    return value if isinstance(value, str) and value.strip() else None


def _type(raw: Any, key: str) -> str | None:
    return _string(dict.get(raw, key), "type") if isinstance(raw, dict) else None


def _dicts(raw: Any, key: str) -> list[Any]:
    values = dict.get(raw, key)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
