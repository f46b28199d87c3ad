"""Which entries are one report: the theory, and the keys that carry it.

A source shows the same entry at every poll, and nothing in it can be relied on. Guids are made afresh at
each poll, or are one for all entries; addresses gain session numbers, or are the home page; titles and texts
are revised; a column has the same title every day. So a report has several keys, each true where the stronger
ones fail, and two reports that share a key are one report:

``guid:<source>:<guid>``
    The entry's own identifier, within its source: another feed may number from 1 too. It finds a report whose
    address, title and text have changed. Not believed where entries of one body have it in common and differ
    in address and headline; nor in a drop folder where it is short or a number, since every file there may
    begin at 1.
``url:<canonical address>``
    Among all sources: one page in three feeds is one report. It finds what gets a new guid at each poll. Not
    believed where it is a home page, or where entries of one body have it in common that differ in guid, or,
    without guids, in headline (a column that always links to its front page).
``item:<source>:<moment>:<digest of title and text>``
    For feeds that change guid and address at every poll. The moment keeps Monday's "Morning briefing" apart
    from Tuesday's. A short text is believed only with a time of day, and only where no other entry of the
    body has the same: a gallery of ten pictures called "Photo" is ten entries.
``content:<publisher>:<digest of title and text>``
    Only where there is neither guid nor address (a text file): the same file under another name is one
    report. A short text says too little. What has no key at all by these rules gets its ``item`` key, with
    or without a moment, so that it is kept once.

To take one report for two is a copy too many, which the clustering puts right; to take two for one loses a
report. So in doubt a key is left out. The strongest key that is known decides: a report that is found by its
guid stays apart from the one that its address would lead to. Entries of one body that share a key become one
report (`groups`, `united`). A digest is of what the source wrote, before any cleaning, so that a new recipe
of the normaliser changes no identity.

What cannot be told: entries that come one at a time, at one address, with a new guid each (a rolling page)
are taken for revisions of one report; entries whose guid, address and date are all new at each poll, for new
reports.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from hashlib import blake2b

from aggregator.normalise.address import canonical, identifies

SUBSTANTIAL = 20
"""Letters and digits in title and text from which on two equal ones are hardly chance."""

_KINDS = ("guid", "url", "item", "content")
_LOOKED_AT = 20_000  # characters of a text: two that are equal so far are equal
_LONGEST = 200  # characters of a part of a key that is kept as it is; a longer one becomes its digest
_MOST_KEYS = 20  # of one report: entries of one body that share keys bring theirs along
_NO_GUIDS = frozenset(
    {"", "0", "-", "-1", "null", "none", "nil", "undefined", "false", "true", "n/a", "guid"}
)
_UNIQUE = 8  # characters from which on a guid may be meant for the whole world


@dataclass(frozen=True, slots=True)
class IdentityFields:
    """What identity looks at in an entry, as its source wrote it.

    Attributes:
        guid: the entry's own identifier.
        url: its address.
        title: its title.
        text: its text.
        published: its moment; None where it gave none that can be.
        publisher: whose report it is.
    """

    guid: str | None
    url: str | None
    title: str
    text: str
    published: datetime | None
    publisher: str


def keys(
    shown: Sequence[IdentityFields], source: str, *, homes: Iterable[str | None] = (), dropped: bool = False
) -> list[tuple[str, ...]]:
    """The keys of each entry of one body, strongest first; at least one each.

    Args:
        shown: all entries of the body, since some keys are believed only where they tell these apart.
        source: the source's name.
        homes: addresses of the site and of the feed itself, which identify no entry.
        dropped: whether the body came from a drop folder.
    """
    no_pages = {canonical(home) for home in homes}
    contents = [_Content.of(entry) for entry in shown]
    guids = [_guid(entry.guid, no_pages, dropped=dropped) for entry in shown]
    pages = [_page(entry.url, no_pages) for entry in shown]
    guids = _believed_guids(guids, pages, contents)
    pages = _profile(pages, [guid or content.headline for guid, content in zip(guids, contents, strict=True)])
    items = [content.item if content.dated else None for content in contents]
    alone = _profile(items, list(zip(guids, pages, strict=True)))
    made = []
    for entry, content, guid, page, unshared in zip(shown, contents, guids, pages, alone, strict=True):
        item = content.dated and (content.substantial or (content.timed and unshared))
        parts = {
            "guid": guid and f"{_part(source)}:{_part(guid, last=True)}",
            "url": page and _part(page, last=True),
            "item": item and f"{_part(source)}:{content.item}",
            "content": content.substantial
            and not (guid or page)
            and f"{_part(entry.publisher)}:{content.digest}",
        }
        if not any(parts.values()):
            parts["item"] = f"{_part(source)}:{content.item}"
        made.append(tuple(f"{kind}:{parts[kind]}" for kind in _KINDS if parts[kind]))
    return made


def groups(keyed: Sequence[tuple[str, ...]]) -> list[list[int]]:
    """The positions of entries that share keys, directly or through others, in the order of the body."""
    leader = list(range(len(keyed)))

    def first(position: int) -> int:
        while leader[position] != position:
            leader[position] = leader[leader[position]]
            position = leader[position]
        return position

    owner: dict[str, int] = {}
    for position, found in enumerate(keyed):
        for key in found:
            one, other = first(owner.setdefault(key, position)), first(position)
            leader[max(one, other)] = min(one, other)
    members = defaultdict(list)
    for position in range(len(keyed)):
        members[first(position)].append(position)
    return list(members.values())


def united(keyed: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The keys of all these, strongest first, in an order that does not depend on theirs."""
    found = {key for each in keyed for key in each}
    return tuple(sorted(found, key=lambda key: (_KINDS.index(key.partition(":")[0]), key)))[:_MOST_KEYS]


