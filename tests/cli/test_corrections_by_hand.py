"""`merge`, `split`, `undo`, `rehearse`, `recluster`: what a person changes, for good or for a look."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN
from prepared import configure, drop


def partition(aggregator: Callable[..., Any]) -> dict[int, set[int]]:
    """Story ids and the ids of their reports."""
    objects = aggregator("stories", "--json").objects
    return {story["id"]: {report["id"] for report in story["reports"]} for story in objects}


# ---- merge, split, undo, corrections ----


def test_a_person_corrects_and_takes_it_back(told):
    """Each command says what it did, `corrections` lists it, and old ids lead to where the reports are."""
    before = partition(told)
    done = told("merge", 1, 2)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("together (correction 1)\n  story 1: Ferry Aurelia")
    assert partition(told) == {1: {1, 2, 3}}
    assert told("show", 2).out.startswith("story 2 was merged into 1\n")
    assert "took over story 2: a person said so (correction 1)" in told("show", 1).out
    done = told("split", 2, "https://island.example/rescuers")  # an old id, and an address
    assert "correction 1 said otherwise of some of these reports; the newest counts" in done.out
    assert partition(told) == {1: {1, 3}, 3: {2}}
    assert "a person put it here (correction 2)" in told("show", 3).out
    assert [each["what"] for each in told("corrections", "--json").objects] == ["merge", "split"]
    assert told("undo").out.startswith("undone (correction 2)\n")
    assert told("undo").status == 0
    assert partition(told) == before
    listed = told("corrections").out.splitlines()
    assert [line.split()[0] for line in listed] == ["no", "1", "2"]
    assert "together: story 1 'Ferry" in listed[1]
    assert all(each["undone"] for each in told("corrections", "--json").objects)
    assert "took over story 3: a person took it back (correction 2)" in told("show", 1).out


def test_corrections_hold_for_all_that_comes_later(told, tmp_path):
    """Files that are dropped later, by a service that was running or not, do not undo them."""
    told("split", 1, 2)
    drop(FIRE, FIRE_AGAIN, FIRE_AGAIN, publishers=("Harbour News", "Island Times", "Post"))
    (tmp_path / "drop/again.md").write_text(f"# {FIRE[0]}\n\n{FIRE[1]}\n")
    assert told("once").status == 0
    apart = partition(told)
    assert not any({1, 2} <= members for members in apart.values())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("merge", 1, 9), "there is no story 9"),
        (("merge", 1, 1), "that is one story already"),
        (("split", 1, 3), "report 3 is not in story 1"),
        (("split", 1, "fire.txt"), "there is no such report"),
        (("undo",), "there is no correction to undo"),
    ],
)
def test_what_cannot_be_corrected_is_one_line(told, command, said):
    """With the remedy, and exit status 1."""
    done = told(*command)
    assert (done.status, done.out) == (1, "")
    assert said in done.error
    assert done.error.endswith(")")


def test_published_feeds_show_a_correction(told, tmp_path):
    """After a merge one item less, with its id in no feed any more; after the undo it is back."""

    def items() -> dict[str, int]:
        told("once", "--all")
        feed = json.loads((tmp_path / "var/feeds/all.json").read_text())
        replaced.append([old for item in feed["items"] for old in item["_story"].get("replaces", ())])
        return {item["id"]: len(item["_story"]["reports"]) for item in feed["items"]}

    replaced: list[list[str]] = []
    before = items()
    told("merge", 1, 2)
    (merged,) = items().items()
    assert {merged[0], *replaced[-1]} == before.keys()
    assert merged[1] == 3
    told("undo")
    assert items() == before


# ---- rehearse, recluster ----


def test_a_rehearsal_for_people_and_for_scripts(told):
    """What would split and merge, by titles; scored by what was corrected; and nothing is touched."""
    before = partition(told)
    done = told("rehearse", "--set", "dedup.story_bar=0.9999")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("3 reports: 2 stories now, 3 then\nwould split story 1 'Ferry Aurelia")
    assert "nobody has corrected anything here yet" in done.out
    told("split", 1, 2)
    scored = told("rehearse", "--set", "dedup.story_bar=0.9999").out
    assert "with the present settings: 0 of 1 apart\n" in scored
    assert "with the rehearsed settings: 1 of 1 apart\n" in scored
    (found,) = told("rehearse", "--json", "--since", "2d").objects
    assert list(found) == ["reports", "stories", "merges", "splits", "corrections"]
    assert found["corrections"]["present"]["apart"] == {"honoured": 0, "of": 1}
    assert (found["merges"], found["splits"]) == ([], [])
    told("undo")
    assert partition(told) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("story_bar=0.7", "is not dedup.KEY=VALUE"),
        ("dedup.story_bar", "is not dedup.KEY=VALUE"),
        ("dedup.bar=0.7", "there is no such key; there are window, story_bar"),
        ("dedup.story_bar=2", "'2' is too large; at most 1.0"),
        ("dedup.window=abc", "'dedup.window': 'abc' is no duration"),
        ("dedup.story_bar=abc", "'dedup.story_bar': 'abc' is no number"),
    ],
)
def test_a_setting_that_cannot_be_tried_is_one_line(told, given, said):
    """With the key, and exit status 2, like every wrong command line."""
    done = told("rehearse", "--set", given)
    assert (done.status, done.out) == (2, "")
    assert said in done.error


def test_clustering_again_for_good(told):
    """It says what it did; corrections hold."""
    told("merge", 1, 2)
    done = told("recluster")
    assert (done.status, done.err) == (0, "")
    assert done.out == "3 reports, 1 story before, 1 now; 0 reports in another story, 0 with a new sketch\n"
    assert partition(told) == {1: {1, 2, 3}}


def test_the_preferred_publisher_gives_the_title(told, tmp_path):
    """The first that a story has, in any case of letters; clustering again applies it to old stories."""
    titles = {story["title"] for story in told("stories", "--json").objects}
    configure(tmp_path, prefer=["Nobody", "ISLAND times", "Harbour News"])
    told("recluster")
    preferred = {story["title"] for story in told("stories", "--json").objects}
    assert titles == {FIRE[0], BUDGET[0]}
    assert preferred == {FIRE_AGAIN[0], BUDGET[0]}


# ---- learn ----


def test_it_is_too_early_to_learn(told):
    """With one correction; it says how many it takes, and keeps nothing."""
    told("merge", 1, 2)
    done = told("learn", "--keep")
    assert done.status == 1
    assert "too early to learn" in done.err
    assert "8 are needed" in done.err


def test_what_ships_can_always_be_gone_back_to(told):
    """Also where nothing was learnt; both at once is a mistake."""
    assert "the weights that ship decide" in told("learn", "--reset").out
    done = told("learn", "--reset", "--keep")
    assert done.status == 2
    assert "opposites" in done.err


def test_learning_shows_before_it_keeps(aggregator, tmp_path, monkeypatch):
    """The terms, how many corrections agree, and what would change; then `--keep` has it so."""
    from aggregator.dedup import learning

    monkeypatch.setattr(learning, "FEWEST", 2)
    monkeypatch.setattr("aggregator.stories.learn.FEWEST", 2)
    drop(FIRE, FIRE_AGAIN, BUDGET)
    aggregator("once")
    aggregator("merge", 1, 2)
    aggregator("split", 1, 2)
    shown = aggregator("learn")
    assert shown.status == 0, shown.err
    for said in (
        "corrections: 1 together, 1 apart",
        "each left out in turn",
        "intercept",
        "nothing is kept yet",
    ):
        assert said in shown.out
    found = aggregator("learn", "--json").objects[0]
    assert found["corrections"] == {"together": 1, "apart": 1}
    assert set(found["learnt"]["weights"]) >= {"words", "lead", "title"}
    assert "kept" in aggregator("learn", "--keep").out
    assert aggregator("explain", 1, 2).status == 0
