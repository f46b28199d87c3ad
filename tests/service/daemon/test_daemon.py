"""The life of the service, as a process of its own: what it says, and how it ends."""

import contextlib
import json
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from storage.database import Database

PATIENCE = 120.0  # seconds for what takes one, on a machine that is busy with something else
PROMISED = 5.0  # seconds that a stop may take

FERRY = (
    "The ferry Aurelia burns off Port Sallow\n\nAll 214 people aboard are saved, the harbour office says.\n"
)


def test_it_says_where_to_read_and_stops_when_told(service, tmp_path):
    """Its first lines name the folder, each file and the database; a signal ends it with status 0."""
    (tmp_path / "drop/ferry.txt").write_text(FERRY)
    running = service()
    running.until_said("1 new report, 0 revised, in 1 story")
    lines = running.log.read_text().splitlines()
    said = "\n".join(lines[:6])
    assert "0 feeds, 1 drop folder" in said
    assert f"{tmp_path}/drop" in said
    assert "sqlite:///var/aggregator.db" in said
    for kind in ("rss", "atom", "json"):
        assert f"{tmp_path}/var/feeds/all.{kind}" in said
    assert running.stop() < PROMISED
    assert running.process.returncode == 0
    log = running.log.read_text()
    assert "nothing is lost" in log.splitlines()[-1]
    assert "ERROR" not in log
    assert "Traceback" not in log
    assert len(running.reports()) == 1
    assert (tmp_path / "drop/done/ferry.txt").exists()
    assert "ferry Aurelia" in (tmp_path / "var/feeds/all.json").read_text()


def test_it_answers_over_http(service, tmp_path, origin, rss, until):
    """On loopback: that it lives, that it is ready, and what it has counted and timed."""
    origin.pages["/feed"] = rss({"title": "The upper house votes on fish", "description": "By nine votes."})
    running = service(
        {"name": "Gazette", "url": f"{origin.url}/feed", "allow_private": True},
        {"name": "Missing", "url": f"{origin.url}/no", "allow_private": True},
        fetch={"host_spacing": "0s"},
    )
    (tmp_path / "drop/ferry.txt").write_text(FERRY)
    until((tmp_path / "drop/done/ferry.txt").exists, "the file")
    until(lambda: running.said("source=Gazette") and running.said("source=Missing"), "both polls")
    (address,) = set(re.findall(r"http://127\.0\.0\.1:\d+", running.log.read_text()))
    assert running.said(f"read them at {address}/")
    assert b"<h1>" in urlopen(f"{address}/").read()
    assert b"ok" in urlopen(f"{address}/healthz").read()
    assert b"ready" in urlopen(f"{address}/readyz").read()
    until(lambda: b'stage="publish"' in urlopen(f"{address}/metrics").read(), "the first publishing")
    shown = urlopen(f"{address}/metrics").read().decode()
    for counted in (
        'aggregator_polls_total{kind="feed",status="200"} 1.0',
        'aggregator_polls_total{kind="feed",status="404"} 1.0',
        'aggregator_reports_total{change="new",source="Inbox"} 1.0',
        'aggregator_verdict_score_count{layer="first"} 2.0',
    ):
        assert counted in shown
    for stage in ("fetch", "parse", "normalise", "write", "publish"):
        assert f'aggregator_stage_seconds_count{{stage="{stage}"}}' in shown
    assert "aggregator_poll_lateness_seconds_count" in shown
    assert float(re.findall(r"^aggregator_database_bytes (\S+)", shown, re.MULTILINE)[0]) > 4096
    assert running.stop() < PROMISED


def test_a_taken_port_stops_the_start(service):
    """At once and in one line, not at the first look at a page that belongs to somebody else."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        running = service(serve={"port": other.getsockname()[1]}, environ={"AGGREGATOR_SERVE__PORT": ""})
        assert running.process.wait(PATIENCE) == 1
    assert "set serve.port to a free one" in running.log.read_text()
    assert "Traceback" not in running.log.read_text()


def test_a_fetch_that_hangs_does_not_hold_it(service, origin, until):
    """A server that never answers is given up at once; Ctrl-C is as good as SIGTERM."""
    origin.pages["/slow"] = None
    running = service({"name": "Slow", "url": f"{origin.url}/slow", "allow_private": True})
    until(lambda: origin.asked, "the request")
    assert running.stop(signal.SIGINT) < PROMISED
    assert running.process.returncode == 0
    assert "Traceback" not in running.log.read_text()


def test_a_big_drop_is_in_the_database_or_still_in_the_folder(service, tmp_path, until):
    """Stopped in the middle of a file, it ends in time; the next start takes the rest, none twice."""
    titles = [f"Report {n:04} of the night" for n in range(400)]
    text = "The harbour master of Port Sallow counted {} boats, {} gulls and a seal before breakfast."
    lines = [json.dumps({"title": title, "text": text.format(n, n * 7)}) for n, title in enumerate(titles)]
    (tmp_path / "drop/many.jsonl").write_text("\n".join(lines))
    running = service()
    until(running.reports, "the first transaction")
    assert running.stop() < PROMISED
    assert running.process.returncode == 0
    assert "Traceback" not in running.log.read_text()
    taken = running.reports()
    assert taken == titles or (tmp_path / "drop/many.jsonl").exists()
    assert 0 < len(taken) < len(titles), "it was stopped in the middle"
    again = service()
    until((tmp_path / "drop/done/many.jsonl").exists, "the rest")
    assert again.stop() < PROMISED
    assert again.reports() == titles


@pytest.fixture
def stuck(service, tmp_path, origin, until) -> Iterator[Any]:
    """A service that waits for a database that another program has locked."""
    pages = [{"name": f"S{n}", "url": f"{origin.url}/{n}", "allow_private": True} for n in range(2)]
    Database(f"sqlite:///{tmp_path}/var/aggregator.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        running = service(*pages, fetch={"concurrency": 1, "host_spacing": "0s"})
        # The second request goes out when the first poll has begun to write what came of it.
        until(lambda: len(origin.asked) == 2, "both requests")
        yield running


def test_a_second_signal_ends_it_at_once(stuck):
    """Whatever it was waiting for; the status says which signal."""
    stuck.process.send_signal(signal.SIGTERM)
    stuck.until_said("service.stopping")
    assert stuck.process.poll() is None
    assert stuck.stop() < 2
    assert stuck.process.returncode == 128 + signal.SIGTERM


def test_what_does_not_come_to_its_end_is_cut_off(stuck):
    """A lock that another program holds for half a minute does not hold the stop for as long."""
    assert stuck.stop() < PROMISED
    assert stuck.process.returncode == 0
    assert "nothing is lost" in stuck.log.read_text().splitlines()[-1]
    assert "Traceback" not in stuck.log.read_text()


def test_a_signal_while_it_starts_is_heard(service, tmp_path, until):
    """From the first moment that it can be lost: while the database is made, before the first line."""
    running = service()
    until((tmp_path / "var").exists, "the first trace of the start")
    assert running.stop() < PROMISED
    assert running.process.returncode == 0
