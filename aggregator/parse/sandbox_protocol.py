"""Wire protocol of service and parser process: lengths, JSON, bytes. Never pickle: it runs what it reads.

::

    request   length of the header (4 bytes) · header: JSON, with the body's size · body
    reply     length (4 bytes) · JSON: `parsed`, or `error` and `hint`, or `memory` (too little; its last)
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from aggregator.model import NO_MEDIA, Enclosure, Entry, Media, Parsed

MAX_REPLY = 64 * 2**20  # bytes; six times the largest body that is fetched
LENGTH = 4
_SETS = frozenset({"skip_hours", "skip_days"})


def frame(message: dict[str, Any]) -> bytes:
    """A message as its length and its JSON."""
    data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return len(data).to_bytes(LENGTH, "big") + data


def pack(parsed: Parsed) -> dict[str, Any]:
    """The same as values that JSON has."""
    packed = asdict(parsed)
    return packed | {name: sorted(packed[name]) for name in _SETS}


def unpack(packed: dict[str, Any]) -> Parsed:
    """The other way.

    Raises:
        TypeError, KeyError: it is not what `pack` makes.
    """
    entries = tuple(_entry(raw) for raw in packed["entries"])
    sets = {name: frozenset(packed[name]) for name in _SETS}
    return Parsed(**(packed | {"entries": entries, "bad": tuple(packed["bad"])} | sets))


def _entry(raw: dict[str, Any]) -> Entry:
    values: dict[str, Any] = {field.name: raw[field.name] for field in fields(Entry)}
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Entry(**(values | lists | {"media": _media(values["media"])}))


def _media(raw: dict[str, Any]) -> Media:
    if not any(raw.values()):
        return NO_MEDIA
    return Media(**(raw | {"enclosures": tuple(Enclosure(**each) for each in raw["enclosures"])}))
