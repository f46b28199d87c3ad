"""The error tree.

Every error says what failed and where, and, where there is one, the remedy (``hint``). Functions raise;
only the top floor (``cli``, ``jobs``) catches, and it prints one line, never a traceback.

::

    AggregatorError
    ├── ConfigurationError      the YAML or the environment; nothing starts (exit status 2)
    ├── SourceError             costs one poll of one source; the others do not notice
    │   ├── FetchError          no good answer came over the network
    │   │   ├── AddressRefused  scheme, port or address that the configuration does not allow
    │   │   ├── TooLarge        more bytes, on the wire or decoded, than the limit
    │   │   ├── TooSlow         a deadline passed
    │   │   ├── Paused          a host is left alone after a 429
    │   │   │   ├── LeftAlone   its own: nothing was asked, and nothing failed
    │   │   │   └── HeldUp      the one that it redirects to
    │   │   └── BadStatus       the server answered, with a status that is no feed
    │   ├── ParseError          bytes came, and no entries could be made of them
    │   └── FolderError         a drop folder or one file in it
    ├── StoreError              the database refused
    │   ├── StoreBusy           it is locked or away; trying again later is right
    │   └── StoreTaken          another service works on it
    ├── PublishError            a published file could not be written; the old one stands
    ├── ServeError              the read side cannot listen where it is told to
    ├── NothingToCorrect        a correction that would change nothing, or leave a story empty
    ├── PushError               a target could not be told of a story; it is tried again
    ├── QueryError              a search that cannot be understood
    ├── NothingToLearn          too few corrections to learn from
    └── NotFound                what was asked for by name is not there (exit status 1)
"""

from datetime import datetime


class AggregatorError(Exception):
    """Base of all errors that a user may meet.

    Args:
        message: what failed, where and why, in one line.
        hint: what the reader can do about it, if anything.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """One line: the message, then the remedy."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(AggregatorError):
    """The configuration cannot be used; nothing starts."""


class SourceError(AggregatorError):
    """One poll of one source failed; the others do not notice."""


class FetchError(SourceError):
    """No good answer came over the network."""


class AddressRefused(FetchError):
    """A scheme, host or address that the configuration does not allow."""


class TooLarge(FetchError):
    """More bytes came, on the wire or decoded, than the limit allows."""


class TooSlow(FetchError):
    """A deadline passed before the answer was whole."""


class Paused(FetchError):
    """A host is left alone after a 429.

    Args:
        message: as for `AggregatorError`.
        until: when the pause ends.
        asked: whether the server named that time.
    """

    def __init__(self, message: str, *, until: datetime, asked: bool) -> None:
        super().__init__(message)
        self.until = until
        self.asked = asked


class LeftAlone(Paused):
    """It is the host that was to be asked: nothing was asked, and nothing failed."""


class HeldUp(Paused):
    """It is the host that a redirect leads to: what redirects there was asked, once is enough."""


class BadStatus(FetchError):
    """The server answered with a status that carries no feed.

    Args:
        message: as for `AggregatorError`.
        status: the HTTP status.
        host: which answered, after redirects.
        retry_after: the ``Retry-After`` field, byte for byte, if there was one.
        hint: as for `AggregatorError`.

    Attributes:
        redirected: whether a redirect had led to who answered.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        host: str = "",
        retry_after: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.host = host
        self.retry_after = retry_after
        self.redirected = False


class ParseError(SourceError):
    """Bytes came, and no entries could be made of them."""


class FolderError(SourceError):
    """A drop folder, or one file in it, cannot be used."""


class StoreError(AggregatorError):
    """The database refused."""


class StoreBusy(StoreError):
    """The database is locked or away; trying again later is right."""


class StoreTaken(StoreError):
    """Another service works on this database; there is one at a time."""


class PublishError(AggregatorError):
    """A published file could not be written; the old one stands."""


class ServeError(AggregatorError):
    """The read side over HTTP cannot listen where it is told to."""


class NothingToCorrect(AggregatorError):
    """A correction that would change nothing, or leave a story empty; nothing was changed."""


class PushError(AggregatorError):
    """A target could not be told of a story; it is tried again."""


class QueryError(AggregatorError):
    """A search that cannot be understood."""


class NothingToLearn(AggregatorError):
    """Too few corrections, or of one kind only."""


class NotFound(AggregatorError):
    """What was asked for by name is not there."""
