"""Names to addresses, by the system's own resolver."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult


class SystemResolver(AbstractResolver):
    """``getaddrinfo`` in threads of its own.

    A lookup cannot be stopped, and a slow name server holds its thread for half a minute. In the event loop's
    default pool (six threads on a small machine) a few of those would stop everything else that waits there.

    Args:
        threads: most lookups at a time.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name.

        Raises:
            OSError: it has none, or no name server answered.
        """
        lookup = partial(
            socket.getaddrinfo,
            host,
            port,
            type=socket.SOCK_STREAM,
            family=family,
            flags=socket.AI_ADDRCONFIG,
        )
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return [answer(host, str(address[0]), port, kind) for kind, _, _, _, address in found]

    async def close(self) -> None:
        """Gives up; what is being looked up runs out by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def answer(host: str, address: str, port: int, family: int) -> ResolveResult:
    """One address of a name, in the form that the HTTP client takes."""
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
