"""What goes wrong on the network, in one line that names the host, the cause and the remedy."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp
from yarl import URL

from aggregator.display import on_one_line
from aggregator.errors import AddressRefused, BadStatus, FetchError
from aggregator.schedule.backoff import host

_STATUS_HINTS = {
    401: "the server wants a login; a feed that needs one cannot be read here",
    403: "the server refuses this service; ask the publisher, or see whether the feed has moved",
    404: "check the address in a browser; the feed may have moved",
    406: "the address may be a page, not a feed",
    410: "the publisher has taken the feed down; take the source out of the configuration",
    429: "this address is polled too often; set a longer `every`",
}


def bad_status(url: URL, where: str, response: aiohttp.ClientResponse) -> BadStatus:
    """The error for an answer that carries no feed."""
    status, said = response.status, clean(response.reason or "")
    return BadStatus(
        f"{where}: the server answered {status}{' ' + said if said else ''}",
        status=status,
        host=host(str(url)),
        retry_after=response.headers.get("Retry-After"),
        hint=_STATUS_HINTS.get(status, "usually passes; tried again later" if status >= 500 else None),
    )


def refused(where: str, reasons: list[str]) -> AddressRefused:
    """The error for a host none of whose addresses may be dialled."""
    return AddressRefused(
        f"{where}: refused to connect: {'; '.join(reasons[:3])}",
        hint="if this is a server of yours on a private network, set allow_private on the source, or on the "
        "target of a push",
    )


def fault(where: str, error: Exception) -> FetchError:
    """What an exception of the HTTP client means."""
    hint = None
    match error:
        case aiohttp.ClientConnectorDNSError():
            said = f"no address is known for this name ({_cause(error.os_error)})"
            hint = "check the spelling of the address, and the name servers of this machine"
        case aiohttp.ClientConnectorCertificateError():
            said = f"the TLS certificate is not valid: {clean(str(error.certificate_error))}"
            hint = "the publisher has to mend it; certificates are always verified"
        case aiohttp.ClientConnectorSSLError():
            said = f"no TLS connection: {_cause(error.os_error)}"
        case aiohttp.ClientConnectorError():
            said = f"no connection: {_cause(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            said = "the server closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            said = f"the body is incomplete or broken: {clean(str(error))}"
        case aiohttp.ClientResponseError():
            said = f"the answer is no valid HTTP: {clean(error.message)}"
        case aiohttp.InvalidURL() | UnicodeError():
            said = f"no address that can be asked: {clean(str(error))}"
        case OSError():
            said = f"the connection broke: {_cause(error)}"
        case _:
            said = f"the HTTP client failed: {type(error).__name__}: {clean(str(error))}"
    return FetchError(f"{where}: {said}", hint=hint)


def clean(text: str, longest: int = 150) -> str:
    """Text of a server on one line, printable, cut to about ``longest`` characters."""
    line = on_one_line(" ".join(text[: 4 * longest].split()))
    return line if len(line) <= longest else line[:longest] + "…"


def _cause(error: OSError) -> str:
    # These two have numbers of their own; for the others asyncio's text only repeats the address.
    if isinstance(error, ssl.SSLError | socket.gaierror) or not error.errno:
        return clean(error.strerror or str(error))
    return os.strerror(error.errno).lower()
