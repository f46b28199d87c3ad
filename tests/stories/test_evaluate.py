"""Evaluation: the figures are the textbook's, and the stream goes through the real pipeline."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import NotFound, ParseError
from aggregator.settings import Dedup
from aggregator.stories.evaluate import compare, evaluate, read


@pytest.mark.parametrize(
    ("labels", "found", "precision", "recall"),
    [
        ("aab", "xxy", 1, 1),
        ("aab", "xyz", 1, 2 / 3),
        ("aab", "xxx", 5 / 9, 1),
        # The worked example of Amigó et al. 2009 for one wrong item in a pure cluster of four.
        ("aaab", "xxxx", 10 / 16, 1),
        ("", "", 1, 1),
    ],
)
def test_b_cubed_by_hand(labels, found, precision, recall):
    """Small partitions give what one can count by hand."""
    score = compare(labels, found)
    assert (score.b3_precision, score.b3_recall) == (pytest.approx(precision), pytest.approx(recall))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_scores_are_shares_and_swap_with_the_partitions(pairs):
    """All lie in [0, 1] (ARI below 1); precision one way is recall the other way."""
    labels, found = zip(*pairs, strict=True)
    one, other = compare(labels, found), compare(found, labels)
    assert one.b3_precision == pytest.approx(other.b3_recall)
    assert one.pair_precision == pytest.approx(other.pair_recall)
    assert one.ari == pytest.approx(other.ari)
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in (one.b3_f1, one.pair_f1, one.b3_precision))
    assert one.ari <= 1 + 1e-9
    assert compare(labels, labels).b3_f1 == pytest.approx(1)


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    """A labelled file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_file_is_streamed_in_order_of_publishing_where_all_have_a_date(tmp_path):
    """One missing date, and the file's own order counts."""
    dates = ("2026-01-03", "2026-01-01", "2026-01-02")
    rows = [{"title": date, "text": "", "published": date, "cluster": "c"} for date in dates]
    dated = read(write(tmp_path / "a.jsonl", rows))
    undated = read(write(tmp_path / "b.jsonl", [*rows, {"title": "x", "cluster": "c"}]))
    assert [document.report.title for document in dated] == sorted(dates)
    assert [document.report.title for document in undated] == [*dates, "x"]


def test_moments_are_compared_and_not_their_spelling(tmp_path):
    """Offsets count, and a mail's date as much as an ISO one; a number is a date too, or none."""
    dates = ("2026-01-02T01:00:00+09:00", "Thu, 01 Jan 2026 12:00:00 GMT", "2026-01-01T17:00:00Z")
    rows = [{"title": date, "text": "", "published": date, "cluster": "c"} for date in dates]
    found = read(write(tmp_path / "a.jsonl", rows))
    assert [document.report.title for document in found] == [dates[1], dates[0], dates[2]]
    odd = [*rows, {"title": "x", "published": 20260101, "cluster": "c"}]
    assert len(read(write(tmp_path / "b.jsonl", odd))) == 4


def test_only_a_line_feed_ends_a_line(tmp_path):
    """JSON may hold a line separator as it is."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        json.dumps({"title": "a\u2028b\x85c", "cluster": "c"}, ensure_ascii=False) + "\n", "utf-8"
    )
    assert [document.report.title for document in read(path)] == ["a\u2028b\x85c"]


def test_unlabelled_reports_take_part_and_do_not_count(tmp_path):
    """Noise flows with the labelled reports, and only those are scored."""
    rows = [{"title": f"Title {n} about something", "text": "", "cluster": None} for n in range(3)]
    rows.append({"title": "Ferry fire", "text": "All saved", "cluster": "f"})
    found = evaluate(read(write(tmp_path / "a.jsonl", rows)), Dedup())
    assert (found.taken, found.score.reports, found.score.b3_f1) == (4, 1, 1)


def test_the_story_of_each_report_is_told(tmp_path):
    """Labelled or not, in the order of streaming: copies share a story, others do not."""
    fire = {"title": "Ferry burns off Brest", "text": "All 83 passengers were saved from the ferry."}
    other = {"title": "Cheese prize goes to Jura", "text": "A cooperative won with its oldest wheel."}
    rows = [fire | {"cluster": "f"}, other | {"cluster": None}, fire | {"cluster": None}]
    found = evaluate(read(write(tmp_path / "a.jsonl", rows)), Dedup())
    first, second, third = found.stories
    assert first == third != second


def test_texts_can_be_cut(tmp_path):
    """Titles alone, or so many characters of text."""
    rows = [
        {"title": "T", "text": "abcdef", "cluster": "c"},
        {"title": "", "text": "first\nsecond", "cluster": "c"},
    ]
    path = write(tmp_path / "a.jsonl", rows)
    assert [d.report.text for d in read(path, titles_only=True)] == ["", "first"]
    assert [d.report.text for d in read(path, max_chars=3)] == ["abc", "fir"]


@pytest.mark.parametrize("line", ["no json", "[1]", '{"title": "no cluster"}'])
def test_a_bad_line_is_named(tmp_path, line):
    """File and line are in the error."""
    (tmp_path / "a.jsonl").write_text('{"title": "x", "cluster": "c"}\n' + line + "\n")
    with pytest.raises(ParseError, match=r"a\.jsonl, line 2"):
        read(tmp_path / "a.jsonl")
    with pytest.raises(NotFound):
        read(tmp_path / "none.jsonl")


@pytest.mark.parametrize(("name", "floor"), [("fnc1_train", 0.88), ("ecbplus_train", 0.85)])
def test_the_shipped_defaults_reach_their_floor(shared, name, floor):
    """B-cubed F1 on labelled news does not sink unseen."""
    found = evaluate(read(shared / "corpora" / f"{name}.jsonl"), Dedup())
    assert found.score.b3_f1 >= floor
