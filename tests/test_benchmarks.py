"""The benchmark of quality: its other methods, its streams and its table, on texts of our own."""

import json
import lzma
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="needs the extra 'bench'")

from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.evaluate import Evaluation, Labelled, compare
from benchmarks.quality import __main__ as command
from benchmarks.quality import kept, others, rows, streams, table

FERRY = "The ferry Sterna caught fire off Brest on Monday and all 83 passengers reached the harbour in boats."
CHEESE = "A cooperative from the Jura won the prize for the best cheese of the year with a wheel of 40 kilos."
BRIDGE = (
    "Engineers closed the old railway bridge at Kehl after a barge had struck its second pillar at night."
)
TEXTS = [
    FERRY,
    FERRY.replace("on Monday", "on Monday evening"),
    CHEESE,
    CHEESE.replace("of 40 kilos", "that weighs 40 kilos"),
    BRIDGE,
]
LABELS = ["ferry", "ferry", "cheese", "cheese", "bridge"]


def labelled(text, label, number, *, published=None):
    """A document as `evaluate.read` makes it."""
    seen = datetime(2000, 1, 1, tzinfo=UTC)
    report = Report(
        source=f"evaluation {number}",
        publisher="unknown",
        title="",
        text=text,
        language="en",
        published=published or seen,
        dated=published is not None,
        seen=seen,
        keys=(f"guid:evaluation:{number}",),
    )
    return Labelled(report, label)


def corpus():
    return [labelled(text, label, i) for i, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))]


def figures(f1=0.9, *, recall=0.9, setting=""):
    return others.Figures(setting, 0.9, recall, f1, 100.0)


# ---- the others ----


@pytest.mark.parametrize(
    ("text", "size", "found"),
    [
        ("One two  three, FOUR", 3, {b"one two three", b"two three four"}),
        ("one two", 3, {b"one two"}),
        ("", 3, {b""}),
        ("a a a a", 3, {b"a a a"}),
        ("chín mười", 1, {"chín".encode(), "mười".encode()}),
    ],
)
def test_shingles_by_hand(text, size, found):
    """Runs of folded words, each once; a text that is too short is one run."""
    shingled = others.shingles(text, size)
    assert set(shingled) == found
    assert len(shingled) == len(found)


@pytest.mark.parametrize("method", ["MinHash-LSH", "TF-IDF"])
def test_each_method_finds_what_is_plain(method):
    """Near copies are together and others apart, at the bar that the labels choose."""
    found = others.best(LABELS, others.METHODS[method](TEXTS))
    assert (found.precision, found.recall, found.f1) == (1, 1, 1)
    assert found.pace > 0


@pytest.mark.parametrize("method", ["MinHash-LSH", "TF-IDF"])
def test_a_higher_bar_makes_more_stories(method):
    """Of one variant, stories only fall apart while the bar rises."""
    made = list(others.METHODS[method](TEXTS))
    variants = {partition.setting.partition(",")[2] for partition in made}
    for variant in variants:
        of_one = [p for p in made if p.setting.partition(",")[2] == variant]
        counts = [len(set(p.stories)) for p in of_one]
        assert counts == sorted(counts)
        assert all(len(p.stories) == len(TEXTS) for p in of_one)


def test_a_text_without_features_is_alone():
    """A row of zeros is far from everything, another row of zeros too."""
    cosines = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    for partition in others.average_link(cosines, "", 0.0):
        assert len(set(partition.stories[1:])) == 3


def test_the_best_bar_is_chosen_by_the_labels_and_ties_by_precision():
    """F1 first; at equal F1 the more precise answer."""
    precise, complete = [0, 1, 2, 2], [0, 0, 0, 0]
    wrong = [0, 1, 0, 1]
    labels = ["a", "a", "b", "b"]
    made = [others.Partition(name, p, 1.0) for name, p in (("w", wrong), ("c", complete), ("p", precise))]
    assert others.best(labels, iter(made)).setting == "p"
    equal = [others.Partition("less", [0, 0, 0, 0], 1.0), others.Partition("more", [0, 1, 2, 3], 1.0)]
    assert compare(labels, [0, 0, 0, 0]).b3_f1 == compare(labels, [0, 1, 2, 3]).b3_f1
    assert others.best(labels, iter(equal)).setting == "more"


# ---- the streams ----


@pytest.mark.parametrize(
    ("ours", "foreign", "count"),
    [([1, 2], [3, 4], 0), ([1, 2], [1, 1, 2, 3], 3), ([], [1], 0), ([1], [], 0)],
)
def test_foreign_reports_in_labelled_stories_are_counted(ours, foreign, count):
    """Each foreign report counts, not each story."""
    assert streams.joining(ours, foreign) == count


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_shuffle_is_the_same_documents(seed):
    """Nothing is lost, and the same seed gives the same order."""
    documents = corpus()
    order = streams.shuffled(documents, seed)
    assert order == streams.shuffled(documents, seed)
    assert sorted(order, key=documents.index) == documents
    assert len({tuple(map(documents.index, streams.shuffled(documents, s))) for s in range(20)}) > 10


