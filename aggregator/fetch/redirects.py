"""Redirects of one request: which are followed, how many, and which address is remembered.

A server chooses where its redirects lead. What may be dialled there is `address_guard`'s to say; here a
redirect is read, and refused where it leads to no web address, in a circle, or on and on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from yarl import URL

from aggregator.display import short
from aggregator.errors import AddressRefused, FetchError, HeldUp, LeftAlone
from aggregator.fetch.network_errors import clean
from aggregator.schedule.backoff import host

REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT = (301, 308)

Admit = Callable[[str], Awaitable[None]]
"""Lets a poll ask a host when its turn has come; it may wait, or raise what the poll then ends in."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where an answer leads, and whether for good."""

    target: URL
    permanent: bool


class Route:
    """The addresses that one poll asks, one after the other.

    Args:
        url: the first one: http or https, at any port.
        most: redirects that are followed.

    Raises:
        FetchError: it is no such address.
    """

    def __init__(self, url: str, most: int) -> None:
        self._seen = [_address(url)]
        self._most = most
        self._permanent = True

    @property
    def here(self) -> URL:
        """The address whose turn it is."""
        return self._seen[-1]

    @property
    def host(self) -> str:
        """Its host."""
        return host(str(self.here))

    @property
    def redirected(self) -> bool:
        """Whether it is another than the first."""
        return len(self._seen) > 1

    @property
    def moved(self) -> bool:
        """Whether it is another one for good."""
        return self.redirected and self._permanent

    async def admitted(self, admit: Admit | None) -> None:
        """Have it said that its host may be asked.

        Raises:
            LeftAlone: it may not.
            HeldUp: it may not, and the one that redirects there was asked already.
        """
        try:
            if admit:
                await admit(self.host)
        except LeftAlone as left:
            if not self.redirected:
                raise
            said = f"{where(self._seen[0])}: redirects to {where(self.here)}, which is paused: {left.message}"
            raise HeldUp(said, until=left.until, asked=left.asked) from left

    def follow(self, redirect: Redirect) -> None:
        """Go where an answer leads.

        Raises:
            FetchError: that is a circle, or one redirect too many.
        """
        first, target = where(self._seen[0]), redirect.target
        if target in self._seen:
            raise FetchError(
                f"{first}: redirects in a circle, back to {where(target)}",
                hint="the server's fault; some do so to clients that keep no cookies",
            )
        if len(self._seen) > self._most:
            raise FetchError(
                f"{first}: more than {self._most} redirects, the last to {where(target)}",
                hint="give the address at the end of the chain",
            )
        self._seen.append(target)
        self._permanent = self._permanent and redirect.permanent


def redirect(url: URL, status: int, location: str) -> Redirect:
    """Where an answer with one of the `REDIRECTS` leads.

    Args:
        url: what was asked.
        status: of the answer.
        location: its field of that name; empty where it has none.

    Raises:
        AddressRefused: to what is no web address, or to one with a name or a password in it.
        FetchError: it does not say.
    """
    here = where(url)
    if not location.strip():
        raise FetchError(f"{here}: the server answered {status} and did not say where to go")
    try:
        given = URL(location.strip())
        target = url.join(given).with_fragment(None)
    except ValueError as error:
        raise FetchError(f"{here}: redirected to what is no address: {short(location, 150)}") from error
    if target.scheme not in ("http", "https") or not target.raw_host:
        raise AddressRefused(f"{here}: redirected to {short(location)}, which is no http or https address")
    if given.user is not None or given.password is not None:
        raise AddressRefused(f"{here}: redirected to {where(target)} with a name or password in the address")
    downgraded = url.scheme == "https" and target.scheme == "http"
    # An address with a password in it is not shown, and so cannot be one to move to.
    permanent = status in _PERMANENT and not downgraded and url.user is None
    return Redirect(target, permanent)


def where(url: URL) -> str:
    """Host and port, for errors."""
    name = clean(url.raw_host or "")  # punycode: look-alike letters show
    name = f"[{name}]" if ":" in name else name
    return name if url.is_default_port() else f"{name}:{url.port}"


def _address(url: str) -> URL:
    try:
        address = URL(url)
    except ValueError as error:
        raise FetchError(f"{short(url)} is no address: {clean(str(error))}") from error
    if address.scheme not in ("http", "https") or not address.raw_host:
        raise AddressRefused(f"{short(url)} is no http or https address", hint="write https://host/path")
    return address.with_fragment(None)
