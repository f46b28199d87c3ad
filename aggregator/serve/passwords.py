"""Passwords: their hashes by Argon2id, and how often one may guess."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 200
"""Characters of a password."""

_WINDOW = timedelta(minutes=15)
_GUESSES = 5  # wrong ones in that time, of one name from one address
_GUESSES_FROM_AN_ADDRESS = 30  # whatever the name
_REMEMBERED = 10_000  # addresses, and names
_ONE_AT_A_TIME = threading.Lock()  # each takes 64 MiB while it runs


@functools.cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # the library's defaults follow RFC 9106


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _ONE_AT_A_TIME:
        return _hasher().hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether it is the password; takes as long where there is no such reader (None)."""
    if len(password) > LONGEST:
        return False
    try:
        against = kept or _nobodys()
        with _ONE_AT_A_TIME:
            right = _hasher().verify(against, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):  # the last: half a surrogate pair
        return False
    return right and kept is not None


@functools.cache
def _nobodys() -> str:
    return hashed("nobody has this password")


class Guesses:
    """Wrong passwords of the last minutes; whoever gave too many waits. It is kept in memory only.

    They count by name and address together, so that nobody can lock somebody else out; and more loosely by
    address, for behind a web server all have the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def wait(self, name: str, address: str, now: datetime) -> timedelta | None:
        """How long this address has to wait before it may try this name; None: not at all."""
        with self._lock:
            waits = [
                self._wrong[key][-most] + _WINDOW - now
                for key, most in _bounds(name, address)
                if len(self._recent(key, now)) >= most
            ]
        return max(waits, default=None)

    def missed(self, name: str, address: str, now: datetime) -> None:
        """One more wrong guess."""
        with self._lock:
            for key, most in _bounds(name, address):
                self._wrong[key] = deque([*self._recent(key, now), now], maxlen=most)
                self._wrong.move_to_end(key)
            while len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """It was right: what was wrong before counts no more for this name."""
        with self._lock:
            self._wrong.pop((address, name.casefold()), None)

    def _recent(self, key: tuple[str, str], now: datetime) -> list[datetime]:
        return [at for at in self._wrong.get(key, ()) if now - at < _WINDOW]


def _bounds(name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    return ((address, name.casefold()), _GUESSES), ((address, ""), _GUESSES_FROM_AN_ADDRESS)
