"""The language of searches: ``"ferry fire" tarnvik -football source:"BBC News" since:2d voices:>2``.

Words and phrases have to stand in one report of a story, in any case; a word with ``-`` before it in none. A
filter is a name, a colon and a value, in quotation marks where it has spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aggregator.errors import QueryError
from aggregator.model import Query
from aggregator.units import parse_duration

LONGEST = 300
"""Characters of a query."""

_MOST = 12  # words and filters
_PART = re.compile(r"""(?P<minus>-?)(?:(?P<name>[a-z]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))""")
_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
Take = Callable[[Query, str, datetime], Query]
_COUNT = re.compile(r"(>=|>|)(\d{1,4})")


def parse(text: str, now: datetime) -> Query:
    """What a query asks for.

    Raises:
        QueryError: it cannot be understood; where, and what to write.

    """
    written = text.replace("\x00", "").translate(_QUOTES).strip()
    if len(written) > LONGEST:
        raise QueryError(f"the query has {len(written)} characters", hint=f"{LONGEST} are the most")
    query, place, parts = Query(), 0, 0
    while place < len(written):
        if written[place].isspace():
            place += 1
            continue
        found = _PART.match(written, place)
        if found is None:
            raise QueryError(
                f"{written[place:]!r}: a quotation mark is open", hint='write "…" around a phrase'
            )
        parts, place = parts + 1, found.end()
        if parts > _MOST:
            raise QueryError(f"more than {_MOST} words and filters", hint="leave some out")
        query = _with(query, found, now)
    return query


def _with(query: Query, found: re.Match[str], now: datetime) -> Query:
    name, value = found["name"], (found["phrase"] if found["word"] is None else found["word"]).strip()
    minus = bool(found["minus"])
    take = _FILTERS.get(name or "")
    if name and take is None and found["word"] and not _looks_like_a_filter(name):
        value, name = f"{name}:{value}", None  # a time, an address
    if name is None:
        if not re.search(r"\w", value):
            return query
        if minus:
            return replace(query, without=(*query.without, value))
        return replace(query, words=(*query.words, value))
    if take is None:
        raise QueryError(
            f"{name}: is no filter", hint=f"there are {', '.join(f'{each}:' for each in _FILTERS)}"
        )
    if minus:
        raise QueryError(f"-{name}: a filter cannot be turned round", hint="`-` is for words")
    if not value:
        raise QueryError(f"{name}: has no value", hint=f'write {name}:value or {name}:"several words"')
    return take(query, value, now)


def _looks_like_a_filter(name: str) -> bool:
    return name not in ("http", "https") and not name.isdigit() and len(name) > 2


def _listed(name: str) -> Take:
    def take(query: Query, value: str, _: datetime) -> Query:
        given: dict[str, Any] = {name: (*getattr(query, name), value)}
        return replace(query, **given)

    return take


def _moment(name: str) -> Take:
    def take(query: Query, value: str, now: datetime) -> Query:
        given: dict[str, Any] = {name: _time(name, value, now)}
        return replace(query, **given)

    return take


def _time(name: str, value: str, now: datetime) -> datetime:
    """A day (its beginning, in UTC), a moment, or a time ago."""
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no day and no moment; it may still be a duration
    try:
        return now - parse_duration(value)
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{name}:{value} is no time", hint=f"write {name}:2026-11-20, or {name}:2d for two days ago"
        ) from error


def _voices(query: Query, value: str, _: datetime) -> Query:
    found = _COUNT.fullmatch(value)
    if not found:
        raise QueryError(f"voices:{value} is no number", hint="write voices:3 or voices:>3")
    return replace(query, voices=int(found[2]) + (found[1] == ">"))


def _has(query: Query, value: str, _: datetime) -> Query:
    if value not in _PARTS:
        raise QueryError(
            f"has:{value} is nothing", hint=f"write {' or '.join(f'has:{each}' for each in _PARTS)}"
        )
    given: dict[str, Any] = {_PARTS[value]: True}
    return replace(query, **given)


_PARTS = {"image": "picture", "files": "files"}
_FILTERS: dict[str, Take] = {
    "source": _listed("sources"),
    "publisher": _listed("publishers"),
    "tag": _listed("tags"),
    "lang": _listed("languages"),
    "since": _moment("since"),
    "before": _moment("before"),
    "voices": _voices,
    "has": _has,
}


def marked(text: str, words: tuple[str, ...]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is one of the words or phrases."""
    patterns = [r"\W+".join(map(re.escape, re.findall(r"\w+", word))) for word in words]
    if not any(patterns):
        return [(text, False)] if text else []
    either = "|".join(sorted(filter(None, patterns), key=len, reverse=True))
    unspaced = "" if any(ord(letter) > _UNSPACED for word in words for letter in word) else r"\b"
    pieces = re.split(rf"({unspaced}(?:{either}){unspaced})", text, flags=re.IGNORECASE)
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces) if piece]


_UNSPACED = 0x0E00  # scripts from Thai on, in which nothing parts words
