"""What a newcomer shows about the stories nearby is carried out, and kept so that it can be shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from desk import partition
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made

from aggregator.dedup.story import Plan
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from storage import history, schema, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUAY = (
    "Forty children sing on the quay",
    "Two school choirs of Port Sallow sang in the rain; the mayor spoke of a fine day, the bakery gave buns "
    "to everyone, and the last song, a lullaby, was over by nine.",
)
QUAY_AGAIN = (
    "Choirs of Port Sallow sing in the rain",
    "In the rain forty children of two school choirs sang on the quay of Port Sallow. The bakery gave "
    "everyone a bun, the mayor called it a fine day, and a lullaby was the last song, shortly before nine.",
)
LOOSE = Dedup(story_bar=0.01)  # joins all that shares a name


def take(database: Database, words: tuple[str, str], number: int, by: Dedup | Linker) -> None:
    """Take a report with these words in; by a linker that lives on, or by one made for it."""
    linker = by if isinstance(by, Linker) else Linker(by)
    with database.writing() as tx:
        ingest(tx, linker, [made(words, number)], NOON + timedelta(minutes=number))


def evidence(database: Database, number: int) -> dict[str, Any]:
    """Why a report is where it is."""
    table = schema.membership
    with database.reading() as tx:
        found: dict[str, Any] = tx.execute(
            sa.select(table.c.evidence).where(table.c.report_id == number)
        ).scalar_one()
    return found


def test_a_report_that_agrees_with_nobody_any_more_leaves(database) -> None:
    """With its title, its evidence and a line in the history of both; the other story stays as it was."""
    for number, words in enumerate((FIRE, QUAY, FIRE_AGAIN), 1):
        take(database, words, number, LOOSE)
    assert partition(database) == {1: {1, 2, 3}}
    take(database, FIRE_LATER, 4, Dedup())
    assert partition(database) == {1: {1, 3, 4}, 2: {2}}
    why = evidence(database, 2)
    assert (why["layer"], why["score"] < why["bar"]) == ("parted", True)
    with database.reading() as tx:
        (happened,) = history.of_story(tx, 2)
        whole, parted = stories.load(tx, [1, 2], database.uuid)
    assert (happened.what, happened.from_story, happened.report) == ("parted", 1, 2)
    assert (whole.title, parted.title) == (FIRE[0], QUAY[0])
    assert (parted.created, parted.updated) == tuple(NOON + timedelta(minutes=number) for number in (2, 4))


def test_nobody_leaves_a_friend_that_was_not_looked_at(database) -> None:
    """Of a large story some members stand for all; who agrees with none of these stays."""
    for number, words in enumerate((FIRE, QUAY, QUAY_AGAIN, FIRE_AGAIN), 1):
        take(database, words, number, LOOSE)
    assert partition(database) == {1: {1, 2, 3, 4}}
    take(database, FIRE_LATER, 5, Dedup(members=2))  # 3 and 4: report 2 is not looked at
    assert partition(database) == {1: {1, 2, 3, 4, 5}}


def test_who_leaves_takes_its_copy_group_and_its_title_along(database) -> None:
    """Though all of the group were named after it, and the story showed it."""
    for number, words in enumerate((QUAY, FIRE, FIRE_AGAIN), 1):
        take(database, words, number, LOOSE)
    with database.writing() as tx:
        stories.regroup(tx, [1, 2, 3], 1)  # as a rule that was laxer then might have found
    assert partition(database) == {1: {1, 2, 3}}
    take(database, FIRE_LATER, 4, Dedup())
    assert partition(database) == {1: {2, 3, 4}, 2: {1}}
    with database.reading() as tx:
        whole, parted = stories.load(tx, [1, 2], database.uuid)
    assert {member.id: member.copy_group for member in (*whole.members, *parted.members)} == {
        1: 1,
        2: 2,
        3: 2,
        4: 4,
    }
    assert (whole.title in {FIRE[0], FIRE_AGAIN[0], FIRE_LATER[0]}, parted.title) == (True, QUAY[0])


def test_who_left_does_not_come_back(database) -> None:
    """Further reports of either event find the two stories settled."""
    for number, words in enumerate((FIRE, QUAY, FIRE_AGAIN), 1):
        take(database, words, number, LOOSE)
    for number, words in enumerate((FIRE_LATER, BUDGET, QUAY, FIRE), 4):
        take(database, words, number, Dedup())
    assert partition(database) == {1: {1, 3, 4, 7}, 2: {2, 6}, 3: {5}}


def test_two_that_leave_go_into_one_new_story(database, monkeypatch) -> None:
    """Out of two stories; who left as well is the one that it suits, and what stays behind is made good."""
    told = (FIRE, BUDGET, FIRE_AGAIN, BUDGET_AGAIN, QUAY)
    alone, origin = (None, 0.0), ((3, 1, -3, 0.1), (2, 2, -3, 0.8))
    plans = [Plan(*alone), Plan(*alone), Plan(1, 0.9, 1), Plan(2, 0.9, 2, 2, 0.9), Plan(*alone, moves=origin)]
    monkeypatch.setattr("aggregator.stories.linker.place", lambda *_: plans.pop(0))
    for number, words in enumerate(told, 1):
        take(database, words, number, Dedup())
    assert partition(database) == {1: {1}, 2: {4}, 3: {5}, 4: {2, 3}}
    assert [evidence(database, number)["layer"] for number in (3, 2)] == ["parted", "moved"]
    assert evidence(database, 2)["matched"] == 3
    with database.reading() as tx:
        happened = [(event.from_story, event.report) for event in history.of_story(tx, 4)]
        groups = {membership.report: membership.copy_group for membership in stories.memberships(tx, [2, 4])}
    assert (happened, groups) == ([(1, 3), (2, 2)], {2: 2, 3: 3, 4: 4})


def test_pairs_are_judged_again_by_new_weights(database) -> None:
    """What was judged when a name was rare does not stand for ever in a service that runs for years."""
    linker = Linker(Dedup())
    take(database, FIRE, 1, linker)
    take(database, FIRE_AGAIN, 2, linker)
    linker.known.judged[1, 2] = 0.125
    take(database, FIRE_LATER, 3, linker)
    assert linker.known.judged[1, 2] == 0.125, "not at each report: it would cost much and change little"
    for number in range(4, 8):
        take(database, BUDGET, number, linker)
    take(database, FIRE_LATER, 8, linker)
    assert linker.known.judged.get((1, 2), 1.0) > 0.5


def test_what_a_source_says_under_everything_joins_nothing(database) -> None:
    """Four programmes of a day are four stories, though most of their words are the same."""
    foot = (
        "Subscribe to our channel for updates. We uphold fairness, accuracy and balance. The truth. #Gazette"
    )
    shown = ("Sunrise", "Harbour hour", "Evening edition", "Choir practice")
    found = [
        replace(made((f"{name} | Gazette TV", foot), number), source="Gazette TV", publisher="Gazette")
        for number, name in enumerate(shown)
    ]
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), found, NOON)
    assert len(partition(database)) == len(shown)


def test_two_editions_of_a_programme_are_two_stories(database) -> None:
    """What recurs of their titles goes, but for the date that tells them apart."""
    shown = [
        (f"{name} | Radio Gazette ({day} June 2026)", "")
        for day in (10, 11)
        for name in ("Dos voces at the old harbour", "Hour of the lighthouse keeper", "Choirs of Port Sallow")
    ]
    found = [
        replace(made(words, number), source="Radio Gazette", publisher="Gazette")
        for number, words in enumerate(shown)
    ]
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), found, NOON)
    assert len(partition(database)) == len(shown)
