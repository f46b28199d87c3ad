"""Plain text without what cannot be seen, in paragraphs, in Unicode's form NFC."""

from __future__ import annotations

import re
import unicodedata

_LINES = re.compile("[\r\x0b\x0c\u2028]")
_JOINERS = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_LATIN_JOINERS = re.compile("(?<![\u0530-\U0010ffff])[\u200c\u200d]")
_UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff"  # soft hyphens, marks, spaces of no width
    "\u202a-\u202e\u2066-\u206f"  # overrides and isolates: they show a line in another order than it has
    "\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e007f]"  # annotations, non-characters, tags
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Where a page in Windows' encoding was taken for Latin-1, its quotes and dashes are control characters.
_WINDOWS = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}  # these five are nothing there either
}


def tidy(text: str) -> str:
    """The same text without what cannot be seen. Joiners stay in the scripts that are written with them."""
    text = _LINES.sub("\n", text.replace("\r\n", "\n"))
    if text.isascii():
        return _UNSEEN.sub("", text)
    text = encodable(text.replace("\u2029", "\n\n").translate(_WINDOWS))
    return _LATIN_JOINERS.sub("", _JOINERS.sub(r"\1", _UNSEEN.sub("", text)))


def encodable(text: str) -> str:
    """The same text without lone surrogates, which JSON may hold and UTF-8 may not."""
    return _SURROGATE.sub("\ufffd", text)


def paragraphs(text: str) -> str:
    """The same text, tidied, each paragraph on one line and a blank line between two.

    Single ends of line are folded where blank lines part the paragraphs; where there are none, each line is
    a paragraph.
    """
    lines = [" ".join(line.split()) for line in tidy(text).strip().split("\n")]
    if "" not in lines:
        return "\n\n".join(lines)
    found: list[list[str]] = [[]]
    for line in lines:
        if line:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return "\n\n".join(" ".join(group) for group in found if group)


def one_line(text: str) -> str:
    """The same text, tidied, on one line."""
    return " ".join(tidy(text).split())


def clip(text: str, limit: int) -> str:
    """The first ``limit`` characters, in form NFC."""
    # Cut first: composing is quadratic in a run of marks that combine.
    return unicodedata.normalize("NFC", text[:limit])[:limit].rstrip()
