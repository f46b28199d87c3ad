"""POSIX signals to the running service: reload, stop, stop now.

======================  ====================================================================
first SIGTERM, SIGINT   stop: finish what is being written
a second one            stop at once; so does a stop that takes too long
SIGHUP                  read the configuration again; from a terminal that was closed: stop
======================  ====================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from aggregator import log

NOTHING_LOST = "nothing is lost: what was not taken in is asked for again"
_STOP = (signal.SIGTERM, signal.SIGINT)
_STOPPING = 4.0  # seconds that a stop may take; service managers and people kill what takes longer


class Signals:
    """The orders that are waiting to be carried out; for one event loop.

    Attributes:
        failure: why the service has to stop, where nobody has told it to.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._waiting = asyncio.Event()
        self._had_terminal = _has_terminal()
        self._stop = False

    async def next_is_reload(self) -> bool:
        """Wait for an order: True to read the configuration again, False to stop."""
        await self._waiting.wait()
        if not self._stop:
            self._waiting.clear()
        return not self._stop

    def stop(self, failure: Exception | None = None) -> None:
        """Stop, and be cut off if that takes too long."""
        self._stop, self.failure = True, failure
        self._waiting.set()
        # A thread, for it counts until the process has ended: threads of others are waited for even later.
        deadline = threading.Timer(_STOPPING, _end_now, [0 if failure is None else 1])
        deadline.daemon = True
        deadline.start()

    def reload(self) -> None:
        """Have the configuration read again."""
        if not self._stop:
            self._waiting.set()

    def on_stop(self, number: int) -> None:
        """A signal to stop."""
        if self._stop:
            os._exit(128 + number)
        self.stop()

    def on_hangup(self) -> None:
        """SIGHUP means what it was sent for."""
        if self._had_terminal and not _has_terminal():
            self.on_stop(signal.SIGHUP)
        else:
            self.reload()


@contextlib.contextmanager
def listening() -> Iterator[Signals]:
    """Take orders from signals as long as it is open."""
    signals, loop = Signals(), asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, signals.on_stop, number)
    loop.add_signal_handler(signal.SIGHUP, signals.on_hangup)
    try:
        yield signals
    finally:
        for number in (*_STOP, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _end_now(status: int) -> None:
    log.warning("service.stopped", f"something does not come to its end; {NOTHING_LOST}")
    os._exit(status)


def _has_terminal() -> bool:
    """Whether a terminal controls this process; one that was closed is none."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
