"""What things are called in the Google Reader API: streams, feeds, labels and items.

An item is a story, a feed is a source or a published feed that selects, a label is a tag of sources.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aggregator.display import without_secrets
from aggregator.settings import FeedSource, Settings
from storage.streams import Wanted

STATE = "user/-/state/com.google/"
LABEL = "user/-/label/"
READING_LIST, READ, STARRED, UNREAD = (
    f"{STATE}{name}" for name in ("reading-list", "read", "starred", "kept-unread")
)
ITEM = "tag:google.com,2005:reader/item/"

_USER = re.compile(r"^user/[^/]+/")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{16}")
_DECIMAL = re.compile(r"-?[0-9]{1,19}")
_LARGEST = 2**63
_DIGITS = 6  # bytes of a feed's number: apps take feed ids for numbers, as FreshRSS gives them
_STATES = {
    READING_LIST: Wanted(),
    READ: Wanted(read=True),
    STARRED: Wanted(starred=True),
    UNREAD: Wanted(read=False),
    f"{STATE}unread": Wanted(read=False),
}


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed to which an app is subscribed.

    Attributes:
        id: ``feed/`` and a number; the same as long as the name is.
        title: for people.
        url: of the feed itself, without passwords and keys; empty, where it is no address of the web.
        labels: tags.
        wanted: which stories are in it.
        source: the source's name, if it is one.
    """

    id: str
    title: str
    url: str
    labels: tuple[str, ...]
    wanted: Wanted
    source: str | None = None


def feeds(settings: Settings) -> list[Feed]:
    """Every source, and every published feed that leaves some stories out."""
    found = []
    for source in settings.sources:
        url = without_secrets(source.url) if isinstance(source, FeedSource) else ""
        wanted = Wanted(sources=frozenset({source.name}))
        found.append(
            Feed(_numbered("source", source.name), source.name, url, source.tags, wanted, source.name)
        )
    for selection in settings.publish.feeds:
        if selection.tags or selection.min_publishers > 1:
            wanted = Wanted(tags=frozenset(selection.tags), min_publishers=selection.min_publishers)
            title = selection.title or selection.name
            found.append(Feed(_numbered("selection", selection.name), title, "", (), wanted))
    return found


def labels(settings: Settings) -> list[str]:
    """The tags of sources, each once whatever its case."""
    spelt: dict[str, str] = {}
    for source in settings.sources:
        for tag in source.tags:
            spelt.setdefault(tag.casefold(), tag)
    return sorted(spelt.values(), key=str.casefold)


def stream(name: str, settings: Settings) -> Wanted:
    """The stories of a stream; none where nothing has that name."""
    name = _mine(name)
    if name in _STATES:
        return _STATES[name]
    if not name.isprintable():  # no database keeps what nobody can write
        return Wanted(sources=frozenset())
    if name.startswith(LABEL):
        return Wanted(tags=frozenset({name.removeprefix(LABEL)}))
    if name.startswith("feed/"):
        rest = name.removeprefix("feed/")
        for feed in feeds(settings):
            if name == feed.id or (feed.url and rest in (feed.url, feed.url.removesuffix("/"))):
                return feed.wanted
    return Wanted(sources=frozenset())


def narrowed(wanted: Wanted, within: Iterable[str], without: Iterable[str]) -> Wanted:
    """A stream, less what is not in all of these states, or is in one of those."""
    read, starred = wanted.read, wanted.starred
    for name, kept in (*((each, True) for each in within), *((each, False) for each in without)):
        state = _STATES.get(_mine(name), Wanted())
        read = read if state.read is None else state.read is kept
        starred = starred if state.starred is None else kept
    return replace(wanted, read=read, starred=starred)


def states(names: Iterable[str]) -> set[str]:
    """Names of streams as we write them: ``user/1234/…`` is ``user/-/…``."""
    return {_mine(name) for name in names}


def item(story: int) -> str:
    """The long id of a story."""
    return f"{ITEM}{story:016x}"


def story(name: str) -> int | None:
    """The story that a long or short id names; None where it is no id.

    A long one is hexadecimal, with or without what stands before; a short one decimal, with a sign.
    """
    last = name.strip().rpartition("/")[2]
    if _HEXADECIMAL.fullmatch(last):
        found = int(last, 16)
    elif _DECIMAL.fullmatch(last):
        found = int(last)
    else:
        return None
    return found if 0 < found < _LARGEST else None


def _mine(name: str) -> str:
    return _USER.sub("user/-/", name.strip(), count=1)


def _numbered(kind: str, name: str) -> str:
    number = hashlib.sha256(f"{kind}\0{name}".encode("utf-8", "surrogatepass")).digest()[:_DIGITS]
    return f"feed/{int.from_bytes(number)}"
