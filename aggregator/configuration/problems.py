"""What is wrong with a configuration, in words for the person who wrote it: one line a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import cast

from pydantic_core import ErrorDetails

from aggregator.display import kind, on_one_line, short, without_secrets
from aggregator.settings import (
    MEANINGS,
    SOURCE_KIND,
    FeedSource,
    FolderSource,
    PublishedFeed,
    Section,
    Settings,
)

KeyPath = tuple[str | int, ...]
"""The way from the top to a value: ``("sources", 2, "every")``."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: a line and a column of a file, counted from 1, or a variable (line 0)."""

    origin: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}:{self.column}" if self.line else self.origin


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what was meant or wanted instead."""

    place: Place
    path: KeyPath
    text: str

    def __str__(self) -> str:
        parts = [str(self.place), dotted(self.path), self.text] if self.path else [str(self.place), self.text]
        return on_one_line(without_secrets(": ".join(parts)))


def dotted(path: KeyPath) -> str:
    """The path as people write it: ``sources[2].every``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean `every`?``, or which words there are."""
    names = list(known)
    if close := get_close_matches(word, names, n=1):
        return f"; did you mean `{close[0]}`?"
    return f"; known here: {', '.join(names)}"


def path_of(error: ErrorDetails) -> KeyPath:
    """Where an error of pydantic is, without the name of the kind of source that it puts in between."""
    place = error["loc"]
    return place[:2] + place[3:] if place[0] == "sources" else place


def sentence(error: ErrorDetails) -> str | None:
    """What an error of pydantic says, in plain words; None where it only follows from another error."""
    value, context = error["input"], error.get("ctx", {})
    name = error["type"]
    if name == "too_short" and value:  # pydantic counts the good ones only
        return None
    if name in _SPECIAL:
        return _SPECIAL[name](error)
    words = _WORDS.get(name, "{message}")
    return words.format(value=short(value), kind=kind(value), message=error["msg"], **context)


# By type of error; what is in neither table is said in pydantic's words.
_WORDS: Mapping[str, str] = {
    "string_type": "{kind} stands where text is wanted; put it in quotes if it is meant as text",
    "string_too_short": "the text is empty",
    "string_too_long": "the text is too long; at most {max_length} characters",
    "too_short": "the list is empty",
    "tuple_type": "{kind} stands where a list is wanted; write [one, two]",
    "model_type": "{kind} stands where keys with values are wanted",
    "path_type": "{kind} stands where a path is wanted",
    "bool_type": "{value} is neither true nor false",
    "bool_parsing": "{value} is neither true nor false",
    "int_type": "{value} is no whole number",
    "int_parsing": "{value} is no whole number",
    "int_parsing_size": "{value} is too large",
    "int_from_float": "{value} is no whole number",
    "float_type": "{value} is no number",
    "float_parsing": "{value} is no number",
    "greater_than": "{value} is too small; more than {gt}",
    "greater_than_equal": "{value} is too small; at least {ge}",
    "less_than_equal": "{value} is too large; at most {le}",
    "literal_error": "{value} is none of {expected}",
}


def _section(place: KeyPath) -> type[Section]:
    """The class of the section that holds a place as pydantic gives it."""
    match place:
        case ("sources", _, "feed", *_):
            return FeedSource
        case ("sources", _, "folder", *_):
            return FolderSource
        case ("publish", "feeds", _, *_):
            return PublishedFeed
        case (str(name), _):
            return cast(type[Section], Settings.model_fields[name].annotation)
        case _:
            return Settings


def _missing(error: ErrorDetails) -> str:
    field = _section(error["loc"]).model_fields[str(error["loc"][-1])]
    return f"is missing. {field.description}"


def _unknown_key(error: ErrorDetails) -> str:
    key, known = str(error["loc"][-1]), _section(error["loc"]).model_fields
    if not get_close_matches(key, known, n=1):
        for name, field in Settings.model_fields.items():
            if key in getattr(field.annotation, "model_fields", ()):
                return f"unknown key here; it belongs below `{name}`"
    return f"unknown key{meant(key, known)}"


def _neither_feed_nor_folder(error: ErrorDetails) -> str:
    value = error["input"]
    if not isinstance(value, dict):
        return f"{kind(value)} stands where a source is wanted; write `name: …` and `url: …` or `folder: …`"
    if "url" in value:
        return "a source with both `url` and `folder`; write two sources"
    for wanted in ("url", "folder"):
        if close := get_close_matches(wanted, map(str, value), n=1):
            return f"a source with neither `url` nor `folder`; is `{close[0]}` meant as `{wanted}`?"
    return "a source with neither `url` (a feed) nor `folder` (a drop folder)"


_SPECIAL: Mapping[str, Callable[[ErrorDetails], str]] = {
    "value_error": lambda error: str(error["ctx"]["error"]),  # our own words, from `settings` and `units`
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "string_pattern_mismatch": lambda error: (
        f"{short(error['input'])} is not {MEANINGS[error['ctx']['pattern']]}"
    ),
    SOURCE_KIND: _neither_feed_nor_folder,
}
