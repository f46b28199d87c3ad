"""Plain text and addresses from outside, made fit for every format.

What a report says goes through here before it goes out: XML 1.0 cannot hold every character that Python
can, and UTF-8 has no bytes for half a surrogate pair. JSON could hold more, but all formats say the same.
"""

import re
from urllib.parse import quote, urlsplit

# What is left is the Char production of XML 1.0, less the carriage return, which XML readers turn into \n.
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n")
# Reserved characters and the percent sign (RFC 3987, section 3.1): an address written well stays as it is.
_KEPT = "/#%[]=:;$&()+,!?*@'~"
_FIRST_WORDS = 80


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold; lines end in a line feed."""
    return _UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The cleaned text on one line, with single spaces."""
    return " ".join(clean(text).split())


def paragraphs(text: str) -> list[str]:
    """The cleaned paragraphs of the text, each on one line; none is empty."""
    return [line for part in _PARAGRAPHS.split(clean(text)) if (line := one_line(part))]


def first_words(text: str) -> str:
    """At most 80 characters of the text on one line, and an ellipsis where there was more."""
    line = one_line(text)
    if len(line) <= _FIRST_WORDS:
        return line
    # Languages without spaces are cut between any two characters.
    return line[:_FIRST_WORDS].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + "…"


def headline(title: str, text: str) -> str:
    """The title on one line, the first words of the text where there is none, else ``Untitled``."""
    return one_line(title) or first_words(text) or "Untitled"


def address(url: str | None) -> str | None:
    """The address as an ASCII URI, or None where it is not one of http or https that names a host."""
    if not url or _UNFIT.search(url) or url != "".join(url.split()):
        return None
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname
    except ValueError:
        return None
    return quote(_STRAY_PERCENT.sub("%25", url), safe=_KEPT) if fit else None
