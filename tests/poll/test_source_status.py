"""`aggregator sources`: how each source fares, as a table, as a page and as JSON."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.cli.sources import size
from aggregator.service import daemon

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENTS = (
    (
        "Ferry Aurelia burns off Port Sallow",
        "The ferry Aurelia burnt off Port Sallow, Ines Marrow said.",
    ),
    ("Parliament in Verden passes budget", "The lower house in Verden adopted the budget, 153 votes to 150."),
    (
        "Comet Hallam shines over Brenning",
        "Comet Hallam stood above Brenning, Una Crest said.",
    ),
)


class Newsroom:
    """The command line over three feeds, a folder, and a clock that a test moves."""

    def __init__(self, run: Callable[..., Any], folder: Path, origin: Any, rss: Callable[..., bytes]) -> None:
        self.run, self.folder, self.origin, self.rss = run, folder, origin, rss
        self.now = NOON
        names = ("Gazette", "Herald", "Lost")
        self.configure(*({"name": n, "url": f"{origin.url}/{n}", "allow_private": True} for n in names))

    def configure(self, *feeds: dict[str, Any], **fetch: Any) -> None:
        inbox = {"name": "Inbox", "folder": "drop"}
        (self.folder / "drop").mkdir(exist_ok=True)
        settings = {"sources": [*feeds, inbox], "fetch": {"host_spacing": "0s"} | fetch}
        (self.folder / "aggregator.yaml").write_text(json.dumps(settings))

    def shows(self, name: str, *events: int) -> None:
        """Let a feed show these events, each under its own guid, as its only items."""
        items = ({"guid": f"{name}:{n}", "title": EVENTS[n][0], "description": EVENTS[n][1]} for n in events)
        self.origin.pages[f"/{name}"] = self.rss(*items, title=name)

    def told(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """What ``sources --json`` says, by name."""
        done = self.run("sources", "--json", *arguments)
        assert (done.status, done.err) == (0, "")
        return {each["source"]: each for each in done.objects}


@pytest.fixture
def newsroom(aggregator, tmp_path, monkeypatch, origin, rss) -> Newsroom:
    made = Newsroom(aggregator, tmp_path, origin, rss)
    monkeypatch.setenv("AGGREGATOR_CONFIG", "aggregator.yaml")
    monkeypatch.setattr(daemon, "now", lambda: made.now)
    made.shows("Gazette", 0, 1)
    made.shows("Herald", 0, 2)
    return made


def test_counts_and_times(newsroom):
    """State, last answer, next poll and why then, counts, bytes, error and remedy of each source."""
    assert newsroom.run("once").status == 1, "Lost is not found"
    newsroom.now += timedelta(hours=1)
    newsroom.run("once")
    told = newsroom.told()
    gazette, lost = told["Gazette"], told["Lost"]
    body = len(newsroom.origin.pages["/Gazette"])
    assert (gazette["state"], gazette["status"], gazette["polls"]) == ("good", 304, 2)
    assert gazette["answers"] == {"200": 1, "304": 1, "429": 0, "failed": 0}
    assert (gazette["bytes_received"], gazette["bytes_saved"]) == (body, body)
    assert gazette["polled"] == newsroom.now.isoformat()
    assert gazette["next_poll"] > (newsroom.now + timedelta(minutes=15)).isoformat()
    assert gazette["why"] == "every 15 min"
    assert (gazette["error"], gazette["remedy"]) == (None, None)
    assert (lost["state"], lost["status"], lost["failures_in_a_row"]) == ("failing", 404, 2)
    assert "the server answered 404" in lost["error"]
    assert "check the address" in lost["remedy"]
    assert lost["why"] == "failing for 2 polls, next try in 30 min"
    assert (told["Inbox"]["kind"], told["Inbox"]["next_poll"]) == ("folder", None)
    assert told["Inbox"]["why"] == "a folder is looked into every 10 s"


def test_what_others_had_told(newsroom):
    """A report counts as told before where its story had one, and where another source had shown it."""
    newsroom.configure(
        *(
            {"name": n, "url": f"{newsroom.origin.url}/{n}", "allow_private": True, "publisher": "One"}
            for n in ("Gazette", "Herald")
        )
    )
    newsroom.run("once")
    told = newsroom.told()
    counts = {name: (each["reports"], each["stories"], each["told_before"]) for name, each in told.items()}
    assert sorted([counts["Gazette"], counts["Herald"]]) == [(2, 2, 0), (2, 2, 1)]
    assert sorted([told["Gazette"]["told_before_share"], told["Herald"]["told_before_share"]]) == [0, 0.5]
    assert (told["Inbox"]["reports"], told["Inbox"]["told_before_share"]) == (0, None)


def test_before_the_first_poll(newsroom):
    """A source that was added after the last poll is new, and due now."""
    newsroom.run("once")
    newsroom.configure({"name": "Other", "url": f"{newsroom.origin.url}/Gazette"})
    told = newsroom.told()
    assert set(told) == {"Other", "Inbox"}, "those that are no longer configured are not shown"
    assert (told["Other"]["state"], told["Other"]["why"]) == ("new", "never polled")
    assert told["Other"]["next_poll"] == newsroom.now.isoformat()


def test_a_folder_that_was_never_looked_into_is_new(newsroom):
    """Nobody knows yet whether it is good; after the first look it is, though it brought nothing."""
    newsroom.run("db", "upgrade")
    assert newsroom.told("Inbox")["Inbox"]["state"] == "new"
    newsroom.run("once")
    assert newsroom.told("Inbox")["Inbox"]["state"] == "good"


def test_gone(newsroom):
    """A feed that answered 410 is stopped, and has no next poll."""
    newsroom.origin.pages["/Gazette"] = 410
    newsroom.run("once")
    gazette = newsroom.told("Gazette")["Gazette"]
    assert (gazette["state"], gazette["next_poll"]) == ("stopped", None)
    assert gazette["why"] == "410: gone for good, polled no more"
    assert "take the source out" in gazette["remedy"]


def test_an_unusual_silence(newsroom):
    """A feed that had something each hour and then nothing for days is silent, and the numbers are said."""
    for hour in range(8):
        items = [{"guid": f"{hour}", "title": f"Hour {hour} in the harbour", "description": f"Bell {hour}."}]
        newsroom.origin.pages["/Gazette"] = newsroom.rss(*items)
        newsroom.run("once", "--all")
        newsroom.now += timedelta(hours=1)
    assert newsroom.told()["Gazette"]["state"] == "good"
    newsroom.now += timedelta(days=3)
    newsroom.run("once")
    gazette = newsroom.told()["Gazette"]
    assert gazette["state"] == "silent"
    assert gazette["silence"] == "nothing new for 3 days 1 h; the longest of its last 7 pauses was 1 h"
    assert gazette["silence"] in newsroom.run("sources").out


def test_the_table_has_one_line_a_source(newsroom):
    """With what is wrong and the remedy at its end, however hostile the words of a server are."""
    newsroom.run("once")
    with contextlib.closing(sqlite3.connect(newsroom.folder / "var/aggregator.db")) as connection:
        connection.execute("UPDATE source SET error = 'a\x1b[31m\nb', hint = 'c' WHERE name = 'Lost'")
        connection.commit()
    done = newsroom.run("sources")
    heading, *lines = done.out.splitlines()
    assert heading.split()[:2] == ["source", "state"]
    assert [line.split()[:2] for line in lines] == [
        ["Gazette", "good"],
        ["Herald", "good"],
        ["Lost", "failing"],
        ["Inbox", "good"],
    ]
    assert "2026-11-20 12:00 404" in lines[2]
    assert lines[2].endswith(r"a\x1b[31m\nb (c)")


def test_the_page_of_a_source(newsroom):
    """NAME shows all about one; a secret in its address is not shown."""
    newsroom.configure(
        {
            "name": "Gazette",
            "url": f"{newsroom.origin.url}/Gazette?token=hidden",
            "allow_private": True,
        }
    )
    newsroom.origin.pages["/Gazette?token=hidden"] = newsroom.rss(
        {"guid": "1", "title": EVENTS[0][0], "description": EVENTS[0][1]}
    ).replace(b"<item>", b"<ttl>60</ttl><skipHours><hour>3</hour></skipHours><item>", 1)
    newsroom.run("once")
    done = newsroom.run("sources", "Gazette")
    lines = [line.split("  ", 1) for line in done.out.splitlines()]
    page = {line[0].strip(): line[-1].strip() for line in lines}
    assert done.out.splitlines()[0] == "Gazette: good"
    assert "hidden" not in done.out
    assert page["address"].endswith("/Gazette?token=***")
    assert page["last answer"] == "2026-11-20 12:00 200"
    assert page["next poll"].endswith(": feed says ttl 60 min")
    assert page["the feed asks"] == "60 min between polls; no poll in the hours 3 (GMT)"
    assert page["answers"] == "1 × 200, 0 × 304, 0 × 429, 0 failed; 1 poll"
    assert page["gave"] == "1 report in 1 story; 0 of them (0%) told by others before"
    assert page["silence"] == "not unusual"


def test_an_unknown_name(newsroom):
    """It is an error with the nearest name."""
    done = newsroom.run("sources", "Gazete")
    assert (done.status, done.out) == (1, "")
    assert done.error == "aggregator: no source is called 'Gazete' (did you mean 'Gazette'?)"
    assert "`aggregator sources` lists them" in newsroom.run("sources", "zzz").error


def test_without_a_database(newsroom):
    """Nothing was polled yet: said, with the remedy."""
    assert "there is no database" in newsroom.run("sources").error


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (10**15, "1000 TB"),
    ],
)
def test_sizes(count, shown):
    """Two digits where they say something, and never 1000 of a unit that has a larger one."""
    assert size(count) == shown
