"""Which entries of a body are those of the body before: what has not changed is not read again.

A feed shows an entry for days, and at each poll most of them are the same to the last letter. What is
remembered of a body is a short digest of each entry, made from all that its report is made from: the entry
itself, what the feed says of all its entries, the configuration of the source, the recipe of the normaliser.
Every third day all is read again: the database keeps when an entry was last shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from aggregator.model import Parsed
from aggregator.settings import FeedSource, FolderSource

SIZE = 8  # bytes of a digest; two entries of one feed have the same by chance once in 10^13 feeds


_DAYS = 3  # that a digest is good for


def digests(
    parsed: Parsed, source: FeedSource | FolderSource, recipe: int, now: datetime
) -> tuple[bytes, ...]:
    """The digest of each entry, in their order."""
    about = (
        (recipe, now.toordinal() // _DAYS),
        (parsed.title, parsed.url, parsed.language),
        (source.name, source.address, source.publisher, source.language, source.tags),
    )
    key = blake2b(repr(about).encode("utf-8", "surrogatepass"), digest_size=32).digest()
    return tuple(
        blake2b(repr(entry).encode("utf-8", "surrogatepass"), digest_size=SIZE, key=key).digest()
        for entry in parsed.entries
    )


def packed(found: Iterable[bytes]) -> bytes:
    """Digests as `SourceState.shown` keeps them."""
    return b"".join(dict.fromkeys(found))


def unpacked(shown: bytes | None) -> frozenset[bytes]:
    """The digests that were kept."""
    kept = shown or b""
    return frozenset(kept[start : start + SIZE] for start in range(0, len(kept), SIZE))
