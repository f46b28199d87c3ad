"""Durations and sizes as people write them (``1h30m``, ``10 MB``), and as types of settings."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from aggregator.display import short

# Digits are bounded, so that nothing overflows a timedelta. The anchors are for JSON Schema, which searches.
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
DURATION = (
    rf"^(?=[0-9])(?:{_NUMBER}|(?:[0-9]{{1,5}}d)?(?:[0-9]{{1,6}}h)?(?:[0-9]{{1,7}}m)?(?:[0-9]{{1,9}}s)?)$"
)
SIZE = r"^(?:[0-9]{1,13}|[0-9]{1,13}(?:\.[0-9]{1,6})? ?(?:B|kB|KB|MB|GB|KiB|MiB|GiB))$"
LONGEST = timedelta(days=3650)
LARGEST = 10**12

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "KB": 10**3,
    "kB": 10**3,
    "B": 1,
}


def parse_duration(value: object) -> timedelta:
    """A duration from ``15m``, ``1h30m`` or a number of seconds.

    Raises:
        ValueError: it is none, or longer than ten years.
    """
    if isinstance(value, timedelta):
        seconds: float = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and re.fullmatch(DURATION, value):
        parts = re.findall(r"([0-9]+)([dhms])", value)
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts) if parts else float(value)
    else:
        raise ValueError(f"{short(value)} is no duration; write 30s, 15m, 2h or 1d")
    if not 0 <= seconds <= LONGEST.total_seconds():
        raise ValueError(f"{short(value)} is out of range; a duration is from 0s to {LONGEST.days}d")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: ``1h30m``, or seconds where there is a fraction."""
    if value % timedelta(seconds=1):
        return f"{value.total_seconds():.6f}".rstrip("0")
    rest, text = int(value.total_seconds()), ""
    for unit, seconds in _SECONDS.items():
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_size(value: object) -> int:
    """A number of bytes from ``10 MB``, ``512 KiB`` or a number.

    Raises:
        ValueError: it is none, or not between a byte and a terabyte.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and re.fullmatch(SIZE, value):
        number = value.rstrip("kKMGiB ")
        size = int(float(number) * _BYTES[value[len(number) :].strip() or "B"])
    else:
        raise ValueError(f"{short(value)} is no size; write 512 KiB, 10 MB or a number of bytes")
    if not 1 <= size <= LARGEST:
        raise ValueError(f"{short(value)} is out of range; a size is from 1 byte to 1000 GB")
    return size


def format_size(value: int) -> str:
    """The shortest exact text that `parse_size` reads back."""
    unit, size = next((unit, size) for unit, size in _BYTES.items() if value % size == 0)
    return f"{value // size} {unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": DURATION}, {"type": "number", "minimum": 0}]}),
]
"""A `timedelta`; a number stands for seconds."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": SIZE}, {"type": "integer", "minimum": 1}]}),
]
"""An `int`, in bytes."""
