"""Make `aggregator/dedup/weights.json` again from labelled files.

    python -m benchmarks.fit_weights FILE.jsonl … [--out weights.json]

Each file is read three times: whole, cut to 200 characters, and by titles alone where most reports have one.
Two numbers are found separately, because they mean different things:

* the weights of the cosines: logistic regression over pairs, each file and each event counting alike;
* the intercept: so that the default `dedup.story_bar` is the best single bar for all files, when they are
  streamed through the shipped way and scored by B-cubed F1.

The weights of ``length``, ``thin``, ``strangers`` and ``names`` are set, not fitted (`LENGTH`, …): pairs say
that length hardly matters, while stories want more agreement from long reports. With ``--held-out`` each
family of files (the name up to the first ``_``) is scored with weights fitted on the others: what a file
gains by being among the fitted is the difference.

Needs scikit-learn (the extra ``bench``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from aggregator.dedup import verdict
from aggregator.dedup.fingerprint import sketch
from aggregator.dedup.frequency import StreamCounts
from aggregator.dedup.signals import SIGNALS, compare, weigh
from aggregator.evaluate import Labelled, evaluate, read
from aggregator.settings import Dedup

LENGTH = -0.5  # weight of the log length: an e-fold more text must bring 0.5 more log odds
THIN = -3.0  # set: see the docstring of `verdict`
STRANGERS = -7.0  # set too: labelled files hold few short reports of strangers
NAMES = -1.0  # and few of what else happened to somebody
COSINES = 3  # the signals that are fitted
NEAR = 0.05  # pairs of different events below this cosine teach nothing
MOST = 40_000  # pairs of each kind a file
BARS = (0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Corpus:
    """A labelled file in one of its lengths, and its pairs: terms, whether same, and what each counts."""

    name: str
    family: str
    documents: list[Labelled]
    terms: np.ndarray
    same: np.ndarray
    weight: np.ndarray


def corpora(paths: Sequence[Path]) -> Iterator[Corpus]:
    """Every file in the lengths that it can be read in."""
    for path in paths:
        variants = [("whole", read(path)), ("200 characters", read(path, max_chars=200))]
        titled = sum(bool(document.report.title) for document in variants[0][1])
        if titled > 0.9 * len(variants[0][1]):
            variants.append(("titles", read(path, titles_only=True)))
        for variant, documents in variants:
            labelled = [document for document in documents if document.label is not None]
            family = path.stem.split("_")[0]
            yield Corpus(f"{path.stem}, {variant}", family, labelled, *pairs(labelled))


def pairs(documents: Sequence[Labelled]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms, sameness and weight of pairs: each event counts once, and so do all near misses together."""
    counts, sketches = StreamCounts(), []
    for document in documents:
        report = document.report
        sketches.append(sketch(report.title, report.text, report.language))
        counts.add(report.language, sketches[-1].hashes)
    weighed = [weigh(one, counts) for one in sketches]
    labels = np.unique([document.label for document in documents], return_inverse=True)[1]
    sizes = np.bincount(labels)
    signals, same, weight = [], [], []
    for i in range(1, len(documents)):
        row = compare(weighed[i], weighed[:i])
        alike = labels[:i] == labels[i]
        kept = alike | (row[:, 0] > NEAR)
        signals.append(row[kept])
        same.append(alike[kept])
        weight.append(np.where(alike, 1.0 / sizes[labels[i]], 1.0)[kept])
    return _sample(np.concatenate(signals), np.concatenate(same), np.concatenate(weight))


def _sample(
    signals: np.ndarray, same: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kinds = [np.flatnonzero(same), np.flatnonzero(~same)]
    chosen = np.concatenate([rng.permutation(kind)[:MOST] for kind in kinds])
    weight, same = weight[chosen], same[chosen]
    for kind in (same, ~same):
        weight[kind] /= weight[kind].sum()
    return verdict.terms(signals[chosen]), same, weight


def fit(fitted: Sequence[Corpus]) -> verdict.Model:
    """The model before its intercept is moved to the default bar."""
    terms = np.concatenate([corpus.terms[:, :COSINES] for corpus in fitted])
    mean, spread = terms.mean(axis=0), terms.std(axis=0)
    regression = LogisticRegression(C=1.0, max_iter=2000).fit(
        (terms - mean) / spread,
        np.concatenate([corpus.same for corpus in fitted]),
        sample_weight=1e4 * np.concatenate([corpus.weight for corpus in fitted]),
    )
    cosines = (regression.coef_[0] / spread).round(1)
    intercept = regression.intercept_[0] - float(cosines @ mean) - 5.0 * LENGTH
    return verdict.Model(round(intercept, 2), np.append(cosines, [LENGTH, THIN, STRANGERS, NAMES]))


def streamed(model: verdict.Model, corpus: Corpus, bar: float) -> tuple[float, float, float]:
    """B-cubed F1, precision and recall of a corpus streamed through the shipped way."""
    verdict.shipped_model.cache_clear()
    original, verdict.shipped_model = verdict.shipped_model, lambda: model  # type: ignore[assignment]
    try:
        score = evaluate(corpus.documents, Dedup(story_bar=bar)).score
    finally:
        verdict.shipped_model = original
    return score.b3_f1, score.b3_precision, score.b3_recall


def moved(model: verdict.Model, scored: Sequence[Corpus]) -> verdict.Model:
    """The model with its intercept moved so that the default bar is the best one."""
    means = [np.mean([streamed(model, corpus, bar)[0] for corpus in scored]) for bar in BARS]
    best, default = BARS[int(np.argmax(means))], Dedup().story_bar
    shift = np.log(default / (1 - default)) - np.log(best / (1 - best))
    return verdict.Model(round(float(model.intercept + shift), 1), model.weights)


def report(model: verdict.Model, scored: Sequence[Corpus]) -> None:
    """Print a line a corpus."""
    for corpus in scored:
        f1, precision, recall = streamed(model, corpus, Dedup().story_bar)
        print(f"{corpus.name:40} F1 {f1:.3f}  precision {precision:.3f}  recall {recall:.3f}", flush=True)


def main() -> None:
    """Fit, say how well it does, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="where to write the weights; else they are printed")
    parser.add_argument("--held-out", action="store_true", help="score each family with the others' weights")
    asked = parser.parse_args()
    read_in = list(corpora(asked.files))
    for family in sorted({corpus.family for corpus in read_in}) if asked.held_out else ():
        others = [corpus for corpus in read_in if corpus.family != family]
        report(moved(fit(others), others), [corpus for corpus in read_in if corpus.family == family])
    model = moved(fit(read_in), read_in)
    report(model, read_in)
    weights = {
        "fitted": f"{datetime.now(UTC):%Y-%m-%d} by benchmarks/fit_weights.py on "
        + ", ".join(path.stem for path in asked.files),
        "intercept": model.intercept,
        "weights": dict(zip(SIGNALS, model.weights.tolist(), strict=True)),
    }
    written = json.dumps(weights, indent=2) + "\n"
    if asked.out:
        asked.out.write_text(written, encoding="utf-8")
    else:
        print(written)


if __name__ == "__main__":
    main()
