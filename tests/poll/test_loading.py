"""Archives are loaded at their own dates, in pieces, once; JSON lines and Parquet alike."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN
from pyarrow import parquet

from aggregator.errors import FolderError, ParseError
from aggregator.fetch import archive, json_lines
from aggregator.parse.sandbox import Parser
from aggregator.poll.loading import Estimate, Loaded, Loader
from aggregator.settings import FolderSource, Settings
from storage import stories, tenancy
from storage.database import Database

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
THEN = datetime(2021, 3, 1, 8, tzinfo=UTC)


def record(words, number: int, published: datetime) -> dict[str, str]:
    title, text = words
    return {
        "id": f"archived-{number}",
        "title": title,
        "text": text,
        "published": published.isoformat(),
        "source": f"Paper {number}",
        "url": f"https://paper{number}.example/{number}",
    }


RECORDS = [
    record(FIRE, 1, THEN),
    record(BUDGET, 2, THEN + timedelta(hours=1)),
    record(FIRE_AGAIN, 3, THEN + timedelta(hours=3)),
    record(BUDGET_AGAIN, 4, THEN + timedelta(hours=5)),
    record(("Harvest is late", "Rain kept the machines of Ostrava in their sheds."), 5, THEN),
]


def as_lines(folder: Path, records, name: str = "old.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(map(json.dumps, records)), "utf-8")
    return path


def as_table(folder: Path, records, name: str = "old.parquet") -> Path:
    """With real timestamps, a column that is not read, and cells that are empty."""
    rows = [each | {"published": datetime.fromisoformat(each["published"]), "views": 1} for each in records]
    parquet.write_table(pa.Table.from_pylist(rows), folder / name, row_group_size=2)
    return folder / name


WRITTEN = pytest.mark.parametrize("written", [as_lines, as_table])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database=f"sqlite:///{tmp_path}/a.db", sources=(FolderSource(name="Inbox", folder=tmp_path),)
    )


@pytest.fixture
def database(settings):
    with contextlib.closing(Database(settings.database)) as found:
        yield found


@pytest.fixture
def short(monkeypatch) -> None:
    """Pieces of two lines."""
    monkeypatch.setattr(json_lines, "MOST_LINES", 2)
    monkeypatch.setattr(archive, "MOST_LINES", 2)


def load(settings: Settings, database: Database, path: Path, told=lambda place: None) -> Loaded:
    async def loading() -> Loaded:
        async with Parser(settings.parse) as parser:
            owner = FolderSource(name="Archive", folder=path.parent)
            loader = Loader(settings, database, parser, owner, lambda: NOW)
            return await loader.load(archive.opened(path), told)

    return asyncio.run(loading())


def told(database: Database) -> dict[frozenset[str], tuple[datetime, datetime]]:
    """Publishers of each story, with when it began and when it gained last."""
    with database.reading() as tx:
        found = stories.load(tx, stories.recent(tx), database.uuid)
    return {
        frozenset(member.publisher for member in story.members): (story.created, story.updated)
        for story in found
    }


@WRITTEN
def test_it_is_as_if_it_had_been_read_then(tmp_path, settings, database, written):
    """The stories, and their times: those of the archive, not the clock's."""
    assert load(settings, database, written(tmp_path, RECORDS)) == Loaded(new=5)
    assert told(database) == {
        frozenset({"Paper 1", "Paper 3"}): (THEN, THEN + timedelta(hours=3)),
        frozenset({"Paper 2", "Paper 4"}): (THEN + timedelta(hours=1), THEN + timedelta(hours=5)),
        frozenset({"Paper 5"}): (THEN, THEN),
    }


