"""The rows of the table: which texts, cut how, and what is asked of us there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.stories.evaluate import Labelled, read


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled corpus, as it is read.

    Attributes:
        name: as it is shown, and chosen on the command line.
        file: of the corpus, without its ending.
        f1: B-cubed F1 that is asked of us.
        recall: B-cubed recall that is asked of us, if any.
        titles_only: the texts are left out.
        max_chars: the texts are cut after so many characters.
        dev: no bar was tuned on it, so it is looked at rarely.
        quick: in the table even when little time is given.

    """

    name: str
    file: str
    f1: float
    recall: float = 0.0
    titles_only: bool = False
    max_chars: int | None = None
    dev: bool = False
    quick: bool = False

    def documents(self, corpora: Path) -> list[Labelled]:
        """The labelled reports, in the order of streaming."""
        path = corpora / f"{self.file}.jsonl"
        return read(path, titles_only=self.titles_only, max_chars=self.max_chars)


ROWS = (
    Row("fnc1_train", "fnc1_train", 0.955, quick=True),
    Row("ecbplus_train", "ecbplus_train", 0.91, quick=True),
    Row("ecbplus_dev", "ecbplus_dev", 0.91, dev=True),
    Row("fnc1_train:titles", "fnc1_train", 0.88, titles_only=True),
    Row("fnc1_train:200", "fnc1_train", 0.92, max_chars=200),
    Row("vlsp_abmusu_train", "vlsp_abmusu_train", 0.86, recall=0.88),
    Row("vlsp_abmusu_dev", "vlsp_abmusu_dev", 0.86, recall=0.88, dev=True),
)


def texts_of(documents: Sequence[Labelled]) -> list[str]:
    """What the other methods read: title, line break, text."""
    return [f"{document.report.title}\n{document.report.text}" for document in documents]


def labels_of(documents: Sequence[Labelled]) -> list[str]:
    """The labels, one a document; every document of a row has one."""
    return [str(document.label) for document in documents]


def digest(documents: Sequence[Labelled]) -> str:
    """Of texts and labels: figures kept for one digest are no figures for another."""
    whole = hashlib.sha256()
    for text, label in zip(texts_of(documents), labels_of(documents), strict=True):
        whole.update(f"{label}\0{text}\0".encode())
    return whole.hexdigest()[:16]
