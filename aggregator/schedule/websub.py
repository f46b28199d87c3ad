"""WebSub (W3C): what a feed says of its hub, and what a hub may say to us. Pure decisions.

A feed that names a hub and its own address (``rel=hub``, ``rel=self``, in ``Link`` fields or in itself) can
be subscribed to there. The hub asks back, at an address that nobody can guess, whether we meant it; then it
sends what is new, signed with a secret that only the two of us know.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.display import on_one_line
from aggregator.model import Answer, Parsed
from aggregator.web_address import web_address

LEASE = timedelta(days=10)
"""For how long we ask to be told."""

_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(days=30)  # of a lease, whatever the hub says
_UNSAID = timedelta(days=1)  # a lease whose length the hub does not say
_RENEWED = 0.8  # of a lease, after which it is renewed
_PAUSE, _LONGEST_PAUSE = timedelta(hours=1), timedelta(days=1)  # before a hub is asked again
_PATIENCE = timedelta(days=1)  # in which a hub may ask back
_METHODS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_LONGEST_CHALLENGE = 2000
_LINK = re.compile(r"<([^<>\s]{1,2000})>([^<]{0,2000})")
_RELATION = re.compile(r";\s{0,9}rel\s{0,9}=\s{0,9}(?:\"([^\"]{0,200})\"|([^\s;,\"]{1,200}))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Offer:
    """A feed can be subscribed to: at this hub, under this address."""

    hub: str
    topic: str


def offer(answer: Answer, parsed: Parsed) -> Offer | None:
    """What an answer and the feed in it offer; the header fields come first, as the standard has it."""
    links = list(_links(answer.headers.get("link", "")))
    hub = _first(links, "hub", answer.url) or web_address(parsed.hub, answer.url)
    topic = _first(links, "self", answer.url) or web_address(parsed.topic, answer.url)
    return Offer(hub, topic) if hub and topic else None


def request(topic: str, callback: str, secret: str) -> dict[str, str]:
    """The form that subscribes, or renews."""
    return {
        "hub.mode": "subscribe",
        "hub.topic": topic,
        "hub.callback": callback,
        "hub.secret": secret,
        "hub.lease_seconds": str(int(LEASE.total_seconds())),
    }


def after_request(tries: int, now: datetime) -> datetime:
    """When to ask the hub again, should it not ask back."""
    pause: timedelta = _PAUSE * 2 ** min(tries, 10)
    return now + min(pause, _LONGEST_PAUSE)


def lease(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """When a confirmed subscription ends, and when to renew it."""
    said = query.get("hub.lease_seconds", "")
    wanted = timedelta(seconds=int(said)) if re.fullmatch(r"[0-9]{1,9}", said) else _UNSAID
    length = min(max(wanted, _SHORTEST), _LONGEST)
    return now + length, now + length * _RENEWED


def challenge(query: Mapping[str, str], topic: str, asked: datetime | None, now: datetime) -> str | None:
    """What to answer to a hub that asks back; None where we did not mean it.

    Args:
        query: of its request.
        topic: what we have subscribed to.
        asked: when we last did; None if never.
        now: the present time.
    """
    meant = query.get("hub.mode") == "subscribe" and query.get("hub.topic") == topic
    said = query.get("hub.challenge", "")
    lately = asked is not None and abs(now - asked) <= _PATIENCE
    return said if meant and lately and 0 < len(said) <= _LONGEST_CHALLENGE else None


def denied(query: Mapping[str, str], topic: str) -> str | None:
    """Why the hub will not tell us, in its words; None where it says no such thing."""
    if query.get("hub.mode") != "denied" or query.get("hub.topic") != topic:
        return None
    return f"the hub has refused: {on_one_line(query.get('hub.reason', 'it does not say why')[:200])}"


def authentic(body: bytes, signature: str | None, secret: str) -> bool:
    """Whether who sent this body knows the secret. SHA-1, which the standard allows, is not enough."""
    method, _, given = (signature or "").partition("=")
    make = _METHODS.get(method.strip().lower())
    if make is None:
        return False
    wanted = hmac.new(secret.encode(), body, make).hexdigest()
    return hmac.compare_digest(wanted.encode(), given.strip().lower().encode("utf-8", "replace"))


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    """Address and relations of each link of a ``Link`` field."""
    for match in _LINK.finditer(header):
        relation = _RELATION.search(match[2])
        if relation:
            yield match[1], (relation[1] or relation[2] or "").lower().split()


def _first(links: list[tuple[str, list[str]]], relation: str, base: str) -> str | None:
    found = (web_address(address, base) for address, relations in links if relation in relations)
    return next((address for address in found if address), None)
