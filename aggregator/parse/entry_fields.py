"""What a parser found, cut to measure: the one place where foreign values become an `Entry`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aggregator.model import Entry
from aggregator.parse import markup
from aggregator.parse.plaintext import clip, one_line
from aggregator.web_address import web_address

MAX_GUID = 2000
MAX_NAME = 200
MAX_DATE = 100
MAX_LIST = 20

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one body is taken.

    Attributes:
        entries: most entries.
        text: most characters of an entry's text.
        title: most characters of its title.
    """

    entries: int
    text: int
    title: int


def trim(entry: Entry, limits: Limits, base: str | None = None) -> Entry | None:
    """The same entry within limits, or None where nothing is left of it.

    Args:
        entry: title and text are plain already; all other fields are as the source wrote them.
        limits: how much is kept.
        base: absolute address that relative ones start from.
    """
    url = web_address(entry.url, base)
    trimmed = replace(
        entry,
        guid=_short(entry.guid, MAX_GUID),
        url=url,
        title=clip(entry.title, limits.title),
        text=clip(entry.text, limits.text),
        authors=names(entry.authors),
        published=_short(entry.published, MAX_DATE),
        updated=_short(entry.updated, MAX_DATE),
        language=language(entry.language),
        publisher=next(iter(names([entry.publisher])), None),
        links=tuple(link for link in _addresses(entry.links, base) if link != url)[:MAX_LIST],
        tags=names(entry.tags),
    )
    return trimmed if trimmed.title or trimmed.text or trimmed.url else None


def names(values: Iterable[str | None]) -> tuple[str, ...]:
    """The first names of people, publishers or tags: one line each, none twice."""
    found: dict[str, None] = {}
    for value in values:
        if len(found) == MAX_LIST:
            break
        if value and (name := clip(markup.line(value), MAX_NAME)):
            found[name] = None
    return tuple(found)


def language(value: str | None) -> str | None:
    """A language tag as written, or None where the value is none."""
    value = (value or "").strip()
    return value if _LANGUAGE.fullmatch(value) else None


def _addresses(values: Iterable[str], base: str | None) -> dict[str, None]:
    return dict.fromkeys(address for value in values if (address := web_address(value, base)))


def _short(value: str | None, limit: int) -> str | None:
    """The value on one line; None where it is empty, or too long to mean anything."""
    value = one_line((value or "")[: limit * 2])
    return value if 0 < len(value) <= limit else None