@dataclass(frozen=True, slots=True)
class _Content:
    """An entry's title, text and moment, read for comparing."""

    headline: tuple[str, datetime | None]
    digest: str
    item: str
    substantial: bool
    dated: bool
    timed: bool

    @classmethod
    def of(cls, entry: IdentityFields) -> _Content:
        written = f"{entry.title}\n{entry.text[:_LOOKED_AT]}"
        letters = _letters(written)
        digest = _digest(letters or " ".join(written.split()))  # a text may be all signs
        moment = entry.published
        return cls(
            headline=(_letters(entry.title), moment),
            digest=digest,
            item=f"{moment.isoformat() if moment else 'undated'}:{digest}",
            substantial=len(letters) >= SUBSTANTIAL,
            dated=moment is not None,
            timed=moment is not None and moment.time() != time.min,
        )


def _guid(written: str | None, no_pages: set[str | None], *, dropped: bool) -> str | None:
    guid = (written or "").strip()
    if guid.lower() in _NO_GUIDS or (dropped and (len(guid) < _UNIQUE or guid.isdecimal())):
        return None
    address = canonical(guid)
    return None if address and address in no_pages else guid


def _page(url: str | None, no_pages: set[str | None]) -> str | None:
    page = canonical(url)
    return page if page not in no_pages and identifies(page) else None


def _believed_guids(
    guids: Sequence[str | None], pages: Sequence[str | None], contents: Sequence[_Content]
) -> list[str | None]:
    """The guids, without those whose entries differ both in address and in headline."""
    where, what = defaultdict(set), defaultdict(set)
    for position, (guid, page, content) in enumerate(zip(guids, pages, contents, strict=True)):
        where[guid].add(page or position)  # entries without an address have none in common
        what[guid].add(content.headline)
    return [guid if len(where[guid]) == 1 or len(what[guid]) == 1 else None for guid in guids]


def _profile(values: Sequence[str | None], apart: Sequence[Hashable]) -> list[str | None]:
    """The values, without those that entries share which something stronger tells apart."""
    users = defaultdict(set)
    for value, mark in zip(values, apart, strict=True):
        users[value].add(mark)
    return [value if len(users[value]) == 1 else None for value in values]


def _part(text: str, *, last: bool = False) -> str:
    """A part of a key, without the colon that parts end with; one that is long or odd becomes its digest."""
    if len(text) > _LONGEST or not text.isprintable():
        return _digest(text)
    return text if last else text.replace("%", "%25").replace(":", "%3A")


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _letters(text: str) -> str:
    """Letters, their marks and digits; case, punctuation and white space are gone."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text).casefold()
        if letter.isalnum() or unicodedata.category(letter).startswith("M")
    )