@WRITTEN
def test_what_a_cut_short_run_has_loaded_is_not_loaded_again(
    tmp_path, settings, database, short, written, monkeypatch
):
    """It goes on after the last piece that was kept, loses and doubles nothing, and loads it once.

    So it does where pieces have another length by then.
    """
    path, places = written(tmp_path, RECORDS), []

    def cut(place: int) -> None:
        places.append(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(settings, database, path, cut)
    assert sum(map(len, told(database))) == 2
    monkeypatch.setattr(json_lines, "MOST_LINES", 3)
    monkeypatch.setattr(archive, "MOST_LINES", 3)
    assert load(settings, database, path, places.append) == Loaded(new=3)
    assert places == sorted(set(places)), "no piece came twice"
    assert places[-1] == archive.opened(path).size
    assert {len(each) for each in told(database)} == {1, 2}
    assert load(settings, database, path) == Loaded(known=True)


def test_the_window_ends_in_the_time_of_the_archive(tmp_path, settings, database, short):
    """The index forgets what is older than the window was then, so that it does not grow with the archive."""
    weeks = [
        record((f"Fair {n}", f"A fair of {n} stalls opened."), n, THEN + n * timedelta(days=7))
        for n in range(9)
    ]
    load(settings, database, as_lines(tmp_path, weeks))
    with database.reading() as tx:
        buckets = tx.exec_driver_sql("SELECT DISTINCT bucket FROM band ORDER BY bucket").scalars().all()
    last = int((THEN + 8 * timedelta(days=7)).timestamp() // (7 * 86400))
    assert buckets == list(range(last - len(buckets) + 1, last + 1))
    assert len(buckets) <= 4


def test_reports_without_a_date_came_when_they_were_loaded(tmp_path, settings, database):
    undated = {name: value for name, value in RECORDS[4].items() if name != "published"}
    load(settings, database, as_lines(tmp_path, [undated]))
    assert told(database) == {frozenset({"Paper 5"}): (NOW, NOW)}


def test_bad_lines_cost_themselves_and_are_named(tmp_path, settings, database):
    path = as_lines(tmp_path, RECORDS)
    path.write_text(path.read_text("utf-8") + "\n{\n", "utf-8")
    loaded = load(settings, database, path)
    assert loaded.new == 5
    assert loaded.wrong is not None
    assert "1 of 6 lines hold no record: line 6" in loaded.wrong
    assert load(settings, database, path).new == 0, "a person who mends it has not to fear doubles"


@WRITTEN
def test_how_long_it_will_take(tmp_path, settings, database, short, written):
    """By the next piece, of which nothing is kept."""

    async def estimate(path: Path) -> Estimate:
        async with Parser(settings.parse) as parser:
            owner = FolderSource(name="Archive", folder=tmp_path)
            return await Loader(settings, database, parser, owner, lambda: NOW).estimate(archive.opened(path))

    path = written(tmp_path, RECORDS)
    found = asyncio.run(estimate(path))
    assert 4 <= found.reports <= 6
    assert found.left == pytest.approx(found.reports / found.rate, rel=0.2)
    assert told(database) == {}
    load(settings, database, path)
    empty = written(tmp_path, RECORDS[:1])
    assert asyncio.run(estimate(empty)).reports == 1


def test_a_folder_stands_for_its_files(tmp_path):
    for name in ("b.jsonl", "a.parquet", "notes.txt", "c.jsonl"):
        (tmp_path / name).touch()
    found = archive.listed([tmp_path, tmp_path / "b.jsonl"])
    assert [each.name for each in found] == ["a.parquet", "b.jsonl", "c.jsonl", "b.jsonl"]


def hollow(tmp_path: Path) -> Path:
    parquet.write_table(pa.table({"views": [1]}), tmp_path / "hollow.parquet")
    return tmp_path / "hollow.parquet"


def damaged(tmp_path: Path) -> Path:
    """A table with a good footer, and a hole in its middle."""
    path = as_table(tmp_path, RECORDS * 50, "damaged.parquet")
    body = bytearray(path.read_bytes())
    body[8:1200] = bytes(1192)
    path.write_bytes(body)
    return path


def of(name: str, body: bytes):
    def made(tmp_path: Path) -> Path:
        (tmp_path / name).write_bytes(body)
        return tmp_path / name

    return made


@pytest.mark.parametrize(
    ("made", "error", "said"),
    [
        (lambda folder: folder / "gone.jsonl", FolderError, "No such file"),
        (lambda folder: folder, FolderError, "is no file of an archive"),
        (of("a.csv", b"title"), FolderError, "is no file of an archive"),
        (of("a.parquet", b"PAR1 or not"), FolderError, "is no table of Parquet"),
        (hollow, FolderError, "neither a column title nor a column text"),
        (damaged, FolderError, "is damaged"),
        (of("a.jsonl", b"title,text\nA,B\n"), ParseError, "no line holds a record"),
    ],
)
def test_what_cannot_be_loaded_says_why(tmp_path, settings, database, made, error, said):
    (tmp_path / "in").mkdir()
    with pytest.raises(error, match=said):
        load(settings, database, made(tmp_path / "in"))
    assert told(database) == {}


def test_not_beside_a_service(tmp_path, settings, database, aggregator):
    """The past is to be there before the present, and at full speed."""
    path, written = as_lines(tmp_path, RECORDS), tmp_path / "aggregator.yaml"
    written.write_text(
        f"database: {settings.database}\nsources: [{{name: Inbox, folder: {tmp_path}/drop}}]\n", "utf-8"
    )
    (tmp_path / "drop").mkdir()
    claim = tenancy.claim(database)
    done = aggregator("--config", written, "load", path)
    assert done.status == 1
    assert "another service" in done.err
    claim.release()
    done = aggregator("--config", written, "load", tmp_path)
    assert done.err == ""
    assert done.out.startswith("about 5 reports, ")
    assert done.out.endswith("old.jsonl: 5 new reports, 0 revised\n")
    assert aggregator("--config", written, "load", path).out == f"{path}: loaded before\n"
