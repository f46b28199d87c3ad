"""Files from a drop folder that hold one report: plain text, Markdown, HTML."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from aggregator.errors import ParseError
from aggregator.model import Entry, Parsed
from aggregator.parse import entry_fields, markup
from aggregator.parse.entry_fields import Limits
from aggregator.parse.plaintext import paragraphs
from aggregator.web_address import web_address

_LONGEST_TITLE = 200  # characters; a first paragraph is mostly longer
_DATED = re.compile(
    r"\s{0,20}date[:\s]\s{0,20}"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?)"
    r"(?:\s|$)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?:[.;:,]|[。।])[\"'”’»)\]]{0,3}$")
_ABBREVIATION_END = re.compile(r"(?:^|[\s.])\w\.$")  # "back in the U.S."
_FRONT = re.compile(r"([A-Za-z_]{1,20})[ \t]{0,5}:[ \t]{0,5}(.{0,1000})")
_LONGEST_FRONT = 100  # lines
# Of a page that gives no date in its head: what it tells search engines.
_LINKED_DATA_DATE = re.compile(r'"datePublished"\s{0,5}:\s{0,5}"([0-9T:.+Z -]{10,40})"')
_DATES = (
    "article:published_time",
    "datepublished",
    "date",
    "pubdate",
    "publishdate",
    "dc.date",
    "dcterms.created",
)
_AUTHORS = ("author", "article:author", "dc.creator", "parsely-author")

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def parse_text(text: str, limits: Limits) -> Parsed:
    """The one entry of a text file.

    It may begin with ``date 2022-12-02``. The first paragraph, on the same line or below, is the title where
    it looks like one.

    Raises:
        ParseError: there is nothing in it.
    """
    dated = _DATED.match(text)
    blocks = paragraphs(text[dated.end() :] if dated else text).split("\n\n")
    title = blocks.pop(0) if _is_title(blocks) else ""
    return _one(
        Entry(
            title=markup.line(title),
            text=markup.prose("\n\n".join(blocks)),
            published=dated[1] if dated else None,
        ),
        limits,
    )


def parse_markdown(text: str, limits: Limits) -> Parsed:
    """The one entry of a Markdown file; ``title``, ``date``, ``author`` and ``url`` from its front matter.

    Raises:
        ParseError: there is nothing in it.
    """
    front, body = _front_matter(text)
    tokens = _MARKDOWN.parse(body)
    heading = _take_heading(tokens)
    return _one(
        Entry(
            url=front.get("url"),
            title=markup.line(front.get("title", "")) or heading,
            text=markup.plain(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})),
            authors=(front.get("author", ""),),
            published=front.get("date"),
            language=front.get("lang") or front.get("language"),
        ),
        limits,
    )


def parse_html(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The one entry of a saved page: its text without what stands around the article.

    Raises:
        ParseError: there is nothing in it.
    """
    page = markup.page(text)
    meta = page.meta
    title = markup.line(meta.get("og:title", "")) or page.title or page.heading
    linked = _LINKED_DATA_DATE.search(text)
    authors = [meta[name] for name in _AUTHORS if meta.get(name) and not web_address(meta[name])]
    return _one(
        Entry(
            url=page.canonical or meta.get("og:url"),
            title=title,
            text=_without_first(markup.plain(text, page=True), {title, page.heading}),
            authors=tuple(authors[:1]),
            published=next((meta[name] for name in _DATES if meta.get(name)), linked[1] if linked else None),
            updated=meta.get("article:modified_time"),
            language=page.language,
            publisher=meta.get("og:site_name"),
        ),
        limits,
        url,
    )


def _one(entry: Entry, limits: Limits, base: str | None = None) -> Parsed:
    trimmed = entry_fields.trim(entry, limits, base)
    if trimmed is None or not (trimmed.title or trimmed.text):
        raise ParseError("there is no text in it", hint="look whether the file was written whole")
    return Parsed(entries=(trimmed,))


def _is_title(blocks: list[str]) -> bool:
    """Whether the first of these paragraphs is the title of the rest."""
    first = blocks[0]
    ends = _SENTENCE_END.search(first) and not _ABBREVIATION_END.search(first)
    return len(first) <= _LONGEST_TITLE and not ends and len(blocks) > 1


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The simple ``name: value`` lines between two ``---`` at the top, and what follows."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        return {}, text
    end = next(
        (at for at, line in enumerate(lines[1:_LONGEST_FRONT], 1) if line.strip() in {"---", "..."}), None
    )
    if end is None:
        return {}, text
    pairs = (match for line in lines[1:end] if (match := _FRONT.fullmatch(line.rstrip())))
    return {match[1].lower(): match[2].strip(" \"'") for match in pairs}, "\n".join(lines[end + 1 :])


def _take_heading(tokens: list[Token]) -> str:
    """The first heading; taken out of the text where it stands at its top."""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = markup.line(_MARKDOWN.renderer.render([tokens[at + 1]], _MARKDOWN.options, {}))
            if at == 0:
                del tokens[:3]
            return heading
    return ""


def _without_first(text: str, titles: set[str]) -> str:
    """The text without a first paragraph that only says the title again."""
    first, _, rest = text.partition("\n\n")
    return rest if first and first in titles else text
