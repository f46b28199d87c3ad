"""HTML to plain text; the only door to nh3.

Nothing that leaves here is markup: a ``<`` that is left is the character, and whoever publishes escapes it.
nh3 parses as a browser does, so what a browser would run or hide goes with its content, not only its tags.
"""

from __future__ import annotations

import functools
import html
import re
from dataclasses import dataclass

import nh3

from aggregator.parse.plaintext import encodable, one_line, paragraphs


def _set(names: str) -> set[str]:
    return set(names.split())


# What no reader sees as text.
_INERT = _set(
    "applet audio button canvas datalist dialog embed frameset iframe map math noembed noframes noscript "
    "object script select style svg template textarea title video xmp"
)
# What stands around the article of a page.
_FURNITURE = _set("nav header footer aside form menu")
_BLOCKS = _set(
    "address article blockquote br caption center dd details div dl dt fieldset figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr legend li main ol p pre section summary table tbody td tfoot th thead tr ul"
)
_INLINE = _set(
    "a abbr acronym b bdi bdo big body cite code del dfn em font head html i img input ins kbd label link "
    "mark meta q s samp small span strike strong sub sup time tt u var wbr"
)
_FACTS = {
    "meta": _set("property name itemprop content"),
    "link": _set("rel href type title"),
    "base": _set("href"),
}
_NO_ATTRIBUTES: dict[str, set[str]] = {}

_PARAGRAPHS = nh3.Cleaner(
    tags=_BLOCKS | _FURNITURE, clean_content_tags=_INERT, attributes=_NO_ATTRIBUTES, link_rel=None
)
_ARTICLE = nh3.Cleaner(
    tags=_BLOCKS, clean_content_tags=_INERT | _FURNITURE, attributes=_NO_ATTRIBUTES, link_rel=None
)
_HEAD = nh3.Cleaner(
    tags={"title", "h1", *_FACTS}, clean_content_tags=_INERT - {"title"}, attributes=_FACTS, link_rel=None
)

_SHOWN = _set(
    "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del details dfn dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small strong sub summary sup table "
    "tbody td tfoot th thead time tr u ul var"
)
_SHOWN_ATTRIBUTES = {
    "a": _set("href"),
    "img": _set("src alt"),
    "td": _set("colspan rowspan"),
    "th": _set("colspan rowspan"),
    "time": _set("datetime"),
    "bdo": _set("dir"),
    "ol": _set("start"),
}
# Else plain text says the same.
_SAYING = re.compile(r"<(?:a|b|blockquote|cite|code|dl|em|h[1-6]|i|img|li|pre|strong|table|sub|sup)[ >]")
_PICTURE = re.compile(r'<img(?: alt="[^"]*")? src="([^"]+)"')

_BLOCK = re.compile(rf"<(?:{'|'.join(sorted(_BLOCKS))})[\s/>]", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t\r]{0,99}\n")

# nh3 writes the character as `&lt;`, so each of these is a tag that it kept, and has no attributes.
_LINE_BREAK = re.compile("<br>")
_CELL = re.compile("</?t[dh]>")
_TAG = re.compile("</?[a-z][a-z0-9]{0,15}>")
_SPACE = re.compile(r"\s+")
# It writes attributes in double quotes, and escapes those within.
_FACT = re.compile(r'<(meta|link|base)((?: [a-z:-]{1,20}="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z:-]{1,20})="([^"]*)"')
_LANGUAGE = re.compile(r"<html\b[^>]{0,500}?\slang\s{0,3}=\s{0,3}[\"']?([A-Za-z0-9-]{2,35})", re.IGNORECASE)

