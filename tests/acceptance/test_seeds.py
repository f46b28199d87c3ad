"""The two reports in ../shared/seeds: one story, whichever comes first, whatever comes before or after."""

import lzma
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

UNRELATED = 500


@pytest.fixture(scope="module")
def seeds(shared) -> tuple[Path, ...]:
    """Both files."""
    return tuple(sorted((shared / "seeds").glob("*.txt")))


@pytest.fixture(scope="module")
def stream(shared, tmp_path_factory) -> Path:
    """A file of real items that have nothing to do with them."""
    path: Path = tmp_path_factory.mktemp("stream") / "stream.jsonl"
    with lzma.open(shared / "corpora/stream_2020_2021.jsonl.xz", "rt") as lines:
        path.write_text("".join(islice(lines, UNRELATED)))
    return path


@pytest.fixture
def take(aggregator, inbox) -> Callable[[Path], None]:
    """Drops a file, and takes it in."""

    def dropped(file: Path) -> None:
        shutil.copy(file, inbox)
        done = aggregator("once")
        assert (done.status, done.err) == (0, "")

    return dropped


def of_seeds(aggregator: Any, seeds: tuple[Path, ...]) -> dict[str, Any]:
    """The one story that has a report of the seeds; it has both, and no other."""
    day = seeds[0].read_text().split()[1]  # both begin with one date, two years after the stream
    (story,) = (
        story
        for story in aggregator("stories", "--json").objects
        if any(report["published"].startswith(day) for report in story["reports"])
    )
    assert [report["published"][:10] for report in story["reports"]] == [day] * len(seeds)
    assert sorted(bool(report["title"]) for report in story["reports"]) == [False, True]
    return dict(story)


def test_both_at_once_are_one_story_wherever_it_is_read(aggregator, inbox, everywhere, seeds):
    """From an empty database; `show` says why."""
    for seed in seeds:
        shutil.copy(seed, inbox)
    assert aggregator("once").status == 0
    assert set(map(tuple, everywhere().values())) == {(2,)}
    story = of_seeds(aggregator, seeds)
    shown = aggregator("show", story["id"]).out
    assert "the same event, closest to report" in shown
    (evidence,) = (
        report["evidence"] for report in story["reports"] if report["evidence"]["layer"] == "story"
    )
    assert evidence["score"] >= evidence["bar"]
    assert len(evidence["names"]) > 2
    for name in evidence["names"]:
        assert name in shown
        assert all(name in seed.read_text() for seed in seeds)


@pytest.mark.parametrize("first", [0, 1])
def test_either_may_be_first_and_a_stream_may_follow(aggregator, take, everywhere, seeds, stream, first):
    """One story of exactly these two before the stream comes, the same one after it."""
    take(seeds[first])
    take(seeds[1 - first])
    assert set(map(tuple, everywhere().values())) == {(2,)}
    before = of_seeds(aggregator, seeds)
    take(stream)
    assert of_seeds(aggregator, seeds) == before
    agree(everywhere())


def test_all_may_come_in_one_drop(aggregator, inbox, everywhere, seeds, stream):
    """A folder with everything in it, looked into once."""
    for file in (*seeds, stream):
        shutil.copy(file, inbox)
    assert aggregator("once").status == 0
    of_seeds(aggregator, seeds)
    agree(everywhere())


def test_a_stream_may_come_before(aggregator, take, everywhere, seeds, stream):
    """Among five hundred unrelated items they find each other, and nothing else."""
    take(stream)
    take(seeds[1])
    take(seeds[0])
    assert len(of_seeds(aggregator, seeds)["reports"]) == len(seeds)
    agree(everywhere())


def agree(told: dict[str, list[int]]) -> None:
    """Every place tells the same stories, and most of the stream is a story of its own."""
    assert len(set(map(tuple, told.values()))) == 1, {place: len(counts) for place, counts in told.items()}
    counts = told["stories --json"]
    assert len(counts) > UNRELATED / 2
    assert sum(counts) > UNRELATED * 0.95  # what the stream shows twice is there once