def write_stream(path, texts):
    """A compressed stream of unlabelled items."""
    lines = [
        json.dumps(
            {"title": "", "text": text, "lang": "en", "published": "2020-04-20T10:00:00Z", "cluster": None}
        )
        for text in texts
    ]
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


@pytest.mark.parametrize("dated", [True, False])
def test_foreign_items_keep_their_dates_or_lose_them(tmp_path, dated):
    """As many as asked for, unlabelled, with keys and sources that no labelled document has."""
    path = write_stream(tmp_path / "s.xz", [BRIDGE, CHEESE, FERRY])
    items = streams.foreign_items(path, 2, dated=dated)
    assert [item.report.text for item in items] == [BRIDGE, CHEESE]
    assert {item.label for item in items} == {None}
    assert {item.report.dated for item in items} == {dated}
    assert {item.report.published.year for item in items} == {2020 if dated else 2000}
    assert not {key for item in items for key in item.report.keys} & {
        key for document in corpus() for key in document.report.keys
    }
    assert not {item.report.source for item in items} & {document.report.source for document in corpus()}


@pytest.mark.parametrize(("dated", "joined"), [(True, 0), (False, 1)])
def test_noise_that_joins_is_seen(tmp_path, dated, joined):
    """The same words join a labelled story; from years later they do not."""
    path = write_stream(
        tmp_path / "s.xz", [FERRY, "Rain is expected in the hills of Umbria until Sunday noon."]
    )
    foreign = streams.foreign_items(path, 2, dated=dated)
    documents = [
        labelled(FERRY, "f", 0, published=datetime(2011, 5, 1, tzinfo=UTC)),
        labelled(CHEESE, "c", 1),
    ]
    found = streams.noise(documents, foreign, Dedup())
    assert (found.joined, found.foreign) == (joined, 2)
    assert found.quiet.score.reports == found.loud.score.reports == 2
    assert (found.quiet.taken, found.loud.taken) == (2, 4)
    assert found.loss == pytest.approx(0)


def test_the_score_of_an_order_is_a_share():
    """Plain stories are found in any order."""
    assert [streams.f1_in_order(corpus(), seed, Dedup()) for seed in range(2)] == [1, 1]


# ---- what is kept ----


def test_kept_figures_come_back(tmp_path):
    """What is saved is read again; no file is no figures."""
    one = kept.Kept("row", "TF-IDF", "abc", "today", figures(0.5, setting="cosine 0.2"))
    kept.save(tmp_path / "k.json", [one])
    assert kept.load(tmp_path / "k.json") == {("row", "TF-IDF"): one}
    assert kept.load(tmp_path / "none.json") == {}


def test_kept_figures_of_other_texts_are_not_shown():
    """Figures belong to a row and to the very texts and labels they were made of."""
    one = kept.Kept("row", "TF-IDF", "abc", "today", figures())
    known = {("row", "TF-IDF"): one}
    assert kept.of_row(known, "row", "abc") == {"TF-IDF": one}
    assert kept.of_row(known, "row", "abd") == kept.of_row(known, "other", "abc") == {}


def test_the_digest_sees_texts_and_labels():
    """Another word, another label or another order is another digest."""
    documents = corpus()
    changed = [
        [*documents[1:], documents[0]],
        [labelled(FERRY, "cheese", 0), *documents[1:]],
        [labelled(BRIDGE, "ferry", 0), *documents[1:]],
    ]
    assert len({rows.digest(each) for each in (documents, *changed)}) == 4
    assert rows.digest(documents) == rows.digest(corpus())


def test_the_kept_figures_are_of_rows_and_methods_that_exist():
    """Nothing stale stands in the project's own file."""
    names = {row.name for row in rows.ROWS}
    assert [key for key in kept.load(kept.FILE) if key[0] not in names or key[1] not in others.METHODS] == []


# ---- the table ----


