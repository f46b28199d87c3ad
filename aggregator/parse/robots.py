"""What a site lets robots read: robots.txt, by RFC 9309; the only door to protego.

The standard library's parser knows no wildcards and takes the first rule that fits, not the longest, so it is
none for RFC 9309. protego takes seconds over some files of 500 KiB; it runs in the parser process.
"""

from __future__ import annotations

from aggregator.model import Entry, Parsed
from aggregator.parse.entry_fields import Limits

TOKEN = "story-aggregator"  # noqa: S105 - what a robots.txt calls us, and no secret


def readable(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The address as an entry, if a robots.txt lets us read it; else nothing.

    Args:
        text: the robots.txt.
        limits: how much is taken; there is one entry at most.
        url: of the page.
    """
    from protego import Protego  # noqa: PLC0415 - an extra, and needed in the parser process alone

    allowed = bool(url) and Protego.parse(text).can_fetch(str(url), TOKEN)
    return Parsed(entries=(Entry(url=url),) if allowed and limits.entries else ())
