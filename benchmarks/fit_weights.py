"""Make `aggregator/dedup/weights.json` again from labelled windows and labelled files.

    python -m benchmarks.fit_weights FILE.jsonl … [--window ITEMS.jsonl LABELS.json …] [--out weights.json]

A logistic regression over pairs. Of a window (`benchmarks.windows`, but for those that stay untouched, and
what ``--window`` names) all pairs that share a word count, cold and warm; of a file, read whole, cut to 200
characters and by titles, each event counts once, and all of it `FILE` of what a window counts: articles teach
what wording is worth, days teach what misleads. What `SET` holds is not fitted; its reasons are in the
docstring of `aggregator.dedup.verdict`.

Needs scikit-learn (the extra ``bench``).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from aggregator.dedup import verdict
from aggregator.dedup.fingerprint import sketch
from aggregator.dedup.frequency import StreamCounts
from aggregator.dedup.signals import weigh_all
from aggregator.dedup.verdict import TERMS, Profile
from aggregator.dedup.voice import REPORTS, Voice
from aggregator.model import Report
from aggregator.stories.evaluate import read
from benchmarks.windows import UNTOUCHED, WARM, before, labelled, report_of, windows

SET = {"thin": -3.0, "strangers": -7.0, "names": -1.0, "identifier": 5.0}
FILE = 0.3  # of what a window counts
SAME = 0.3  # of what a file counts, that its pairs of one event count
NEAR = 0.17  # pairs whose root of the cosine is below teach nothing
EVER = timedelta.max  # no window: how time tells is fitted, not cut
MOST = 60_000  # pairs of a file


@dataclass(frozen=True)
class Pairs:
    """Pairs of one reading of a window or a file: terms, whether of one event, and what each counts."""

    terms: np.ndarray
    same: np.ndarray
    weight: np.ndarray


def profiles(reports: Sequence[Report], kept: int) -> list[Profile]:
    """The last reports as the verdict sees them when all have come."""
    counts, sketches, said = StreamCounts(), [], defaultdict(list)
    for report in reports:
        sketches.append(sketch(report.title, report.text, report.language))
        counts.add(report.language, sketches[-1].hashes)
        said[report.publisher].append(sketches[-1].hashes)
    voices = {publisher: Voice(hashes[-REPORTS:]) for publisher, hashes in said.items()}
    weighed = weigh_all(sketches[-kept:], counts)
    return [
        Profile(n, each, report.published, report.dated, n, report.publisher, voices[report.publisher])
        for n, (report, each) in enumerate(zip(reports[-kept:], weighed, strict=True))
    ]


def near(told: Sequence[Profile]) -> Iterator[tuple[int, int, np.ndarray]]:
    """Places and terms of the pairs that share enough to be asked about and are not vetoed."""
    for i, one in enumerate(told):
        if not i:
            continue
        others = told[:i]
        rows = np.column_stack(
            [
                verdict.terms(verdict.evidence(one, others)),
                verdict.circumstances(one, others, verdict.gaps(one, others)),
            ]
        )
        for j in np.flatnonzero(rows[:, 0] > NEAR):
            if verdict.veto(one, told[j], EVER) is None:
                yield i, int(j), rows[j]


def of_windows(further: Sequence[tuple[Path, Path]]) -> Iterator[Pairs]:
    """The pairs of each window, cold and warm.

    Args:
        further: windows beside those that are kept here: items and labels.

    """
    named = [
        labelled(items.stem, [json.loads(line) for line in items.open()], json.loads(labels.read_text()))
        for items, labels in further
    ]
    for window in [*(each for each in windows() if each.name not in UNTOUCHED), *named]:
        for warm in (0, WARM):
            items = [*before(window, warm), *window.items]
            told = profiles([report_of(item) for item in items], len(window.items))
            found = [
                (terms, same, 1.0)
                for i, j, terms in near(told)
                if (same := window.same(window.items[i]["id"], window.items[j]["id"])) is not None
            ]
            yield Pairs(*(np.array(column) for column in zip(*found, strict=True)))


def of_files(paths: Sequence[Path], total: float) -> Iterator[Pairs]:
    """The pairs of each file in the lengths that it can be read in.

    Args:
        paths: labelled files.
        total: what the pairs of one reading count together.

    """
    rng = np.random.default_rng(0)
    for path in paths:
        for reading in ({}, {"max_chars": 200}, {"titles_only": True}):
            documents = [each for each in read(path, **reading) if each.label is not None]
            labels = [document.label for document in documents]
            sizes = {label: labels.count(label) for label in set(labels)}
            told = profiles([document.report for document in documents], len(documents))
            found = [(terms, labels[i] == labels[j], 2.0 / sizes[labels[i]]) for i, j, terms in near(told)]
            terms, same, weight = (np.array(column) for column in zip(*found, strict=True))
            chosen = rng.permutation(len(same))[:MOST]
            terms, same, weight = terms[chosen], same[chosen], np.where(same, weight, 1.0)[chosen]
            for kind, share in ((same, SAME), (~same, 1.0 - SAME)):
                weight[kind] *= share * total / weight[kind].sum()
            yield Pairs(terms, same, weight)


def fit(fitted: Sequence[Pairs]) -> dict[str, float]:
    """Intercept and weights."""
    free = [number for number, name in enumerate(TERMS) if name not in SET]
    terms = np.concatenate([each.terms for each in fitted])[:, free]
    mean, spread = terms.mean(axis=0), terms.std(axis=0) + 1e-9
    regression = LogisticRegression(C=1.0, max_iter=3000).fit(
        (terms - mean) / spread,
        np.concatenate([each.same for each in fitted]),
        sample_weight=np.concatenate([each.weight for each in fitted]),
    )
    weights = regression.coef_[0] / spread
    found = dict(zip((TERMS[number] for number in free), weights.tolist(), strict=True)) | SET
    intercept = float(regression.intercept_[0] - weights @ mean)
    return {"intercept": round(intercept, 1)} | {name: round(found[name], 1) for name in TERMS}


def main() -> None:
    """Fit, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--window", nargs=2, type=Path, action="append", default=[], help="items and labels")
    parser.add_argument("--out", type=Path, help="where to write the weights; else they are printed")
    asked = parser.parse_args()
    days = list(of_windows(asked.window))
    total = FILE * float(np.mean([each.weight.sum() for each in days]))
    found = fit([*days, *of_files(asked.files, total)])
    weights = {
        "fitted": f"{datetime.now(UTC):%Y-%m-%d} by benchmarks/fit_weights.py; {', '.join(SET)} by hand",
        "intercept": found.pop("intercept"),
        "weights": found,
    }
    written = json.dumps(weights, indent=2) + "\n"
    if asked.out:
        asked.out.write_text(written, encoding="utf-8")
    else:
        print(written)


if __name__ == "__main__":
    main()
