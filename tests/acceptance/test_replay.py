"""Fifteen real feeds over two real days, served from an archive by ../shared/replay."""

import contextlib
import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

HOURS = (0, 1, 3, 9, 18, 26, 35, 48)


@pytest.fixture
def archive(shared) -> Iterator[str]:
    """The address of a running server."""
    program = shared / "replay/replay.py"
    process = subprocess.Popen(
        [sys.executable, str(program), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1].removesuffix("/feeds")
        finally:
            process.kill()


def asked(url: str, *, post: bool = False) -> str:
    """What the server answers."""
    with urllib.request.urlopen(urllib.request.Request(url, method="POST" if post else "GET")) as answer:
        return str(answer.read().decode())


def test_two_days_of_real_feeds(aggregator, archive, tmp_path):
    """No report twice, nothing unchanged sent twice, and stories that several publishers tell."""
    feeds = json.loads(asked(f"{archive}/feeds"))
    names = [url.rpartition("/")[2].removesuffix(".xml") for url in feeds]
    settings = {
        "sources": [
            {"name": name, "publisher": name, "url": url, "allow_private": True}
            for name, url in zip(names, feeds, strict=True)
        ],
        "fetch": {"host_spacing": 0},
        "publish": {"directory": "var/feeds", "feeds": [{"name": "corroborated", "min_publishers": 2}]},
    }
    (tmp_path / "a.yaml").write_text(json.dumps(settings))
    for before, hour in zip((0, *HOURS), HOURS, strict=False):
        asked(f"{archive}/clock?advance={(hour - before) * 3600}", post=True)
        done = aggregator("--config", "a.yaml", "once", "--all")
        assert done.out.startswith(f"{len(feeds)} sources polled: ")
        assert done.status == (1 if done.err else 0)
        assert "defect" not in done.err

    log = [json.loads(line) for line in asked(f"{archive}/log").splitlines()]
    check_log(log, len(feeds))
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        doubled = connection.execute(
            "SELECT publisher, title, url FROM story_reports GROUP BY 1, 2, 3 HAVING count(*) > 1"
        ).fetchall()
        (told_by_several,) = connection.execute(
            "SELECT count(*) FROM stories WHERE publishers >= 2"
        ).fetchone()
        (reports,) = connection.execute("SELECT count(*) FROM story_reports").fetchone()
        (seated,) = connection.execute("SELECT count(DISTINCT report_id) FROM story_reports").fetchone()
    assert doubled == []
    assert reports == seated > 500
    assert told_by_several > 20
    assert "<item>" in (tmp_path / "var/feeds/corroborated.rss").read_text()


def check_log(log: list[dict[str, Any]], feeds: int) -> None:
    """Every feed was asked each time, and on a condition once it had been read."""
    assert len(log) == feeds * len(HOURS)
    assert Counter(entry["status"] for entry in log)[304] > feeds
    conditional = [entry for entry in log if "If-None-Match" in entry["headers"]]
    assert len(conditional) > len(log) / 2
    assert all("aggregator" in entry["headers"]["User-Agent"] for entry in log)
