"""RSS, RDF and Atom to entries; the only door to feedparser.

feedparser reads every dialect there is. It is never handed a string or bytes (it would open them as a path or
a URL), never the prolog of a document (entities that unfold into gigabytes), and never asked to clean or to
resolve markup (its regular expressions are quadratic, and scripts get through): `markup` makes plain text of
everything.
"""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Container, Iterator
from typing import Any
from xml.sax import SAXParseException

import feedparser

from aggregator.errors import ParseError
from aggregator.intake import markup, pace, shape
from aggregator.intake.plaintext import clip, one_line
from aggregator.intake.shape import Limits
from aggregator.model import Entry, Parsed

_PAGE_ROOTS = frozenset(
    {"html", "head", "body", "title", "meta", "script", "div", "p", "h1", "center", "br", "b"}
)
_OTHER_ROOTS = {
    "opml": ("a list of feeds (OPML)", "take the addresses out of it and give each as a source"),
    "urlset": ("a sitemap", "find the site's feed: often /feed, /rss or /atom.xml"),
    "sitemapindex": ("a sitemap", "find the site's feed: often /feed, /rss or /atom.xml"),
}
_ROOT = re.compile(r"<(?:[\w.-]{1,50}:)?([A-Za-z][\w.-]{0,50})")
_FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel", "entry", "item"})  # Atom has documents of one entry
_EDGE = re.compile(r"<(/?)(?:[\w.-]{1,50}:)?(?:item|entry)(?=[\s/>])", re.IGNORECASE)
_NUMBER = re.compile(r"&#(?:[xX]([0-9A-Fa-f]+)|([0-9]+));?")
_LATE_START = 20_000  # characters in which a feed may begin after what a broken server wrote before it
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
    document, skipped_lines = _document(text)
    body, damaged = _bounded(_NUMBER.sub(_character, document), limits.entries)
    result = _feedparser(body)
    damaged = damaged or _fault(result, skipped_lines)
    found = [entry for entry in result.entries if isinstance(entry, dict)]
    if damaged and found and _cut_off(body):
        found.pop()  # its link may be cut short, and would be a report of its own for ever
    if damaged and not found:
        raise ParseError(
            f"no entry can be saved from a broken feed: {damaged}",
            hint="check it with a feed validator and tell its publisher",
        )
    return _parsed(result.feed, found, damaged=damaged, limits=limits, url=url, text=body)


def _document(text: str) -> tuple[str, int]:
    """A feed from its root element on, and how many lines stand before that; what is no feed is refused."""
    start = _prolog_end(text, 0)
    root = _root(text, start)
    if root not in _FEED_ROOTS and (late := text.find("<?xml", start + 1, start + _LATE_START)) > 0:
        start = _prolog_end(text, late)
        root = _root(text, start)
    if root not in _FEED_ROOTS:
        raise _no_feed(text, _root(text, _prolog_end(text, 0)))
    return text[start:], text.count("\n", 0, start)


def _no_feed(text: str, root: str) -> ParseError:
    """What it is instead."""
    if root in _OTHER_ROOTS:
        what, hint = _OTHER_ROOTS[root]
        return ParseError(f"{what}, not a feed", hint=hint)
    start = text[:1000].lstrip()
    if start.startswith("<") and (root in _PAGE_ROOTS or "<!doctype html" in start.lower()):
        return _page_error(text)
    return ParseError(
        f"neither RSS, Atom nor JSON Feed: it begins with {clip(one_line(start), 40)!r}",
        hint="look what the address answers, and whether the feed has moved",
    )


def _prolog_end(text: str, at: int) -> int:
    """Where the root element begins, past the declaration, comments and a harmless DOCTYPE."""
    while (start := text.find("<", at)) >= 0:
        if text.startswith("<?", start):
            at = text.find("?>", start)
        elif text.startswith("<!--", start):
            at = text.find("-->", start)
        elif text[start : start + 9].upper() == "<!DOCTYPE":
            at = text.find(">", start)
            if "[" in text[start : at if at >= 0 else None]:
                raise ParseError(
                    "the DOCTYPE declares entities, which can unfold into gigabytes",
                    hint="no feed needs them; ask the publisher to leave the internal subset out",
                )
        else:
            return start
        if at < 0:
            break
    return len(text)


