"""What counts as an address on the web, wherever one is read."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

MAX_ADDRESS = 2000  # characters; browsers and proxies stop near there

_UNPRINTED = re.compile("[\0-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")

_FEED_SCHEME = re.compile("feed:(?://)?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def subscribed_address(value: str) -> str:
    """The address that ``feed://host/x`` or ``feed:https://host/x`` stands for; any other as it is."""
    found = _FEED_SCHEME.fullmatch(value.strip())
    if found is None:
        return value
    rest = found["rest"]
    if rest.lower().startswith(("http://", "https://")):
        return rest
    return value if "://" in rest else f"https://{rest}"


def web_address(value: str | None, base: str | None = None) -> str | None:
    """An absolute http or https address, or None where the value is none."""
    if not value or len(value) > MAX_ADDRESS:
        return None
    # Like a browser: white space inside an address is no part of it, and hides `java\nscript:`.
    value = _UNPRINTED.sub(lambda run: "%20" * run[0].count(" "), value.strip())
    try:
        address = urljoin(base, value) if base else value
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return address if good and len(address) <= MAX_ADDRESS else None
