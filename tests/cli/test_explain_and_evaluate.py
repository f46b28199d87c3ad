"""`explain` and `evaluate`: why two reports are one story, and how right that is."""

import json
import re
import shutil
from pathlib import Path

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN
from prepared import TOP

# ---- explain ----


def test_explain_lays_out_every_signal(told):
    """A line each with value, weight and what it adds; the shared words; the verdict in a sentence."""
    done = told("explain", 1, "https://island.example/rescuers")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"^A  report \d, .*2026-11-20: ", done.out, re.MULTILINE)
    assert re.search(r"^signal +value +weight +adds +meaning$", done.out, re.MULTILINE)
    assert re.search(r"^  names +.*Aurelia", done.out, re.MULTILINE)
    assert re.search(r"^  numbers +A: .*; B: ", done.out, re.MULTILINE)
    assert re.search(r"^one event: probability [01]\.\d\d reaches the bar", done.out.splitlines()[-1])


def test_explain_as_json_is_one_object(told):
    """The same facts for scripts."""
    (found,) = told("explain", 1, 3, "--json").objects
    assert {"rows", "probability", "bar", "verdict", "shared", "against", "stories", "whole"} <= set(found)
    assert found["verdict"].startswith("not one event")


def test_explain_takes_files(aggregator, tmp_path):
    """Two files that nobody has dropped: the samples that are shipped."""
    samples = sorted((TOP / "config/samples").glob("*.txt"))
    for sample in samples:
        shutil.copy(sample, tmp_path)
    done = aggregator("explain", *(sample.name for sample in samples))
    assert done.status == 0
    assert not (tmp_path / "var").exists()
    assert done.out.splitlines()[-1].startswith("one event: ")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("99", "'99': there is no such report"),
        ("9" * 30, "there is no such report"),
        ("²", "'²': no report id, no address and no file"),
        ("https://nowhere.example/x", "'https://nowhere.example/x': there is no such report"),
        ("none.txt", "'none.txt': no report id, no address and no file"),
        ("x" * 3000, "cannot be read: File name too long"),
        ("drop", "'drop': cannot be read: Is a directory"),
        ("a.yaml", "a.yaml: no reader for '.yaml'"),
    ],
)
def test_what_cannot_be_explained_is_one_line_with_a_hint(told, other, said):
    """Ids, addresses and files that are none."""
    done = told("explain", 1, other)
    assert (done.status, done.out) == (1, "")
    assert said in done.error
    assert done.error.endswith(")")
    assert len(done.error) < 300


# ---- evaluate, schema ----


@pytest.fixture
def labelled(tmp_path) -> Path:
    """A labelled file of three reports of two events, and one that has no label."""
    rows = [(*FIRE, "fire"), (*FIRE_AGAIN, "fire"), (*BUDGET, "budget"), ("Weather tomorrow", "Rain.", None)]
    path = tmp_path / "labelled.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({"id": str(n), "title": title, "text": text, "cluster": label}, ensure_ascii=False)
            for n, (title, text, label) in enumerate(rows)
        )
    )
    return path


def test_evaluate_as_json_is_one_object(aggregator, labelled):
    """With the promised keys; a perfect score where there is nothing to miss."""
    (found,) = aggregator("evaluate", labelled, "--json").objects
    promised = {"b3_precision", "b3_recall", "b3_f1", "pair_f1", "ari", "stories", "reports"}
    assert promised | {"reports_per_second"} <= set(found)
    assert (found["b3_f1"], found["pair_f1"], found["ari"]) == (1, 1, 1)
    assert (found["stories"], found["reports"]) == (2, 3)


def test_evaluate_prints_all_figures(aggregator, labelled):
    """Precision, recall and F1 of both kinds, ARI, stories, speed and memory."""
    done = aggregator("evaluate", labelled)
    assert done.status == 0
    for word in ("precision", "B-cubed", "pairs", "Rand", "2 stories", "3 of 4 reports", "a second", "MiB"):
        assert word in done.out
    assert aggregator("evaluate", labelled, "--titles-only", "--max-chars", "50").status == 0


def test_a_labelled_file_that_is_none_is_one_line(aggregator, tmp_path):
    """With the line at which it goes wrong."""
    (tmp_path / "bad.jsonl").write_text('{"title": "x", "cluster": "c"}\nnonsense\n')
    done = aggregator("evaluate", "bad.jsonl")
    assert (done.status, done.out) == (1, "")
    assert "bad.jsonl, line 2" in done.error


@pytest.mark.parametrize("content", ["", '{"title": "x", "cluster": null}\n'])
def test_a_file_without_labels_is_no_perfect_score(aggregator, tmp_path, content):
    """There is nothing to compare with."""
    (tmp_path / "none.jsonl").write_text(content)
    done = aggregator("evaluate", "none.jsonl", "--json")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("aggregator: none.jsonl: no report has a label (")


def test_evaluate_needs_no_configuration(aggregator, labelled, tmp_path):
    """Nor does the schema."""
    (tmp_path / "a.yaml").unlink()
    assert aggregator("evaluate", labelled).status == 0
    assert json.loads(aggregator("schema").out)["$schema"].startswith("https://json-schema.org/")