def cells(markdown):
    """The cells of a Markdown table, without its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()[2:]]


@pytest.mark.parametrize(
    ("f1", "recall", "missed"), [(0.87, 0.9, False), (0.85, 0.9, True), (0.87, 0.87, True)]
)
def test_a_miss_is_marked(f1, recall, missed):
    """F1 and, where it is asked for, recall have to be reached."""
    row = rows.Row("r", "r", 0.86, recall=0.88)
    line = table.Line(row, 10, 3, figures(f1, recall=recall), {"TF-IDF": figures(0.8)})
    (found,) = cells(table.quality([line]))
    assert ("missed" in found[4]) is missed
    assert found[:2] == ["r", "10 / 3"]
    assert found[-3:] == ["–", "0.800", "–"]


def test_rows_are_whole_whatever_was_measured():
    """Each line has a cell for each column."""
    line = table.Line(rows.Row("r", "r", 0.9), 10, 3, None, {})
    head, _, only = table.quality([line]).splitlines()
    assert head.count("|") == only.count("|")
    assert table.details([line]).count("\n") == 1


def evaluation(f1):
    score = compare(["a", "a"], [1, 1] if f1 == 1 else [1, 2])
    return Evaluation(score, 2, 10.0, 1, (1, 2))


@pytest.mark.parametrize(
    ("joined", "loud", "missed"),
    [(20, 1, (False, False)), (21, 1, (True, False)), (0, 0, (False, True))],
)
def test_noise_is_held_to_its_bars(joined, loud, missed):
    """One foreign item in a thousand may join, and F1 may lose 0.02."""
    found = {"n": streams.Noise(20_000, joined, evaluation(1), evaluation(loud))}
    (row,) = cells(table.noise(found))
    assert ("missed" in row[1], "missed" in row[5]) == missed


@pytest.mark.parametrize(("scores", "missed"), [((0.9, 0.905), False), ((0.9, 0.92, 0.91), True)])
def test_order_is_held_to_its_bar(scores, missed):
    """The spread between the worst order and the best may be 0.01."""
    (row,) = cells(table.order([table.Order("c", 0.9, scores)]))
    assert ("missed" in row[5]) is missed
    assert row[1] == str(len(scores))


def test_the_output_stands_between_its_marks():
    """Only what is between the marks changes; twice written is once written."""
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    once = table.replaced(text, "new")
    assert once == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    assert table.replaced(once, "new") == once
    for damaged in ("none", table.BEGIN, table.END):
        with pytest.raises(ValueError, match="are missing"):
            table.replaced(damaged, "new")


def test_the_readme_has_a_place_for_the_output():
    """The project's own page can be written."""
    assert "| new |" in table.replaced(command.README.read_text("utf-8"), "| new |")


def test_what_made_the_figures_is_named():
    """The day, the versions that are installed, and each method once."""
    made = table.made(["numpy", "no-such-package"])
    assert datetime.now(UTC).date().isoformat() in made
    assert f"numpy {np.__version__}" in made
    assert "no-such-package" not in made
    listed = [kept.Kept("r", method, "", made, figures()) for method in ("A", "B", "A")]
    assert table.origins(listed) == [f"A, B: {made}"]


# ---- the command ----


@pytest.fixture
def corpora(tmp_path):
    """A folder with one tiny corpus."""
    lines = [
        json.dumps({"title": "", "text": text, "lang": "en", "cluster": label})
        for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "ecbplus_train.jsonl").write_text("\n".join(lines))
    return tmp_path


def run(corpora, *arguments):
    return CliRunner().invoke(command.main, ["--corpora", str(corpora), *arguments])


@pytest.mark.parametrize(("side", "ours", "tfidf"), [("ours", True, False), ("others", False, True)])
def test_one_side_can_be_measured(corpora, monkeypatch, side, ours, tfidf):
    """Ours alone, or the others alone; what goes on is on standard error."""
    monkeypatch.setitem(others.METHODS, "MiniLM", missing)
    done = run(corpora, "--rows", "ecbplus_train", "--side", side)
    assert done.exit_code == 0, done.output
    row = cells(done.stdout.split("\n\n")[0])[0]
    assert (row[4].startswith("**1.000**"), row[-2] == "1.000") == (ours, tfidf)
    assert "ecbplus_train: " in done.stderr
    assert ("left out" in done.stderr) is tfidf


def missing(texts):
    """A method whose library is not there."""
    raise ImportError("No module named 'x'", name="x")


def test_what_cannot_be_is_said(corpora, tmp_path):
    """Half a table is not kept, and a corpus that is not there is named."""
    assert "--write keeps the whole table" in run(corpora, "--quick", "--write").stderr
    done = run(tmp_path, "--rows", "vlsp_abmusu_dev", "--side", "ours")
    assert (done.exit_code, "vlsp_abmusu_dev.jsonl: cannot be read" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("quick", "dev", "names"),
    [
        (True, False, ["fnc1_train", "ecbplus_train"]),
        (False, False, [row.name for row in rows.ROWS if "dev" not in row.name]),
        (False, True, [row.name for row in rows.ROWS]),
    ],
)
def test_dev_files_are_only_looked_at_when_asked_for(quick, dev, names):
    """The usual rows leave them out."""
    assert [row.name for row in rows.ROWS if command._usual(row, quick=quick, dev=dev)] == names
