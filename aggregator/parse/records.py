"""Records in JSON (`.json`: one, a list of them, or a JSON Feed) and in JSON lines (`.jsonl`: one a line).

A record has any of ``id``, ``title``, ``text``, ``published``, ``source`` (its publisher), ``url``, ``lang``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from aggregator.errors import ParseError
from aggregator.model import Entry, Parsed
from aggregator.parse import entry_fields, jsonfeed, lenient_json, markup
from aggregator.parse.entry_fields import Limits
from aggregator.parse.lenient_json import string

_MEMBERS = "id, title, text, published, source, url, lang"
NAMED = 5
"""Bad lines that are named; more are counted."""


def parse_json(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The entries of a JSON Feed, of one record, or of a list of records.

    Raises:
        ParseError: it is no JSON, or none of these.
    """
    value = lenient_json.load(text)
    if jsonfeed.is_feed(value):
        return jsonfeed.read(value, limits, url)
    records = value if isinstance(value, list) else [value]
    entries = [_entry(record, limits) for record in records[: limits.entries]]
    bad = [number for number, entry in enumerate(entries, 1) if entry is None]
    return _parsed(entries, bad, unit="record", more=len(records) > limits.entries)


def parse_lines(text: str, limits: Limits) -> Parsed:
    """The entries of JSON lines; a bad line is left out and named in ``damaged``.

    Raises:
        ParseError: no line holds a record.
    """
    found = list(islice(_lines(text, limits), limits.entries + 1))
    read = found[: limits.entries]
    bad = [number for number, entry in read if entry is None]
    return _parsed([entry for _, entry in read], bad, unit="line", more=len(found) > len(read))


def parse_piece(text: str, limits: Limits) -> Parsed:
    """All entries of a piece of JSON lines, none perhaps; its bad lines are in ``bad``."""
    found = list(_lines(text, limits))
    return Parsed(
        entries=tuple(entry for _, entry in found if entry is not None),
        bad=tuple(number for number, entry in found if entry is None),
    )


def bad_lines(bad: int, records: int, named: Sequence[int]) -> str:
    """What is said of bad lines.

    Args:
        bad: how many.
        records: of how many that are not empty.
        named: their numbers, or the first of these.
    """
    return _bad(bad, records, named, "line")


def nothing(unit: str = "line") -> ParseError:
    """The error where there is no record at all."""
    return ParseError(f"no {unit} holds a record", hint=f"a record is an object with any of: {_MEMBERS}")


def _lines(text: str, limits: Limits) -> Iterator[tuple[int, Entry | None]]:
    """Lines that are not empty: number, and entry or None."""
    # Not `splitlines`: a string in JSON may hold U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, _entry(lenient_json.load(line), limits)
            except ParseError:
                yield number, None


def _entry(record: Any, limits: Limits) -> Entry | None:
    if not isinstance(record, dict):
        return None
    entry = Entry(
        guid=string(record, "id"),
        url=string(record, "url"),
        title=markup.line(string(record, "title") or ""),
        text=markup.prose(string(record, "text") or ""),
        published=string(record, "published"),
        language=string(record, "lang"),
        publisher=string(record, "source"),
    )
    return entry_fields.trim(entry, limits)


def _parsed(entries: list[Entry | None], bad: list[int], *, unit: str, more: bool) -> Parsed:
    good = tuple(entry for entry in entries if entry is not None)
    if bad and not good:
        raise nothing(unit)
    damaged = None
    if bad:
        damaged = _bad(len(bad), len(entries), bad, unit)
    elif more:
        damaged = f"it has more than {len(entries)} entries; the rest was left out"
    return Parsed(entries=good, damaged=damaged)


def _bad(bad: int, records: int, named: Sequence[int], unit: str) -> str:
    numbers = ", ".join(map(str, named[:NAMED])) + (" …" if bad > NAMED else "")
    return f"{bad} of {records} {unit}s hold no record: {unit} {numbers}"
