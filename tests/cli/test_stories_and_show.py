"""`stories` and `show`: what people read, and what scripts rely on."""

import contextlib
import re
import sqlite3

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN
from prepared import drop

from storage import retention
from storage.database import Database

# ---- stories ----


def test_stories_as_json_have_the_promised_shape(told):
    """One object a line, with these keys and no others."""
    done = told("stories", "--json")
    assert (done.status, done.err) == (0, "")
    assert len(done.objects) == 2
    for story in done.objects:
        assert list(story) == ["id", "title", "updated", "publishers", "voices", "reports"]
        for report in story["reports"]:
            assert list(report) == ["id", "title", "url", "publisher", "source", "published", "evidence"]
            assert {"layer", "score", "bar"} <= set(report["evidence"])
    (fire,) = (story for story in done.objects if len(story["reports"]) == 2)
    assert sorted(fire["publishers"]) == ["Harbour News", "Island Times"]
    assert {report["source"] for report in fire["reports"]} == {"Inbox"}
    assert {report["published"] for report in fire["reports"]} == {"2026-11-20T09:30:00+00:00"}
    assert "https://harbour.example/ferry" in {report["url"] for report in fire["reports"]}


def test_stories_are_a_table_for_people(told):
    """In a pipe each story is one line, however long its title; times say that they are UTC."""
    done = told("stories")
    heading, *rows = done.out.splitlines()
    counts = ["reports", "publishers", "voices"]
    assert re.split(r"  +", heading) == ["story", "updated (UTC)", *counts, "told by", "title"]
    assert len(rows) == 2
    assert any(
        re.search(r" 2  +.*Harbour News.*, .*Island Times|Island Times, Harbour News", row) for row in rows
    )
    assert any(row.endswith(BUDGET[0]) for row in rows)


def test_a_list_that_is_cut_says_so(told):
    """A table shows so many and says that there are more; JSON shows all unless it is asked for fewer."""
    done = told("stories", "--limit", "1")
    assert len(done.out.splitlines()) == 2
    assert "there are more" in done.error
    assert len(told("stories", "--limit", "1", "--json").objects) == 1
    assert told("stories").err == ""


def test_no_stories_are_told_apart_from_none_lately(aggregator):
    """What to do where there are none; that there was nothing where there are some."""
    aggregator("db", "upgrade")
    assert aggregator("stories").out == "no stories yet; `aggregator once` polls the sources\n"
    drop(FIRE)
    aggregator("once")
    assert aggregator("stories", "--since", "0s").out == "no story has gained anything since then\n"
    assert FIRE[0] in aggregator("stories", "--since", "2d").out
    assert aggregator("stories", "--since", "0s", "--json") == (0, "", "")


# ---- show ----


def test_show_tells_every_report_and_why_it_is_there(told):
    """Publisher, date in UTC, title, address, and the words that carried it."""
    done = told("show", 1)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[1].startswith("story 1: 2 reports, 2 publishers, 2 independent texts, updated ")
    assert lines[1].endswith(" UTC")
    for text in (
        FIRE[0],
        FIRE_AGAIN[0],
        "Harbour News, 2026-11-20 09:30 UTC",
        "https://island.example/rescuers",
    ):
        assert text in done.out
    assert "opened a story" in done.out
    assert re.search(r"the same event, closest to report \d: score [01]\.\d\d, bar 0\.\d\d", done.out)
    assert re.search(r"^ +names +.*Aurelia", done.out, re.MULTILINE)
    assert re.search(r"^ +numbers +214", done.out, re.MULTILINE)


def test_show_says_where_a_report_that_was_the_reason_has_gone(told):
    """Evidence is of the day it was made: what has left since is not looked for among those shown."""
    closest = re.search(r"closest to report (\d)", told("show", 1).out)
    assert "no more" not in told("show", 1).out
    told("split", 1, closest[1])
    done = told("show", 1)
    assert f"        the same event, closest to report {closest[1]} (here no more): score" in done.out
    assert f"came: the same event, closest to report {closest[1]}: score" in done.out


def test_show_as_json_is_the_story_and_its_history(told):
    """The same object as in the list, with what joined, was merged into it, moved or was corrected."""
    (listed,) = (story for story in told("stories", "--json").objects if story["id"] == 1)
    (shown,) = told("show", 1, "--json").objects
    history = shown.pop("history")
    assert shown == listed
    assert [(event["what"], event["report"]) for event in history] == [("joined", 1), ("joined", 2)]


def test_show_follows_an_id_that_was_merged(told, tmp_path):
    """An id once shown answers for ever."""
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        connection.execute("UPDATE membership SET story_id = 1")
        connection.execute("UPDATE story SET merged_into = 1 WHERE id = 2")
        connection.execute(
            "INSERT INTO history (at, story_id, what, from_story, score) "
            "SELECT updated, 1, 'merged', 2, 0.75 FROM story WHERE id = 1"
        )
        connection.commit()
    done = told("show", 2)
    assert done.out.startswith("story 2 was merged into 1\n")
    assert re.search(r"  took over story 2: score 0\.75$", done.out, re.MULTILINE)
    (shown,) = told("show", 2, "--json").objects
    assert shown["id"] == 1
    assert [event["from_story"] for event in shown["history"] if event["what"] == "merged"] == [2]


def test_show_says_why_a_report_has_left(told, tmp_path):
    """In the story that it left as in its own: a score that low needs a word."""
    with contextlib.closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        connection.execute(
            "INSERT INTO history (at, story_id, what, from_story, report_id, score) "
            "SELECT updated, 2, 'parted', 1, 3, 0.02 FROM story WHERE id = 2"
        )
        connection.execute(
            """UPDATE membership SET evidence = '{"layer": "parted", "score": 0.02, "bar": 0.6}' """
            "WHERE report_id = 3"
        )
        connection.commit()
    why = "it agreed too little with the others there, score 0.02"
    assert f"  report 3 went to story 2: {why}\n" in told("show", 1).out
    done = told("show", 2)
    assert f"  report 3 came from story 1: {why}\n" in done.out
    assert "        agreed too little with its old story: score 0.02, bar 0.60\n" in done.out


@pytest.mark.parametrize("story", [7, 0, 2**63, 10**40])
def test_a_story_that_never_was_is_one_line(told, story):
    """Whatever the number."""
    done = told("show", story)
    assert (done.status, done.out) == (1, "")
    assert done.error == f"aggregator: there is no story {story} (`aggregator stories` lists them)"


def test_a_story_that_was_forgotten_is_over(told, tmp_path):
    """Its id answers, and with something else than one that never was."""
    newest = max(story["id"] for story in told("stories", "--json").objects)
    database = Database(f"sqlite:///{tmp_path}/var/aggregator.db")
    with database.writing() as tx:
        retention.stories(tx, [newest])
    database.close()
    done = told("show", newest)
    assert done.status == 1
    assert "is over" in done.error
    assert "there is no story" in told("show", newest + 1).error


def test_search_finds_stories(told):
    """By words and filters, as a table or as JSON; nothing is said plainly, a mistake with its remedy."""
    assert "Ferry Aurelia" in told("search", "aurelia", "coastguard").out
    assert [each["id"] for each in told("search", "--json", "aurelia").objects] == [1]
    assert [each["id"] for each in told("search", "--json", "--", "-aurelia").objects] == [2]
    assert told("search", "zeppelin").out == "no story has all of that\n"
    done = told("search", "since:never")
    assert done.status == 1
    assert "write since:2026-11-20" in done.err