def _root(text: str, start: int) -> str:
    """The local name of the element that begins there, in lower case; "" where none does."""
    match = _ROOT.match(text, start)
    return match[1].lower() if match else ""


def _page_error(text: str) -> ParseError:
    page = markup.page(text[:200_000])
    about = f" titled {clip(page.title, 80)!r}" if page.title else ""
    hint = "give the address of the site's feed"
    if page.feeds:
        hint = f"the page names this feed: {clip(one_line(page.feeds[0]), 200)}"
    return ParseError(f"an HTML page{about}, not a feed", hint=hint)


def _character(match: re.Match[str]) -> str:
    """A reference as it should be; none to what is no character in XML: feedparser fails at the first."""
    digits = match[1] or match[2]
    code = int(digits, 16 if match[1] else 10) if len(digits) <= 8 else 0
    exists = (
        code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0xFFFF < code < 0x110000
    )
    return match[0].rstrip(";") + ";" if exists else ""


def _bounded(text: str, most: int) -> tuple[str, str | None]:
    """The text up to so many entries, closed again; what is wrong with it, if it was cut."""
    starts = (match.start() for match in _EDGE.finditer(text) if not match[1])
    end = next((start for number, start in enumerate(starts) if number == most), None)
    if end is None:
        return text, None
    root = _ROOT.match(text)
    name = root[0][1:] if root else ""
    closing = f"</channel></{name}>" if name.lower() == "rss" else f"</{name}>"
    return text[:end] + closing, f"it has more than {most} entries; the rest was left out"


def _feedparser(text: str) -> Any:
    body = io.BytesIO(text.encode("utf-8", "replace"))
    try:
        return feedparser.parse(
            body,
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers={"content-type": "application/xml; charset=utf-8"},
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


def _cut_off(text: str) -> bool:
    """Whether the text ends within an entry."""
    last = next(iter(deque(_EDGE.finditer(text), maxlen=1)), None)
    return last is not None and not last[1]


def _parsed(
    feed: Any, found: list[Any], *, damaged: str | None, limits: Limits, url: str | None, text: str
) -> Parsed:
    home = shape.web_address(_string(feed, "link"), url)
    language = shape.language(_string(feed, "language"))
    entries = (shape.trim(_entry(raw, language), limits, url or home) for raw in found[: limits.entries])
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
        hub=next((link for link in _hrefs(feed, {"hub"}) if shape.web_address(link)), None),
    )


def _entry(raw: Any, language: str | None) -> Entry:
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
        tags=tuple(_string(tag, "label") or _string(tag, "term") or "" for tag in _dicts(raw, "tags")),
    )


def _link(raw: Any) -> str | None:
    """The entry's page; where there is no link feedparser takes a permanent guid."""
    link = _string(raw, "link") or next(_hrefs(raw, {"alternate"}), None)
    # Many a "permanent" guid is a bare number, and no address to be made absolute.
    return link if link != _string(raw, "id") or shape.web_address(link) else None


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
    candidates = [(_string(raw, "summary"), _type(raw, "summary_detail"))]
    candidates += [(_string(part, "value"), _string(part, "type")) for part in _dicts(raw, "content")]
    return max((markup.prose(_unmarked(value, kind)) for value, kind in candidates), key=len)


def _unmarked(value: str | None, kind: str | None) -> str:
    """Plain text where the feed says that it is HTML; else what it is shows itself later."""
    if not value or (kind or "").startswith(("image/", "audio/", "video/")):
        return ""
    return markup.plain(value) if kind in _HTML_TYPES and "<" in value else value


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