_NAMES = "|".join(sorted(_BLOCKS | _INLINE | _INERT | _FURNITURE))
_MARKUP = re.compile(
    rf"</(?:{_NAMES})\s{{0,20}}>"  # only markup closes what it opened
    rf"|<(?:{_NAMES})(?:\s[^<>=]{{1,60}}=|\s{{0,20}}/)"  # an attribute, or closed at once
    r"|<(?:br|hr|p|li|ol|ul|div|span|img|script|style|iframe|svg|math)\s{0,20}>|<!--",
    re.IGNORECASE,
)
# `?a=1&copy=2` holds none.
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_FEED_TYPES = _set("application/rss+xml application/atom+xml application/feed+json application/rdf+xml")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says about itself.

    Attributes:
        title: the content of ``title``; may be empty.
        heading: the first ``h1``; may be empty.
        language: of the ``html`` element.
        meta: contents of ``meta`` by ``property``, ``name`` or ``itemprop`` in lower case; the first of each.
        canonical: the page's own address, as written.
        feeds: addresses of its feeds, as written, and their titles, which may be empty.
        base: where its relative addresses start, as written, if that is not its own.
    """

    title: str
    heading: str
    language: str | None
    meta: dict[str, str]
    canonical: str | None
    feeds: tuple[tuple[str, str], ...]
    base: str | None = None


def plain(markup: str, *, page: bool = False) -> str:
    """The text of HTML: paragraphs with a blank line between them.

    Args:
        markup: a fragment or a whole page.
        page: leave out what stands around the article: navigation, header, footer, aside, forms.
    """
    if not _BLOCK.search(markup):
        # Somebody put a few tags into plain text: its paragraphs are what they were.
        markup = _BLANK_LINE.sub("<br><br>", markup)
    kept = (_ARTICLE if page else _PARAGRAPHS).clean(encodable(markup))
    kept = _LINE_BREAK.sub("\n", _SPACE.sub(" ", kept))
    kept = _TAG.sub("\n\n", _CELL.sub(" ", kept))
    return paragraphs(html.unescape(kept))


def prose(text: str) -> str:
    """Paragraphs from a text that may be plain, HTML, or HTML escaped once too often: nobody knows."""
    if not _MARKUP.search(text):
        text = _decode(text)
    return plain(text) if _MARKUP.search(text) else paragraphs(text)


def line(text: str) -> str:
    """One line from such a text: a title or a name. ``5 < 6`` stays, ``<b>five</b>`` does not."""
    return one_line(_decode(prose(text)))


def page(markup: str) -> Page:
    """What a page says about itself, in its head and its first heading."""
    kept = _HEAD.clean(encodable(markup))
    meta: dict[str, str] = {}
    links: list[dict[str, str]] = []
    base = None
    for tag, written in _FACT.findall(kept):
        fact = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(written)}
        if tag == "link":
            links.append(fact)
        elif tag == "base":
            base = base or fact.get("href")
        elif name := fact.get("property") or fact.get("name") or fact.get("itemprop"):
            meta.setdefault(name.lower(), fact.get("content", ""))
    language = _LANGUAGE.search(markup[:20_000])
    return Page(
        title=line(_between(kept, "<title>", "</title>")),
        heading=line(_between(kept, "<h1>", "</h1>")),
        language=language[1] if language else None,
        meta=meta,
        canonical=next((fact["href"] for fact in _related(links, "canonical")), None),
        feeds=tuple(
            (fact["href"], line(fact.get("title", "")))
            for fact in _related(links, "alternate")
            if fact.get("type", "").partition(";")[0].strip().lower() in _FEED_TYPES
        ),
        base=base,
    )


@functools.lru_cache(64)
def _rich(base: str | None) -> nh3.Cleaner:
    """Keeps the markup that says something; addresses are absolute, and of the web."""
    return nh3.Cleaner(
        tags=_SHOWN,
        clean_content_tags=_INERT | _FURNITURE - {"header"},
        attributes=_SHOWN_ATTRIBUTES,
        url_schemes={"http", "https"},
        url_relative=("rewrite_with_base", base) if base else "deny",
        link_rel="noopener noreferrer nofollow",
    )


def rich(text: str, base: str | None) -> str:
    """The markup of a text, safe to show; empty where plain text says the same.

    Args:
        text: HTML, HTML escaped once too often, or plain text.
        base: absolute address that relative ones start from.
    """
    if not _MARKUP.search(text):
        text = _decode(text)
        if not _MARKUP.search(text):
            return ""
    kept = _rich(base).clean(encodable(text)).strip()
    return kept if _SAYING.search(kept) else ""


def pictures(kept: str) -> list[str]:
    """Addresses of the pictures in what `rich` has kept."""
    return [html.unescape(address) for address in _PICTURE.findall(kept)]


def _decode(text: str) -> str:
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _between(text: str, start: str, end: str) -> str:
    begins = text.find(start)
    ends = text.find(end, begins)
    return text[begins + len(start) : ends] if 0 <= begins < ends else ""


def _related(links: list[dict[str, str]], relation: str) -> list[dict[str, str]]:
    return [fact for fact in links if fact.get("href") and relation in fact.get("rel", "").lower().split()]
