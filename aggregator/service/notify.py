"""What a service manager is told: the few lines of systemd's ``sd_notify`` protocol.

::

    READY=1                          it works; started, or configured anew
    RELOADING=1  MONOTONIC_USEC=…    it reads its configuration again
    STOPPING=1                       it ends
    WATCHDOG=1                       it is well; the manager restarts a service that stays silent
    STATUS=…                         a line for people

Without a manager (no ``NOTIFY_SOCKET``) all of it does nothing.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping

from aggregator import log
from aggregator.display import on_one_line


class Manager:
    """The service manager that has started this process, if one has.

    Args:
        environ: where ``NOTIFY_SOCKET`` stands; a name that begins with ``@`` is in the abstract name space.

    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._told_of_failure = False

    def ready(self, status: str) -> None:
        """It works from now on, or again."""
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """It reads its configuration; `ready` says when it has done so."""
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={moment}", _status("reading the configuration again"))

    def stopping(self) -> None:
        """It ends."""
        self._tell("STOPPING=1", _status("finishing what is being written"))

    def alive(self) -> None:
        """It is well: the database has answered, and the scheduler ticks."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        """One datagram; what cannot be told is logged once, and costs nothing else."""
        if not self._address:
            return
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._told_of_failure:
                self._told_of_failure = True
                log.warning("notify.failed", f"the service manager cannot be told: {error.strerror}")


def _status(text: str) -> str:
    return f"STATUS={on_one_line(text)}"
