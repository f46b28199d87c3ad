"""What users see: one look at a story in every place where it can be read."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def inbox(aggregator, tmp_path, monkeypatch) -> Path:
    """A drop folder, configured as in the documentation; files count as soon as they lie there."""
    folder = tmp_path / "drop"
    folder.mkdir()
    settings = {
        "sources": [{"name": "Inbox", "folder": "drop"}],
        "folders": {"settle": 0},
        "publish": {
            "directory": "var/feeds",
            "feeds": [{"name": "all", "formats": ["rss", "atom", "json"], "limit": 1000}],
        },
    }
    (tmp_path / "aggregator.yaml").write_text(json.dumps(settings))
    monkeypatch.setenv("AGGREGATOR_CONFIG", "aggregator.yaml")
    return folder


@pytest.fixture
def everywhere(aggregator, inbox) -> Callable[[], dict[str, list[int]]]:
    """Gives the number of reports in each story, sorted, as each place tells it; places have to agree."""

    def look() -> dict[str, list[int]]:
        listed = aggregator("stories", "--json").objects
        var = inbox.parent / "var"
        with contextlib.closing(sqlite3.connect(var / "aggregator.db")) as connection:
            view = connection.execute("SELECT reports FROM stories").fetchall()
            counted = connection.execute("SELECT count(*) FROM story_reports GROUP BY story_id").fetchall()
        json_feed = json.loads((var / "feeds/all.json").read_text())
        rss = ET.fromstring((var / "feeds/all.rss").read_bytes())
        atom = ET.fromstring((var / "feeds/all.atom").read_bytes())
        found = {
            "stories --json": [len(story["reports"]) for story in listed],
            "the view stories": [count for (count,) in view],
            "the view story_reports": [count for (count,) in counted],
            "all.json": [len(item["_story"]["reports"]) for item in json_feed["items"]],
            "all.rss": [_shown(item, "description") for item in rss.iter("item")],
            "all.atom": [_shown(entry, f"{ATOM}content") for entry in atom.iter(f"{ATOM}entry")],
        }
        return {place: sorted(counts) for place, counts in found.items()}

    return look


def _shown(item: Any, name: str) -> int:
    """How many reports the text of an item lists."""
    return str(item.findtext(name)).count("<li>")
