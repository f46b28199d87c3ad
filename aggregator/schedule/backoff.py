"""Backoff after a 429: for one address, all of its host, or all of its domain. Pure decisions.

Servers count requests by who asks, and seldom by what is asked for: of ten feeds at one host the second
would be told the same as the first, and asking it makes things worse. But nobody says so. The rule:

- A 429 pauses the **host** that answered it: no source there is polled until the pause is over, whether a
  feed was asked for there, a page, a robots.txt or a hub.
- If another host of the same **domain** is paused at that moment, the domain is.
- If the same source was told 429 at its poll before, and another source of that host has been answered
  well in between, the limit is that **address**'s own, and pauses no other.

A pause is as long as ``Retry-After`` says, up to ``fetch.retry_after_ceiling``; where it says nothing, twice
``fetch.floor``, doubled with each failure in a row, up to ``fetch.ceiling``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address

from yarl import URL

from aggregator.errors import BadStatus, SourceError
from aggregator.model import Pause, SourceState
from aggregator.schedule.freshness import SET_BACK, asked_pause, at
from aggregator.settings import Fetching

HOST, DOMAIN = "host", "domain"

_MOST_DOUBLINGS = 20
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "gov", "gob", "gouv", "govt", "ac", "edu", "or", "ne"})


def host(url: str) -> str:
    """The host that an address leads to, as it is asked for; "" where there is none."""
    try:
        return (URL(url).raw_host or "").lower().rstrip(".")
    except ValueError:
        return ""


def domain(name: str) -> str | None:
    """The name that was registered (``bbc.co.uk`` of ``feeds.bbc.co.uk``); None for an IP address."""
    try:
        ip_address(name)
    except ValueError:
        labels = name.split(".")
        second = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
        return ".".join(labels[-3:] if second else labels[-2:]) if len(labels) > 1 else None
    return None


def after_limit(
    limited: str,
    before: SourceState,
    after: SourceState,
    neighbours: Iterable[SourceState],
    standing: Iterable[Pause],
    fetching: Fetching,
    now: datetime,
) -> Pause | None:
    """The pause that follows a 429; None where only the address itself is limited.

    Args:
        limited: the host that answered.
        before: the state of its source before the poll.
        after: the same after it; see `next_poll.after_failure`.
        neighbours: the states of all other sources at that host.
        standing: the pauses that there are.
        fetching: the bounds.
        now: when the answer came.

    """
    if _address_alone(before, neighbours):
        return None
    asked = after.retry_after is not None
    wait = min(fetching.floor * 2 ** min(after.failures, _MOST_DOUBLINGS), fetching.ceiling)
    until = max(now + wait, after.retry_after or now) if asked else now + wait
    return _pause(limited, before.name, standing, until, now, asked=asked)


def after_other_limit(
    error: SourceError, whose: str, standing: Iterable[Pause], fetching: Fetching, now: datetime
) -> Pause | None:
    """The pause that follows a 429 where no feed was asked for: a page, a robots.txt, a hub.

    Args:
        error: what was answered; None follows from all but a 429.
        whose: the name of the source on whose behalf it was asked.
        standing: the pauses that there are.
        fetching: the bounds.
        now: when the answer came.

    """
    if not isinstance(error, BadStatus) or error.status != 429:
        return None
    asked = asked_pause(error.retry_after, now)
    wait = max(min(asked or fetching.floor, fetching.retry_after_ceiling), 2 * fetching.floor)
    return _pause(error.host, whose, standing, now + wait, now, asked=asked is not None)


def _pause(
    limited: str, whose: str, standing: Iterable[Pause], until: datetime, now: datetime, *, asked: bool
) -> Pause:
    """The pause of the host, or of its domain if another host of that is paused too."""
    site = domain(limited)
    widely = site is not None and any(
        pause.name != limited and domain(pause.name) == site and now < pause.until for pause in standing
    )
    scope, name = (DOMAIN, site) if widely and site else (HOST, limited)
    said = "was asked to wait" if asked else "was told that it polls too often"
    reason = f"429: {whose} {said}; all of {name} is left alone until {at(until)}"
    return Pause(scope, name, until, reason, asked=asked)


def covering(pauses: Iterable[Pause], name: str, fetching: Fetching, now: datetime) -> Pause | None:
    """The pause that keeps a host from being asked now, the longest one; None where it may be asked.

    A pause that ends much later than any that is ever set comes from a clock that was wrong.
    """
    farthest = now + max(fetching.retry_after_ceiling, fetching.ceiling) * SET_BACK
    found = [pause for pause in pauses if now < pause.until <= farthest and _covers(pause, name)]
    return max(found, key=lambda pause: pause.until, default=None)


def _covers(pause: Pause, name: str) -> bool:
    return pause.name == name if pause.scope == HOST else domain(name) == pause.name


def _address_alone(before: SourceState, neighbours: Iterable[SourceState]) -> bool:
    last = before.polled
    if before.status != 429 or last is None:
        return False
    return any(other.succeeded is not None and other.succeeded > last for other in neighbours)
