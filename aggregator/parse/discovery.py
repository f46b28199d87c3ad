"""Where a site may have its feed: what its page names, and the places where most sites have one."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from aggregator.model import Entry, Parsed
from aggregator.parse import markup
from aggregator.parse.entry_fields import Limits
from aggregator.parse.plaintext import clip
from aggregator.web_address import web_address

_MOST = 50  # feeds that a page names; a forum has one for each of its rooms
_USUAL = ("feed", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json")


def offers(text: str, limits: Limits, url: str | None = None) -> Parsed:
    """The feeds that a page names, each as an entry: its address, and what it is called.

    Args:
        text: the page.
        limits: how much is taken.
        url: where it came from; relative links start there, or where the page says.
    """
    page = markup.page(text)
    base = web_address(page.base, url) or url
    found: dict[str, str] = {}
    for written, title in page.feeds:
        address = web_address(written, base)
        if address and len(found) < _MOST:
            found.setdefault(address, clip(title, limits.title))
    return Parsed(
        entries=tuple(Entry(url=address, title=title) for address, title in found.items()),
        title=clip(page.title, limits.title) or None,
    )


def usual_places(url: str) -> list[str]:
    """Addresses at the same host where a page that names no feed may still have one, the likeliest first."""
    parts = urlsplit(url)
    top = f"{parts.scheme}://{parts.netloc}/"
    folder = urljoin(url, parts.path.rstrip("/") + "/") if parts.path.strip("/") else top
    below = [urljoin(folder, name) for name in _USUAL[:2]] if folder != top else []
    return [*below, *(urljoin(top, name) for name in _USUAL)]
