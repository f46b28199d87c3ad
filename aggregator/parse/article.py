"""The text of an article from its page; the only door to trafilatura. Runs in the parser process."""

from __future__ import annotations

from aggregator.errors import ParseError
from aggregator.model import Entry, Parsed
from aggregator.parse import entry_fields, markup
from aggregator.parse.entry_fields import Limits
from aggregator.parse.plaintext import paragraphs


def parse(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The one entry of a page: its title, and the article without all that stands around it.

    Args:
        text: the page.
        limits: how much is taken.
        url: where it came from.

    Raises:
        ParseError: there is no article in it.
    """
    from trafilatura import extract  # noqa: PLC0415 - an extra, and half a second that other bodies save

    article = extract(text, url=url, include_comments=False, include_tables=False) or ""
    page = markup.page(text)
    title = markup.line(page.meta.get("og:title", "")) or page.title or page.heading
    told = Entry(title=title, text=paragraphs(article), language=page.language)
    entry = entry_fields.trim(told, limits, url)
    if entry is None or not entry.text:
        raise ParseError("there is no article in the page")
    return Parsed(entries=(entry,))
