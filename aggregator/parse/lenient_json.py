"""Lenient JSON decoding under limits: deep, wide, not quite JSON; numbers as they were written."""

from __future__ import annotations

import json
from typing import Any

from aggregator.errors import ParseError


def load(text: str) -> Any:
    """The value of a JSON text, its numbers as strings.

    A number is an identifier or a date here, never a quantity: as text it keeps its digits, however many.

    Raises:
        ParseError: it is no JSON, or nested too deep.
    """
    try:
        return json.loads(text.lstrip("\ufeff"), parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise ParseError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            hint="check it with a JSON validator",
        ) from error
    except RecursionError as error:
        raise ParseError(
            "JSON nested too deep to be read", hint="no feed is; look at what it holds"
        ) from error


def string(record: dict[str, Any], *keys: str) -> str | None:
    """The first of these members that is a string with something in it."""
    values = (record.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def strings(record: dict[str, Any], key: str) -> list[str]:
    """The strings in this member, where it is a list."""
    values = record.get(key)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def objects(record: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in this member, where it is a list, or the one object that it is."""
    values = record.get(key)
    values = values if isinstance(values, list) else [values]
    return [value for value in values if isinstance(value, dict)]
