"""One body in, entries out: which parser reads what. Runs in the parser process (`sandbox_worker`)."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.errors import ParseError
from aggregator.model import Parsed
from aggregator.parse import article, charset, discovery, document, feed, jsonfeed, mail, records, robots
from aggregator.parse.entry_fields import Limits

_Reader = Callable[[str, Limits, str | None], Parsed]


def parse_here(
    body: bytes,
    kind: str,
    *,
    limits: Limits,
    url: str | None = None,
    content_type: str | None = None,
) -> Parsed:
    """Entries from foreign bytes, in this process: with no bound on time or memory.

    Args:
        body: the decoded body of an answer, or the content of a file.
        kind: ``feed``, ``lines`` (a piece of a file of JSON lines), ``page`` (the feeds that a page names),
            ``article`` (what a page tells), ``robots`` (the address, if a robots.txt lets
            us read it), or the suffix of a file (``.txt``).
        limits: how much is taken.
        url: where it came from; relative links start there.
        content_type: the ``Content-Type`` field that came with it.

    Raises:
        ParseError: nothing could be made of it.
        MemoryError: it needs more memory than there is.
    """
    if not body.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise ParseError("an empty body", hint="it may come back; if not, look at the address or file")
    try:
        if kind == ".eml":
            return mail.parse(body, limits)
        return _reader(kind)(charset.decode(body, content_type), limits, url)
    except (ParseError, MemoryError):
        raise
    except Exception as error:
        raise ParseError(
            f"it is broken in a way that no parser expected ({type(error).__name__})",
            hint="please report it, with the body",
        ) from error


def _reader(kind: str) -> _Reader:
    if reader := _READERS.get(kind):
        return reader
    suffixes = [*(name for name in _READERS if name.startswith(".")), ".eml"]
    raise ParseError(f"no reader for {kind!r}", hint=f"there are readers for {', '.join(suffixes)}")


def _feed(text: str, limits: Limits, url: str | None) -> Parsed:
    """A feed of any format: its first character tells, and no ``Content-Type`` does."""
    is_json = text.lstrip().startswith(("{", "["))
    return jsonfeed.parse(text, limits, url) if is_json else feed.parse(text, limits, url)


_READERS: dict[str, _Reader] = {
    "feed": _feed,
    "lines": lambda text, limits, url: records.parse_piece(text, limits),
    "page": discovery.offers,
    "article": article.parse,
    "robots": robots.readable,
    ".rss": _feed,
    ".atom": _feed,
    ".xml": _feed,
    ".txt": lambda text, limits, url: document.parse_text(text, limits),
    ".md": lambda text, limits, url: document.parse_markdown(text, limits),
    ".html": document.parse_html,
    ".htm": document.parse_html,
    ".json": records.parse_json,
    ".jsonl": lambda text, limits, url: records.parse_lines(text, limits),
}
