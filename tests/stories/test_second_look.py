"""The second look: the same stories in whatever order, every id answers, what a person said holds."""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from desk import partition
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, NOON, chain, made
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.dedup.corrections import constraints
from aggregator.settings import Dedup
from aggregator.stories import correct
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.second_look import look_again, look_at_all
from storage import corrections, history, stories
from storage.database import Database

LATER = NOON + timedelta(minutes=2)
WORDS = (FIRE, FIRE_AGAIN, FIRE_LATER, BUDGET, BUDGET_AGAIN, FIRE, BUDGET)

SPILL = chain(3)


def take(database: Database, numbers: Sequence[int], words: Sequence[Any] = WORDS) -> dict[int, int]:
    """Take these reports in, one by one; report id to number."""
    linker, number_of = Linker(Dedup()), {}
    for number in numbers:
        with database.writing() as tx:
            (new,) = ingest(tx, linker, [made(words[number], number)], NOON).new
        number_of[new] = number
    return number_of


def look(database: Database, *, everything: bool = False) -> Any:
    """Look once more."""
    with database.writing() as tx:
        return (look_at_all if everything else look_again)(tx, Linker(Dedup()), LATER)


def scatter(database: Database, groups: Sequence[Sequence[int]]) -> None:
    """Put reports into stories against all reason, so that a look has something to do."""
    from storage import memberships

    with database.writing() as tx:
        for group in groups:
            memberships.transfer(tx, memberships.found(tx, group, NOON), group)
        stand = set(stories.partition(tx).values())
        for story in set(stories.recent(tx)) - stand:
            stories.redirect(tx, absorbed=story, survivor=min(stand))


@given(order=st.permutations(range(len(SPILL))))
@settings(max_examples=15, deadline=None)
def test_the_order_of_arrival_is_forgotten(order: list[int]) -> None:
    """Eight reports, each of which goes on a little from another: the same stories, whoever came first."""
    assert stories_of(order) == stories_of(range(len(SPILL)))


@pytest.mark.parametrize("by", [look_again, look_at_all])
def test_and_without_a_look_it_is_not(by):
    """A newcomer of these is placed otherwise in another order; one look is as good as the other."""
    shuffled = (3, 0, 6, 1, 7, 5, 2, 4)
    assert stories_of(shuffled, by=None) != stories_of(range(len(SPILL)), by=None)
    assert stories_of(shuffled, by=by) == stories_of(range(len(SPILL)), by=look_again)


def stories_of(order: Sequence[int], by: Any = look_at_all) -> frozenset[frozenset[int]]:
    """The stories of the spill, by the numbers of its reports, which come in this order."""
    with closing(Database("sqlite://")) as database:
        number_of = take(database, order, SPILL)
        if by:
            with database.writing() as tx:
                by(tx, Linker(Dedup()), LATER)
        return frozenset(frozenset(number_of[i] for i in ids) for ids in partition(database).values())


def test_a_story_of_more_copies_than_a_key_may_hold_stays_one(database):
    """An agency's text in a hundred and thirty papers is one story, before and after."""
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(FIRE, number) for number in range(130)], NOON)
    before = partition(database)
    assert [len(story) for story in before.values()] == [130]
    assert look(database).moved == 0
    assert partition(database) == before


@example(at=[0, 1, 1, 1, 2, 0, 2])  # the second dissolves: most of it into the first, which moves first
@given(at=st.lists(st.integers(0, 3), min_size=len(WORDS), max_size=len(WORDS)))
@settings(max_examples=40, deadline=None)
def test_every_id_that_was_shown_answers(at: list[int]) -> None:
    """However wrong the stories were: an old id is a story, or leads to the one with most of its reports."""
    with closing(Database("sqlite://")) as database:
        take(database, range(len(WORDS)))
        groups = [[i + 1 for i, where in enumerate(at) if where == story] for story in sorted(set(at))]
        scatter(database, groups)
        before = partition(database)
        look(database, everything=True)
        after = partition(database)
        with database.reading() as tx:
            leads = {story: stories.resolve(tx, story) for story in before}
    assert sorted(map(sorted, after.values())) == [[1, 2, 3, 6], [4, 5, 7]]
    for story, reports in before.items():
        most = max(len(reports & there) for there in after.values())
        assert leads[story] in after
        if story not in after:
            assert len(reports & after[leads[story]]) == most


def test_what_changed_is_told_with_its_true_score(database):
    """Not with the bar: a report that agrees with all is sure of its story."""
    take(database, range(len(WORDS)))
    scatter(database, [[1, 2, 4], [3, 5, 6, 7]])
    look(database, everything=True)
    with database.reading() as tx:
        events = [event for story in partition(database) for event in history.of_story(tx, story)]
    assert events
    assert all(event.score != Dedup().story_bar for event in events)
    assert max(event.score for event in events) > 0.9


def test_what_a_person_said_holds(database):
    """The fire was split by a person, who knows better."""
    take(database, range(len(WORDS)))
    linker = Linker(Dedup())
    with database.writing() as tx:
        correct.split(tx, linker, stories.of_reports(tx, [1])[1], [2, 3], NOON)
    look(database, everything=True)
    with database.reading() as tx:
        said = constraints(corrections.listed(tx))
        story_of = stories.partition(tx)
    assert said.apart
    assert {story_of[2], story_of[3]}.isdisjoint({story_of[1]})


def test_a_second_look_at_the_same_finds_nothing(database):
    """What was put right stays."""
    take(database, range(len(WORDS)))
    scatter(database, [[1, 4], [2, 5], [3, 6, 7]])
    assert look(database, everything=True).moved > 0
    assert look(database, everything=True).moved == 0


@pytest.mark.parametrize("age", [timedelta(days=1), timedelta(days=5)])
def test_what_is_old_is_left_alone(database, age):
    """A step looks at what came within three days."""
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(FIRE, 1, seen=NOON - age)], NOON)
    assert bool(look(database).reports) is (age < timedelta(days=3))
