"""From what a source showed to reports: each whole, clean, dated, in one language, under one publisher.

Pure: entries and the moment in, reports out. Entries of one body that are one report (see `identity`) become
one, made from the fullest of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from aggregator.model import NO_MEDIA, Entry, Parsed, Report
from aggregator.normalise import identity, seen_entries
from aggregator.normalise.boilerplate import clean
from aggregator.normalise.dates import when
from aggregator.normalise.language import language
from aggregator.normalise.publisher import feed_name, headline, publisher
from aggregator.settings import FeedSource, FolderSource

RECIPE = 2
"""Version of what is done here; a report that an older one made can be made again."""

_MOST = 50  # authors, links and tags of a report, each


@dataclass(frozen=True, slots=True)
class Body:
    """What a body gave.

    Attributes:
        reports: those with an entry that is new or has changed.
        beside: the keys of all others.
        shown: digests of all entries, see `seen_entries`.
    """

    reports: list[Report] = field(default_factory=list)
    beside: tuple[tuple[str, ...], ...] = ()
    shown: bytes = b""


def normalise(parsed: Parsed, source: FeedSource | FolderSource, now: datetime) -> list[Report]:
    """The reports in one body, in its order. No two of them share a key.

    Args:
        parsed: what the parser made of the body.
        source: the configuration of its source.
        now: when it was seen; aware, in UTC.
    """
    return changes(parsed, source, now).reports


def changes(
    parsed: Parsed, source: FeedSource | FolderSource, now: datetime, before: bytes | None = None
) -> Body:
    """What is new or has changed since the body before. Identity is decided with all entries in view.

    Args:
        parsed: as for `normalise`.
        source: as for `normalise`.
        now: as for `normalise`.
        before: `Body.shown` of the body before.
    """
    known, digests = seen_entries.unpacked(before), seen_entries.digests(parsed, source, RECIPE, now)
    told = [
        (entry, digest in known)
        for entry, digest in zip(parsed.entries, digests, strict=True)
        if entry.title.strip() or entry.text.strip() or entry.url
    ]
    entries = [entry for entry, _ in told]
    shown = [
        identity.IdentityFields(
            guid=entry.guid,
            url=entry.url,
            title=entry.title,
            text=entry.text,
            published=when(entry.published, now) or when(entry.updated, now),
            publisher=publisher(entry, parsed, source),
        )
        for entry in entries
    ]
    homes = (parsed.url, source.url) if isinstance(source, FeedSource) else ()
    keys = identity.keys(shown, source.name, homes=homes, dropped=isinstance(source, FolderSource))
    reports, beside = [], []
    for group in identity.groups(keys):
        if all(told[at][1] for at in group):
            beside.append(identity.united(keys[at] for at in group))
            continue
        best = max(group, key=lambda at: _fullness(shown[at]))
        report = _report(entries[best], shown[best], parsed, source, now)
        others = [entries[at] for at in group if at != best]
        reports.append(_with(report, others, identity.united(keys[at] for at in group)))
    return Body(reports, tuple(beside), seen_entries.packed(digests))


def _report(
    entry: Entry,
    shown: identity.IdentityFields,
    parsed: Parsed,
    source: FeedSource | FolderSource,
    now: datetime,
) -> Report:
    names = (shown.publisher, source.publisher, parsed.title, feed_name(parsed), entry.publisher)
    title = headline(entry.title, names, entry.url)
    text = clean(entry.text, (title, entry.title))
    return Report(
        source=source.name,
        publisher=shown.publisher,
        title=title,
        text=text,
        language=language(f"{title}\n{text}", entry.language or parsed.language, source.language),
        published=min(shown.published or now, now),  # a date a little ahead is a clock that runs fast
        dated=shown.published is not None,
        seen=now,
        authors=_first(entry.authors),
        url=entry.url,
        links=_first(link for link in entry.links if link != entry.url),
        tags=_first((*source.tags, *entry.tags)),
        recipe=RECIPE,
        media=entry.media,
    )


def _with(report: Report, others: Sequence[Entry], keys: tuple[str, ...]) -> Report:
    """The report with what other entries of it add: addresses, tags, and a picture where it has none."""
    links = (link for other in others for link in (other.url, *other.links) if link and link != report.url)
    tags = (tag for other in others for tag in other.tags)
    media = next((each.media for each in others if report.media == NO_MEDIA), report.media)
    return replace(
        report,
        keys=keys,
        links=_first((*report.links, *links)),
        tags=_first((*report.tags, *tags)),
        media=media,
    )


def _fullness(shown: identity.IdentityFields) -> tuple[object, ...]:
    """What decides which of several entries of a report is taken; the order of the body does not."""
    moment = shown.published.timestamp() if shown.published else 0.0
    return (
        len(shown.text),
        len(shown.title),
        moment,
        shown.text,
        shown.title,
        shown.guid or "",
        shown.url or "",
    )


def _first(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, in order, `_MOST` at most."""
    return tuple(islice(dict.fromkeys(value.strip() for value in values if value.strip()), _MOST))
