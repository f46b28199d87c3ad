"""A feed's text, made fit for feedparser: found, refused where it would be dangerous, repaired, bounded."""

from __future__ import annotations

import html
import re
from collections import deque
from xml.sax.saxutils import escape

from aggregator.errors import ParseError
from aggregator.parse import markup
from aggregator.parse.plaintext import clip, one_line

_FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel", "entry", "item"})  # Atom has documents of one entry
_PAGE_ROOTS = frozenset(
    {"html", "head", "body", "title", "meta", "script", "div", "p", "h1", "center", "br", "b"}
)
_OTHER_ROOTS = {
    "opml": ("a list of feeds (OPML)", "save it as a file, and take it in with `aggregator import FILE`"),
    "urlset": ("a sitemap", "find the site's feed: often /feed, /rss or /atom.xml"),
    "sitemapindex": ("a sitemap", "find the site's feed: often /feed, /rss or /atom.xml"),
}
_ROOT = re.compile(r"<(?:[\w.-]{1,50}:)?([A-Za-z][\w.-]{0,50})")
_EDGE = re.compile(r"<(/?)(?:[\w.-]{1,50}:)?(?:item|entry)(?=[\s/>])", re.IGNORECASE)
_LATE_START = 20_000  # characters in which a feed may begin after what a broken server wrote before it
_CDATA = "<![CDATA["
# An ampersand that begins none of XML's own five references: a number, an entity of HTML, or a bare one.
_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#[xX]([0-9A-Fa-f]+);?|#([0-9]+);?|([A-Za-z][A-Za-z0-9]{0,31};))?"
)


def document(text: str) -> tuple[str, int]:
    """A feed from its root element on, and how many lines stand before that.

    Raises:
        ParseError: it is no feed, or declares entities.
    """
    start = _prolog_end(text, 0)
    first = root = _root(text, start)
    if root not in _FEED_ROOTS and (late := text.find("<?xml", start + 1, start + _LATE_START)) > 0:
        start = _prolog_end(text, late)
        root = _root(text, start)
    if root not in _FEED_ROOTS:
        raise _no_feed(text, first)
    return text[start:], text.count("\n", 0, start)


def repaired(text: str) -> str:
    """The same with every ampersand as XML wants it. feedparser fails at references to no character."""
    first, *others = text.split(_CDATA)
    sections = [section.partition("]]>") for section in others]
    return _CDATA.join(
        [_AMPERSAND.sub(_reference, first)]
        + [data + end + _AMPERSAND.sub(_reference, rest) for data, end, rest in sections]
    )


def bounded(text: str, most: int) -> tuple[str, str | None]:
    """The text up to so many entries, closed again; what is wrong with it, if it was cut."""
    starts = (match.start() for match in _EDGE.finditer(text) if not match[1])
    end = next((start for number, start in enumerate(starts) if number == most), None)
    if end is None:
        return text, None
    root = _ROOT.match(text)
    name = root[0][1:] if root else ""
    closing = f"</channel></{name}>" if name.lower() == "rss" else f"</{name}>"
    return text[:end] + closing, f"it has more than {most} entries; the rest was left out"


def breaks_off(text: str) -> bool:
    """Whether the text ends within an entry."""
    last = next(iter(deque(_EDGE.finditer(text), maxlen=1)), None)
    return last is not None and not last[1]


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


def _no_feed(text: str, root: str) -> ParseError:
    """What it is instead."""
    if root in _OTHER_ROOTS:
        what, hint = _OTHER_ROOTS[root]
        return ParseError(f"{what}, not a feed", hint=hint)
    start = text[:1000].lstrip()
    if start.startswith("<") and (root in _PAGE_ROOTS or "<!doctype html" in start.lower()):
        return _page(markup.page(text[:200_000]))
    return ParseError(
        f"neither RSS, Atom nor JSON Feed: it begins with {clip(one_line(start), 40)!r}",
        hint="look what the address answers, and whether the feed has moved",
    )


def _page(page: markup.Page) -> ParseError:
    about = f" titled {clip(page.title, 80)!r}" if page.title else ""
    hint = "give the address of the site's feed"
    if page.feeds:
        hint = f"the page names this feed: {clip(one_line(page.feeds[0][0]), 200)}"
    return ParseError(f"an HTML page{about}, not a feed", hint=hint)


def _reference(match: re.Match[str]) -> str:
    digits, name = match[1] or match[2], match[3]
    if digits:
        code = int(digits, 16 if match[1] else 10) if len(digits) <= 8 else 0
        return f"&#{code};" if _exists(code) else ""
    character = html.unescape(f"&{name}") if name else "&"
    return escape(character)


def _exists(code: int) -> bool:
    """Whether XML has this character."""
    return code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0xFFFF < code < 0x110000
