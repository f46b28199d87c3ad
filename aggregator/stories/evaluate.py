"""Stream a labelled file through the pipeline, from an empty store in memory, and compare with its labels.

B-cubed (Bagga and Baldwin 1998; Amigó et al. 2009) asks for each report how much of its story is right
(precision) and how much of its event is there (recall). Pairwise figures ask the same of each pair, and the
adjusted Rand index (Hubert and Arabie 1985) corrects the share of right pairs for chance.
"""

from __future__ import annotations

import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator.errors import NotFound, ParseError
from aggregator.model import Report
from aggregator.normalise.dates import when
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.second_look import look_at_all
from storage import stories
from storage.database import Database

_BATCH = 50  # reports a transaction: about what a poll of a feed brings


@dataclass(frozen=True, slots=True)
class Score:
    """How well the stories match the labels; shares in [0, 1].

    Attributes:
        b3_precision, b3_recall, b3_f1: B-cubed.
        pair_precision, pair_recall, pair_f1: over pairs of reports.
        ari: adjusted Rand index.
        stories: stories found among the labelled reports.
        reports: labelled reports.

    """

    b3_precision: float
    b3_recall: float
    b3_f1: float
    pair_precision: float
    pair_recall: float
    pair_f1: float
    ari: float
    stories: int
    reports: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A score, and what it cost.

    Attributes:
        score: the match with the labels.
        taken: reports streamed, labelled or not.
        reports_per_second: from the first report to the last commit.
        peak_memory: of the whole process, in bytes.
        stories: the story of each report streamed, in the order of streaming.

    """

    score: Score
    taken: int
    reports_per_second: float
    peak_memory: int
    stories: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """One flat object, with four decimals."""
        flat = {name: round(value, 4) for name, value in asdict(self.score).items()}
        speed = round(self.reports_per_second, 1)
        return flat | {"taken": self.taken, "reports_per_second": speed, "peak_memory": self.peak_memory}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A line of the file: a report and its label, None where it has none."""

    report: Report
    label: str | None


def evaluate(
    documents: Sequence[Labelled], settings: Dedup, progress: Callable[[int], None] = lambda done: None
) -> Evaluation:
    """Stream documents in their order, then compare the stories with the labels.

    Args:
        documents: in the order in which they arrive.
        settings: the bars.
        progress: called with the number of reports taken so far.

    """
    database, linker = Database("sqlite://"), Linker(settings)
    began = time.perf_counter()
    ids: list[int] = []
    for start in range(0, len(documents), _BATCH):
        batch = documents[start : start + _BATCH]
        with database.writing() as tx:
            gain = ingest(tx, linker, [document.report for document in batch], _BEGINNING)
        ids += gain.new
        progress(min(start + _BATCH, len(documents)))
    with database.writing() as tx:
        look_at_all(tx, linker, _BEGINNING)
    seconds = time.perf_counter() - began
    told = _stories(database, ids)
    database.close()
    labelled = [
        (document.label, story)
        for document, story in zip(documents, told, strict=True)
        if document.label is not None
    ]
    score = compare([label for label, _ in labelled], [story for _, story in labelled])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Evaluation(score, len(documents), len(documents) / max(seconds, 1e-9), memory, told)


def read(path: Path, *, titles_only: bool = False, max_chars: int | None = None) -> list[Labelled]:
    """The documents of a labelled file, one JSON object a line, in the order of streaming.

    In order of ``published`` where all have one that can be read, else in the file's.

    Args:
        path: keys ``id, title, text, published, source, url, lang, cluster``; null or "" where unknown.
        titles_only: leave the texts out; a document without a title keeps its first line.
        max_chars: cut the texts after so many characters.

    Raises:
        NotFound: the file cannot be read.
        ParseError: a line is no such object.

    """
    documents = [_labelled(row, number, titles_only, max_chars) for number, row in enumerate(_rows(path))]
    if all(document.report.dated for document in documents):
        documents.sort(key=lambda document: document.report.published)
    return documents


def compare(labels: Sequence[Hashable], found: Sequence[Hashable]) -> Score:
    """The score of a partition `found` against `labels`, both one value a report."""
    together = Counter(zip(labels, found, strict=True))
    events, groups, n = Counter(labels), Counter(found), len(labels)
    precision = _share(sum(c * c / groups[g] for (_, g), c in together.items()), n)
    recall = _share(sum(c * c / events[e] for (e, _), c in together.items()), n)
    right, said, true = (_pairs(counts.values()) for counts in (together, groups, events))
    pair_precision, pair_recall = _share(right, said), _share(right, true)
    expected, most = said * true / max(_pairs([n]), 1), (said + true) / 2
    return Score(
        b3_precision=precision,
        b3_recall=recall,
        b3_f1=_harmonic(precision, recall),
        pair_precision=pair_precision,
        pair_recall=pair_recall,
        pair_f1=_harmonic(pair_precision, pair_recall),
        ari=_share(right - expected, most - expected),
        stories=len(groups),
        reports=n,
    )


def _stories(database: Database, ids: Sequence[int]) -> tuple[int, ...]:
    story_of: dict[int, int] = {}
    with database.reading() as tx:
        for start in range(0, len(ids), _BATCH):
            story_of |= stories.of_reports(tx, ids[start : start + _BATCH])
    return tuple(story_of[report] for report in ids)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").split("\n")  # a text may hold other separators, unescaped
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{path}: cannot be read: {error}", hint="name a labelled .jsonl file") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ParseError(f"{path}, line {number}: no JSON: {error}") from error
        if not isinstance(row, dict) or "cluster" not in row:
            raise ParseError(f"{path}, line {number}: no object with a key 'cluster'")
        yield row


_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def _labelled(row: dict[str, Any], number: int, titles_only: bool, max_chars: int | None) -> Labelled:
    title, text = str(row.get("title") or ""), str(row.get("text") or "")
    if titles_only:
        title, text = (title, "") if title else ("", text.split("\n", 1)[0][:200])
    # Files hold reports of many years: what was seen has to lie in one window, what was published need not.
    published = when(str(row.get("published") or ""), datetime.now(UTC))
    report = Report(
        source=str(row.get("source") or f"evaluation {number}"),
        publisher=str(row.get("source") or f"evaluation {number}"),
        title=title,
        text=text[:max_chars],
        language=str(row.get("lang") or "und"),
        published=published or _BEGINNING,
        dated=published is not None,
        seen=_BEGINNING,
        url=row.get("url") or None,
        keys=(f"guid:evaluation:{number}",),
    )
    label = row["cluster"]
    return Labelled(report, None if label in (None, "") else str(label))


def _pairs(counts: Any) -> int:
    return sum(count * (count - 1) // 2 for count in counts)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
