"""How text from outside is shown to people, in errors and in the log: on one line, without secrets."""

from __future__ import annotations

import re

# Each repeat is bounded, so that the time is linear. A password may hold a slash or an at sign; what looks
# like a port (digits, then a slash) is none.
_PASSWORD = re.compile(r"(://[^\s/:?#]{0,200}:)(?!\d{1,5}/)\S{1,1000}@")
_WEB_USER = re.compile(r"(https?://)[^\s/?#:@]{1,1000}@", re.IGNORECASE)
_NAMED = r"(?:key|token|secret|password|passwd|auth|sig|signature)"
_IN_QUERY = re.compile(rf"([?&;][a-z_-]{{0,20}}{_NAMED}=)[^&;\s#\"'<>]{{1,1000}}", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text with ``***`` for the password or token before a URL's host and for the keys in its query."""
    if "://" not in text:
        return text
    text = _WEB_USER.sub(r"\1***@", _PASSWORD.sub(r"\1***@", text))
    return _IN_QUERY.sub(r"\1***", text)


def on_one_line(text: str) -> str:
    """The text with escapes for line breaks, controls and all else that steers a terminal or hides."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def short(value: object, longest: int = 60) -> str:
    """The value for a sentence: text in quotes, cut to about ``longest`` characters and without secrets."""
    if not isinstance(value, str | int | float):
        return kind(value)
    text = without_secrets(str(value))
    text = text if len(text) <= longest else text[:longest] + "…"
    return repr(text) if isinstance(value, str) else text


def kind(value: object) -> str:
    """What sort of value stands in a YAML file, in words."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
    return "text"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 story`` or ``2 stories``; where it is not given, the plural has an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
