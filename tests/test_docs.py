"""The documents say what the program does: commands, columns and links are checked."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from aggregator.dedup.fingerprint import sketch
from aggregator.dedup.frequency import StreamCounts
from aggregator.dedup.signals import weigh
from aggregator.dedup.verdict import Profile, account
from aggregator.fetch.folder import SUFFIXES
from aggregator.schedule import next_poll
from aggregator.schedule.silence import MOMENTS
from aggregator.settings import Dedup, Fetching
from storage import schema
from storage.database import Database

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    """Every relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_is_short():
    """Nobody reads more than 120 lines."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


def test_the_readme_names_every_command():
    """Each command of ``--help`` stands in the README, and none that is not there."""
    shown = subprocess.run(
        [sys.executable, "-m", "aggregator", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    commands = set(re.findall(r"^  ([a-z-]+) ", shown.split("Commands:")[1], re.MULTILINE))
    table = (ROOT / "README.md").read_text("utf-8").split("## Commands")[1].split("\n## ")[0]
    named = {
        name.split()[0]
        for cell in re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[1:]
        for name in re.findall(r"`([^`]+)`", cell)
    }
    assert named == commands


def test_the_documented_columns_are_those_of_the_views():
    """Each view's section names each of its columns, and no other."""
    sections = (ROOT / "docs" / "reading-the-database.md").read_text("utf-8").split("\n## ")
    database = Database("sqlite://")
    with database.reading() as tx:
        for view in schema.VIEWS:
            section = next(part for part in sections if part.startswith(f"`{view}`"))
            rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) or [section.split("\n\n")[1]]
            named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
            assert named == set(tx.execute(sa.text(f"SELECT * FROM {view}")).keys())
    database.close()


def test_the_documented_bars_are_the_defaults():
    """The table of bars says what `settings` says, and leaves none out."""
    text = (ROOT / "docs" / "telling-stories-apart.md").read_text("utf-8").split("## The bars")[1]
    named = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", text, re.MULTILINE))
    assert Dedup(**named) == Dedup()
    assert set(named) == set(Dedup.model_fields)


def test_the_documented_weights_are_the_shipped_ones():
    """The table of weights says what a verdict adds up, and leaves none out."""
    text = (ROOT / "docs" / "telling-stories-apart.md").read_text("utf-8")
    named = {
        name: float(weight)
        for name, weight in re.findall(r"^\| `(\w+)` \| .* \| (-?[\d.]+) \|$", text, re.MULTILINE)
    }
    weighed = weigh(sketch("Ferry burns", "", "en"), StreamCounts())
    one = Profile(1, weighed, datetime(2026, 11, 20, tzinfo=UTC), dated=True)
    shipped = {name: weight for name, _, weight, _, _ in account(one, one)}
    assert f"({shipped.pop('intercept'):g})" in text
    assert named == shipped


def test_the_documented_columns_of_sources_are_those_that_it_prints(aggregator, tmp_path):
    """The table in the page on polling names each column of `sources`, in their order, but the first."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "a.yaml").write_text("sources: [{name: Inbox, folder: drop}]\ndatabase: sqlite:///a.db\n")
    assert aggregator("--config", "a.yaml", "once").status == 0
    heading = aggregator("--config", "a.yaml", "sources").out.splitlines()[0].replace(" (UTC)", "")
    text = (ROOT / "docs" / "polling.md").read_text("utf-8").split("## What `sources` says")[1]
    named = [
        name for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)[2:] for name in cell.split(", ")
    ]
    assert re.split(r"  +", heading.strip()) == ["source", *named]


def test_the_page_on_polling_names_settings_that_there_are():
    """And the numbers in it are the defaults."""
    text = (ROOT / "docs" / "polling.md").read_text("utf-8")
    named = set(re.findall(r"`fetch\.(\w+)`", text))
    assert named
    assert named <= set(Fetching.model_fields)
    assert "`fetch.floor`, 15 minutes" in text
    assert timedelta(minutes=15) == Fetching().floor
    assert f"the last {MOMENTS} moments" in text
    assert "ten polls between two" in text
    assert next_poll._POLLS_A_GAP == 10


def test_the_documented_kinds_of_files_are_those_that_are_read():
    """Each has its line in the table on drop folders, and no other."""
    table = (ROOT / "docs" / "adding-sources.md").read_text("utf-8").split("## A drop folder")[1]
    rows = re.findall(r"^\| (`\..+?) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\.\w+)`", " ".join(rows))) == sorted(SUFFIXES)


def test_the_documented_record_is_one(aggregator, tmp_path):
    """Dropped as it stands it is a report with all that it says; with other words, a new version of it."""
    text = (ROOT / "docs" / "adding-sources.md").read_text("utf-8")
    record = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    folder = tmp_path / "drop"
    folder.mkdir()
    (tmp_path / "a.yaml").write_text("sources: [{name: In, folder: drop}]\nfolders: {settle: 0s}\n")
    for words in ("", " More is known by now."):
        (folder / "a.json").write_text(json.dumps(record | {"text": record["text"] + words, "url": None}))
        assert aggregator("--config", "a.yaml", "once").status == 0
    ((report,),) = [
        story["reports"] for story in aggregator("--config", "a.yaml", "stories", "--json").objects
    ]
    assert (report["title"], report["publisher"]) == (record["title"], record["source"])
    assert datetime.fromisoformat(report["published"]) == datetime.fromisoformat(record["published"])


def test_the_documented_queries_run():
    """The examples are real SQL."""
    block = re.search(
        r"```sql\n(.*?)```", (ROOT / "docs" / "reading-the-database.md").read_text("utf-8"), re.DOTALL
    )
    assert block
    database = Database("sqlite://")
    with database.reading() as tx:
        for query in block[1].split(";"):
            if query.strip():
                tx.execute(sa.text(query)).all()
    database.close()


def test_the_named_tests_are_there():
    """Each promise about a hazard names tests that exist."""
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "hazards.md").read_text("utf-8"))
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}" in (ROOT / "tests" / file).read_text("utf-8"), (file, test)
