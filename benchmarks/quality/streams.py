"""What one pass over a labelled file does not show: noise around it, and another order of arrival."""

from __future__ import annotations

import lzma
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.settings import Dedup
from aggregator.stories.evaluate import Evaluation, Labelled, evaluate, read

FOREIGN = "stream_2020_2021.jsonl.xz"


@dataclass(frozen=True, slots=True)
class Noise:
    """A labelled corpus in the middle of foreign items.

    Attributes:
        foreign: items around it.
        joined: of these, how many sit in a story with a labelled report.
        quiet: the corpus alone.
        loud: the corpus in the noise.

    """

    foreign: int
    joined: int
    quiet: Evaluation
    loud: Evaluation

    @property
    def loss(self) -> float:
        """What the noise costs of B-cubed F1."""
        return self.quiet.score.b3_f1 - self.loud.score.b3_f1


def foreign_items(path: Path, count: int, *, dated: bool) -> list[Labelled]:
    """The first items of the unlabelled stream.

    Args:
        path: JSON lines, compressed by xz.
        count: how many.
        dated: whether they keep their dates; without, only their words keep them out of labelled stories.

    """
    with tempfile.TemporaryDirectory() as folder, lzma.open(path, "rt", encoding="utf-8") as lines:
        plain = Path(folder) / "foreign.jsonl"
        plain.write_text("".join(line for line, _ in zip(lines, range(count), strict=False)), "utf-8")
        return [_foreign(document, dated=dated) for document in read(plain)]


def _foreign(document: Labelled, *, dated: bool) -> Labelled:
    """With keys and a source of its own: neither a new sighting of a labelled report nor its boilerplate."""
    report = document.report
    keys = tuple(f"foreign:{key}" for key in report.keys)
    apart = replace(report, keys=keys, source=f"foreign {report.source}")
    return Labelled(apart if dated else replace(apart, published=report.seen, dated=False), None)


def noise(labelled: Sequence[Labelled], foreign: Sequence[Labelled], settings: Dedup) -> Noise:
    """Stream half of the foreign items, the labelled ones, and the other half."""
    half = len(foreign) // 2
    loud = evaluate([*foreign[:half], *labelled, *foreign[half:]], settings)
    within = loud.stories[half : half + len(labelled)]
    without = loud.stories[:half] + loud.stories[half + len(labelled) :]
    return Noise(len(foreign), joining(within, without), evaluate(labelled, settings), loud)


def joining(labelled: Sequence[int], foreign: Sequence[int]) -> int:
    """How many foreign reports sit in a story that holds a labelled one, given the story of each."""
    theirs = set(labelled)
    return sum(story in theirs for story in foreign)


def shuffled(documents: Sequence[Labelled], seed: int) -> list[Labelled]:
    """The documents in another order; the same seed gives the same order."""
    order = list(documents)
    random.Random(seed).shuffle(order)
    return order


def f1_in_order(documents: Sequence[Labelled], seed: int, settings: Dedup) -> float:
    """B-cubed F1 when the documents arrive shuffled."""
    return evaluate(shuffled(documents, seed), settings).score.b3_f1
