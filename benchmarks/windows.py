"""Days of real feeds that people have labelled, streamed as they came: ``python -m benchmarks.windows``.

The labels are in ``quality/windows``: ids of `stream_2020_2021`, and events by names of their own; no text.
Each outlet is a publisher, each hour a round of polls with a second look behind it. Printed for each window,
cold (an empty database) and warm (the news items before it came first):

    precision   of the pairs that share a story and are not debatable, the share that is one event
    recall      of the certain pairs of one event, the share that shares a story
    pure        stories of two and more reports without a wrong pair, of all of them
    largest     the most reports of a story that holds a wrong pair
"""

from __future__ import annotations

import argparse
import itertools
import json
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.second_look import look_again
from storage import stories
from storage.database import Database

LABELS = Path(__file__).resolve().parent / "quality" / "windows"
STREAM = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "stream_2020_2021.jsonl.xz"
UNTOUCHED = frozenset({"08", "11"})
"""Windows that no weight may be fitted on; the shipped weights know all others."""

WARM = 3000  # items before a window


@dataclass(frozen=True, slots=True)
class Window:
    """A labelled day.

    Attributes:
        name: of its file.
        items: in the order in which feeds first showed them.
        event: number of the event of each id that is in one.
        core: ids of which the reader was certain.
        umbrellas: the big subjects that each id belongs to; pairs within one count neither way.
    """

    name: str
    items: Sequence[dict[str, Any]]
    event: dict[str, int]
    core: frozenset[str]
    umbrellas: dict[str, frozenset[int]]

    def same(self, a: str, b: str) -> bool | None:
        """Whether two items are of one event; None where that is debatable."""
        if a in self.event and self.event[a] == self.event.get(b):
            return True
        nothing: frozenset[int] = frozenset()
        return None if self.umbrellas.get(a, nothing) & self.umbrellas.get(b, nothing) else False


@cache
def stream() -> list[dict[str, Any]]:
    """All items of the stream."""
    with lzma.open(STREAM, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def windows(names: Iterable[str] = ()) -> Iterator[Window]:
    """The labelled windows, or those of these names."""
    by_id = {item["id"]: item for item in stream()}
    for path in sorted(LABELS.glob("*.json")):
        if not names or path.stem in names:
            labels = json.loads(path.read_text("utf-8"))
            yield labelled(path.stem, [by_id[each] for each in labels["ids"]], labels)


def labelled(name: str, items: Sequence[dict[str, Any]], labels: dict[str, Any]) -> Window:
    """A window from its items and its labels."""
    umbrellas: defaultdict[str, set[int]] = defaultdict(set)
    for number, each in enumerate(labels.get("umbrellas", ())):
        for item in each["ids"]:
            umbrellas[item].add(number)
    return Window(
        name=name,
        items=items,
        event={item: number for number, each in enumerate(labels["events"]) for item in each["ids"]},
        core=frozenset(item for each in labels["events"] for item in _certain(each)),
        umbrellas={item: frozenset(numbers) for item, numbers in umbrellas.items()},
    )


def _certain(event: dict[str, Any]) -> Sequence[str]:
    """The ids of which the reader was certain: all, where a sure reader did not say which."""
    certain: Sequence[str] = event.get("core", event["ids"] if event.get("sure", True) else ())
    return certain


def before(window: Window, count: int) -> list[dict[str, Any]]:
    """The news items that the stream showed last before a window."""
    start = min(item["first_seen"] for item in window.items)
    earlier = [item for item in stream() if item["first_seen"] < start and item["kind"] == "news"]
    return earlier[-count:] if count else []


def report_of(item: dict[str, Any]) -> Report:
    """An item as a report of its outlet."""
    published = datetime.fromisoformat(item["published"]) if item["published"] else None
    seen = datetime.fromisoformat(item["first_seen"])
    return Report(
        source=item["source"],
        publisher=item["source"],
        title=item["title"] or "",
        text=item["text"] or "",
        language=item["lang"] or "en",
        published=min(published or seen, seen).astimezone(UTC),
        dated=published is not None,
        seen=seen.astimezone(UTC),
        url=item["url"],
        keys=(f"guid:{item['id']}",),
    )


def play(window: Window, warm: int = 0) -> list[list[str]]:
    """The stories of a window: lists of item ids."""
    database, linker = Database("sqlite://"), Linker(Dedup())
    rounds: defaultdict[str, defaultdict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for item in before(window, warm):
        rounds[item["first_seen"][:10]][item["source"]].append(item)
    for item in window.items:
        rounds[item["first_seen"][:13]][item["source"]].append(item)
    item_of: dict[int, str] = {}
    for shown in rounds.values():
        now = max(report_of(item).seen for listed in shown.values() for item in listed)
        for listed in shown.values():
            with database.writing() as tx:
                new = ingest(tx, linker, [report_of(item) for item in listed], now).new
            item_of.update(zip(new, (item["id"] for item in listed), strict=True))
        with database.writing() as tx:
            while look_again(tx, linker, now).reports:
                pass
    with database.reading() as tx:
        found: defaultdict[int, list[str]] = defaultdict(list)
        for report, story in stories.partition(tx).items():
            found[story].append(item_of[report])
    database.close()
    own = {item["id"] for item in window.items}
    return [kept for ids in found.values() if (kept := [each for each in ids if each in own])]


def score(window: Window, found: Sequence[Sequence[str]]) -> dict[str, float]:
    """The figures."""
    right = wrong = several = pure = largest = 0
    story_of = {item: number for number, ids in enumerate(found) for item in ids}
    for ids in found:
        verdicts = [window.same(a, b) for a, b in itertools.combinations(ids, 2)]
        faults = verdicts.count(False)
        right, wrong = right + verdicts.count(True), wrong + faults
        several, pure = several + (len(ids) > 1), pure + (len(ids) > 1 and not faults)
        largest = max(largest, len(ids) if faults else 0)
    pairs = itertools.combinations(sorted(window.core), 2)
    certain = [(a, b) for a, b in pairs if window.event[a] == window.event[b]]
    together = sum(story_of[a] == story_of[b] for a, b in certain)
    return {
        "precision": right / max(1, right + wrong),
        "recall": together / max(1, len(certain)),
        "pure": pure / max(1, several),
        "largest": largest,
    }


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", help="windows; all if none is named")
    asked = parser.parse_args()
    for window in windows(asked.names):
        for warm in (0, WARM):
            figures = score(window, play(window, warm))
            kind = "untouched" if window.name in UNTOUCHED else "to fit on"
            print(window.name, kind, "warm" if warm else "cold", end="  ")
            print("  ".join(f"{name} {value:.2f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
