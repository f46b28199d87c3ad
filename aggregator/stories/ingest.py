"""Take reports in: who is new, who is known, who has changed; then each into its story.

All of it happens in the caller's transaction, so that a report, its fingerprint and its story are there
together or not at all. Taking the same reports in twice is taking them in once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aggregator.model import Report
from aggregator.normalise.report import RECIPE
from aggregator.stories.linker import Linker
from storage import media, pages, sketches
from storage import reports as store
from storage.reports import Stored


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What taking reports in has brought.

    Attributes:
        new: ids of reports that were not known.
        revised: ids of reports whose words have changed.
        stories: ids of the stories that gained.
        verdicts: layer and score of each report that was linked.

    """

    new: tuple[int, ...] = ()
    revised: tuple[int, ...] = ()
    stories: frozenset[int] = frozenset()
    verdicts: tuple[tuple[str, float], ...] = ()


def ingest(
    tx: Any,
    linker: Linker,
    reports: Sequence[Report],
    now: datetime,
    shown: Sequence[tuple[str, ...]] = (),
    *,
    archived: bool = False,
) -> IngestResult:
    """Store what is new or has changed, and put it into its stories.

    Args:
        tx: an open writing transaction.
        linker: puts reports into stories.
        reports: what a source showed, the oldest first.
        now: the present time.
        shown: the keys of all that it showed, these reports or others; only needed where there are others.
        archived: whether each new report comes to its story when it was seen, and not now.

    """
    linker.refresh(tx)
    known = store.known(tx, (key for report in reports for key in report.keys))
    if known:  # else there is nothing that the others could have
        known |= store.known(tx, (key for keys in shown for key in keys))
    new, again = _sorted_out(reports, known, [*(report.keys for report in reports), *shown])
    store.release(tx, (key for report in new for key in report.keys if key in known))
    ids = store.add(tx, new)
    media.add(tx, {i: report.media for i, report in zip(ids, new, strict=True)})
    revised = _revised(tx, again, now)
    return _linked(tx, linker, ids, revised, now, archived=archived)


def rewrite(tx: Any, linker: Linker, report: int, text: str, language: str, now: datetime) -> IngestResult:
    """Give a report that is known another text, as a revision, and put it where it belongs with that.

    Args:
        tx: an open writing transaction.
        linker: puts reports into stories.
        report: its id.
        text: the new text.
        language: the language of that.
        now: the present time.

    """
    linker.refresh(tx)
    old = store.get(tx, [report])[report]
    new = Report(
        source=old.source,
        publisher=old.publisher,
        title=old.title,
        text=text,
        language=language,
        published=old.published,
        dated=old.dated,
        seen=old.seen,
        url=old.url,
        recipe=RECIPE,
    )
    store.revise(tx, old, new, now)
    return _linked(tx, linker, [], [old], now)


def _own(old: Stored, report: Report) -> bool:
    """Whether the source that showed a report first shows it again, and it was not forgotten."""
    return old.forgotten is None and old.source == report.source


def _linked(
    tx: Any,
    linker: Linker,
    ids: Sequence[int],
    revised: Sequence[Stored],
    now: datetime,
    *,
    archived: bool = False,
) -> IngestResult:
    """Put new and revised reports into their stories."""
    changed = store.get(tx, [*ids, *(old.id for old in revised)])
    for old in revised:
        sketches.drop_bands(tx, old.id, old.seen)
    in_order = [changed[i] for i in (*ids, *(old.id for old in revised))]
    with linker.linking(tx, in_order) as linking:
        at_once = set() if archived else {report.id for report in in_order}
        at_once.update(each.id for each in revised)
        gained = frozenset(
            [linking.link(report, now if report.id in at_once else report.seen) for report in in_order]
        )
    return IngestResult(tuple(ids), tuple(old.id for old in revised), gained, linker.take_verdicts())


def _sorted_out(
    reports: Sequence[Report], known: dict[str, int], shown_keys: Iterable[tuple[str, ...]]
) -> tuple[list[Report], list[tuple[int, Report]]]:
    """New reports, and those that are known with their ids. A key shown twice at once is one report.

    A report that one entry has by a stronger key is not another's by a weaker one: a publisher may show
    today's news where yesterday's was, and keep that elsewhere.
    """
    claims = _claims(shown_keys, known)
    new: list[Report] = []
    again: list[tuple[int, Report]] = []
    shown: set[str] = set()
    for report in reports:
        found = next(
            (
                known[key]
                for rank, key in enumerate(report.keys)
                if key in known and rank <= claims.get(known[key], rank)
            ),
            None,
        )
        if found is not None:
            again.append((found, report))
        elif shown.isdisjoint(report.keys):
            new.append(report)
        shown.update(report.keys)
    return new, again


def _claims(shown_keys: Iterable[tuple[str, ...]], known: dict[str, int]) -> dict[int, int]:
    """How strong the strongest key is by which an entry has a known report; 0 is strongest."""
    claims: dict[int, int] = {}
    for keys in shown_keys:
        found = next(((rank, key) for rank, key in enumerate(keys) if key in known), None)
        if found is not None:
            rank, owner = found[0], known[found[1]]
            claims[owner] = min(rank, claims.get(owner, rank))
    return claims


def _revised(tx: Any, again: Sequence[tuple[int, Report]], now: datetime) -> list[Stored]:
    """Keep new sightings, keys and words of known reports; those whose words have changed, as they were.

    Only the source that showed a report first revises it: two feeds of one publisher often show one article
    with two summaries, and the report would flip between them at every poll. Of two entries for one report
    the first has the word, for the same reason. A text that came from the report's own page gives way to a
    longer one only: the feed goes on showing its short one. What was forgotten does not come back.
    """
    before = store.get(tx, {report_id for report_id, _ in again})
    store.identify(tx, [(report_id, key) for report_id, report in again for key in report.keys])
    store.sight(tx, [(report_id, report.source, report.seen) for report_id, report in again])
    revised: dict[int, Stored] = {}
    first = dict(reversed(again))
    whole = pages.taken(tx, list(before))
    media.put(tx, {i: first[i].media for i, old in before.items() if _own(old, first[i])})
    for report_id in dict.fromkeys(report_id for report_id, _ in again):
        old, report = before[report_id], first[report_id]
        if report_id in whole and len(report.text) <= len(old.text):
            report = replace(report, text=old.text, language=old.language)
        changed = old.forgotten is None and (old.title, old.text) != (report.title, report.text)
        if changed and old.source == report.source:
            store.revise(tx, old, report, now)
            revised[report_id] = old
    return list(revised.values())
