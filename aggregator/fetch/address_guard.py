"""Which addresses may be dialled.

A feed's owner chooses where its name, and each of its redirects, leads: without a guard, into the network
that the service runs in. Looking a name up, judging the answer and connecting then loses, because a name may
change between the two. So the guard stands where the socket is made: `open_socket` is aiohttp's
``socket_factory``, and sees the one address that is really dialled, for names, for addresses written out
(``[::1]``) and for the odd ways to write them (``2130706433``, ``0x7f000001``, ``127.1``) alike, at every
redirect.

`ipaddress.is_global` alone is no guard: it lets through multicast and addresses with another one inside
(NAT64, 6to4, ``::127.0.0.1``). So there is a table of what a source with ``allow_private`` may reach, and of
what nobody may. Ports are free: feeds live on 8080 and 8443 too.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

_PRIVATE, _NEVER = True, False

# The first row that fits decides: what the network is, and whether `allow_private` opens it.
_TABLE = [
    (ip_network(network), what, private)
    for network, what, private in (
        ("127.0.0.0/8", "this machine", _PRIVATE),
        ("10.0.0.0/8", "a private network", _PRIVATE),
        ("172.16.0.0/12", "a private network", _PRIVATE),
        ("192.168.0.0/16", "a private network", _PRIVATE),
        ("198.18.0.0/15", "a test network", _PRIVATE),
        ("100.100.100.200/32", "a cloud's metadata service", _NEVER),
        ("100.64.0.0/10", "a provider's inner network", _PRIVATE),
        ("168.63.129.16/32", "a cloud's metadata service", _NEVER),
        ("169.254.0.0/16", "link-local, where clouds keep their metadata service", _NEVER),
        ("0.0.0.0/8", "no address, and may reach this machine", _NEVER),
        ("192.0.0.0/24", "a network for protocols", _NEVER),
        ("192.0.2.0/24", "a network for examples", _NEVER),
        ("198.51.100.0/24", "a network for examples", _NEVER),
        ("203.0.113.0/24", "a network for examples", _NEVER),
        ("192.88.99.0/24", "a 6to4 relay", _NEVER),
        ("224.0.0.0/4", "multicast", _NEVER),
        ("240.0.0.0/4", "a reserved network", _NEVER),
        ("::1/128", "this machine", _PRIVATE),
        ("::/128", "no address, and may reach this machine", _NEVER),
        ("::/96", "an IPv4 address in a form given up long ago", _NEVER),
        ("::ffff:0:0:0/96", "a translated IPv4 address", _NEVER),
        ("64:ff9b:1::/48", "a local NAT64 network", _NEVER),
        ("100::/8", "a network for discarding", _NEVER),
        ("2001::/32", "a Teredo tunnel", _NEVER),
        ("2001::/23", "a network for protocols", _NEVER),
        ("2001:db8::/32", "a network for examples", _NEVER),
        ("2002::/16", "a 6to4 tunnel", _NEVER),
        ("3fff::/20", "a network for examples", _NEVER),
        ("5f00::/16", "a network for segment routing", _NEVER),
        ("fd00:ec2::/32", "a cloud's metadata service", _NEVER),
        ("fc00::/7", "a private network", _PRIVATE),
        ("fe80::/10", "link-local", _NEVER),
        ("fec0::/10", "a private network", _PRIVATE),
        ("ff00::/8", "multicast", _NEVER),
    )
]

# All of IPv6 that has been given out for public unicast.
_ASSIGNED = ip_network("2000::/3")

# A network with IPv6 only reaches public IPv4 hosts through this prefix, so what is inside decides.
_NAT64 = ip_network("64:ff9b::/96")


def refusal(address: str, *, allow_private: bool = False) -> str | None:
    """Why an IP address may not be dialled, in words; None where it may.

    Args:
        address: an IPv4 or IPv6 address as `getaddrinfo` writes it; anything else is refused.
        allow_private: whether this machine and private networks are allowed.
    """
    try:
        given = ip_address(address)
    except ValueError:
        return "no IP address"
    inner = _ipv4_inside(given)
    for network, what, private in _TABLE:
        if inner in network:
            return None if private and allow_private else what
    assigned = isinstance(inner, IPv4Address) or inner in _ASSIGNED
    return None if assigned and inner.is_global else "not a public address"


def _ipv4_inside(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


@dataclass(slots=True)
class Dial:
    """What one request may dial, and what was refused to it.

    Attributes:
        allow_private: as for `refusal`.
        refused: for each address that was not dialled, the address and the reason.
    """

    allow_private: bool
    refused: list[str] = field(default_factory=list)


_current: ContextVar[Dial] = ContextVar("dial")


@contextmanager
def dialling(*, allow_private: bool) -> Iterator[Dial]:
    """Within this block, in this task and those it starts, `open_socket` obeys ``allow_private``."""
    dial = Dial(allow_private)
    token = _current.set(dial)
    try:
        yield dial
    finally:
        _current.reset(token)


def open_socket(addr_info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address (an entry of `socket.getaddrinfo`) that may be dialled.

    Raises:
        PermissionError: it may not; the reason is in ``Dial.refused`` too, since the connection's own error
            may speak of several addresses at once.
    """
    family, kind, protocol, _, (address, *_) = addr_info
    dial = _current.get(None) or Dial(allow_private=False)
    if reason := refusal(address, allow_private=dial.allow_private):
        dial.refused.append(f"{address} is {reason}")
        raise PermissionError(errno.EACCES, f"{address} is {reason}")
    return socket.socket(family, kind, protocol)
