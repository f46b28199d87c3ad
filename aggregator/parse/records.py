"""Records in JSON (`.json`: one, a list of them, or a JSON Feed) and in JSON lines (`.jsonl`: one a line).

A record has any of ``id``, ``title``, ``text``, ``published``, ``source`` (its publisher), ``url``, ``lang``.
"""

from __future__ import annotations

from typing import Any

from aggregator.errors import ParseError
from aggregator.intake import jsonfeed, markup, notation, shape
from aggregator.intake.notation import string
from aggregator.intake.shape import Limits
from aggregator.model import Entry, Parsed

_MEMBERS = "id, title, text, published, source, url, lang"
_NAMED = 5  # bad lines that are named; more are counted


def parse_json(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The entries of a JSON Feed, of one record, or of a list of records.

    Raises:
        ParseError: it is no JSON, or none of these.
    """
    value = notation.load(text)
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
    entries: list[Entry | None] = []
    bad: list[int] = []
    more = False
    # Not `splitlines`: a string in JSON may hold U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if more := len(entries) == limits.entries:
            break
        try:
            entry = _entry(notation.load(line), limits)
        except ParseError:
            entry = None
        entries.append(entry)
        if entry is None:
            bad.append(number)
    return _parsed(entries, bad, unit="line", more=more)


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
    return shape.trim(entry, limits)


def _parsed(entries: list[Entry | None], bad: list[int], *, unit: str, more: bool) -> Parsed:
    good = tuple(entry for entry in entries if entry is not None)
    if bad and not good:
        raise ParseError(f"no {unit} holds a record", hint=f"a record is an object with any of: {_MEMBERS}")
    damaged = None
    if bad:
        numbers = ", ".join(map(str, bad[:_NAMED])) + (" …" if len(bad) > _NAMED else "")
        damaged = f"{len(bad)} of {len(entries)} {unit}s hold no record: {unit} {numbers}"
    elif more:
        damaged = f"it has more than {len(entries)} entries; the rest was left out"
    return Parsed(entries=good, damaged=damaged)
