"""What an entry shows beside its text, cut to measure: picture, enclosures, comments, markup."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aggregator.model import Enclosure, Media
from aggregator.parse import markup
from aggregator.web_address import web_address

MAX_ENCLOSURES = 10
MAX_HTML = 50_000
"""Characters of markup; who shows more is read as plain text."""

_LARGEST = 2**53 - 1
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,60}")
_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,3}):)?(\d{1,9})(?:\.\d{0,9})?")


def made(
    images: Iterable[str | None],
    enclosures: Iterable[Enclosure],
    comments: str | None,
    written: str,
    base: str | None,
) -> Media:
    """What is kept of it.

    Args:
        images: addresses of its picture, the best first, as the source wrote them.
        enclosures: likewise.
        comments: address of the page of its comments, likewise.
        written: the markup of its text.
        base: absolute address that relative ones start from.
    """
    html = markup.rich(written, base)
    html = html if len(html) <= MAX_HTML else ""
    kept: dict[str, Enclosure] = {}
    pictures = [*images]
    for each in enclosures:
        if each.type.startswith("image/"):
            pictures.append(each.url)
        elif len(kept) < MAX_ENCLOSURES and (address := web_address(each.url, base)):
            kept.setdefault(address, Enclosure(address, each.type, each.length, each.duration))
    addresses = (web_address(each, base) for each in [*pictures, *markup.pictures(html)] if each)
    return Media(
        image=next((address for address in addresses if address), None),
        enclosures=tuple(kept.values()),
        comments=web_address(comments, base),
        html=html,
    )


def enclosure(url: str | None, kind: str | None, length: object, duration: object) -> list[Enclosure]:
    """An enclosure as a source wrote it, in a list; none where it has no address."""
    if not url:
        return []
    written = (kind or "").partition(";")[0].strip().lower()
    return [
        Enclosure(
            url,
            written if _MEDIA_TYPE.fullmatch(written) else "",
            _number(length),
            seconds(duration),
        )
    ]


def seconds(written: object) -> int | None:
    """A duration: seconds, or hours, minutes and seconds with colons between them."""
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return None
    found = _CLOCK.fullmatch(str(written).strip()[:40])
    if not found:
        return None
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest or None


def _number(written: object) -> int | None:
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return None
    digits = str(written).strip()[:20].partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < int(digits) <= _LARGEST else None
