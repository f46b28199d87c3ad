"""Corrections in any order, among reports that come in, are rewritten and come again: what always holds."""

from contextlib import closing
from typing import Any

from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import NothingToCorrect
from aggregator.stories.ingest import IngestResult
from storage import corrections, reports, stories
from storage.database import Database

WORDS = (FIRE, FIRE_AGAIN, FIRE_LATER, BUDGET, BUDGET_AGAIN)

merged = st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9))
parted = st.tuples(st.just("split"), st.integers(0, 9), st.integers(1, 62))
taken = st.tuples(st.just("take"), st.integers(1, 8), st.integers(0, len(WORDS) - 1))
undone = st.tuples(st.just("undo"), st.just(0), st.just(0))


def play(desk: Desk, what: str, one: int, other: int) -> None:
    """One step: numbers stand for whatever there is."""
    partition = sorted(desk.partition().items())
    story, members = partition[one % len(partition)]
    if what == "take":
        desk.take(made(WORDS[other], one))
    elif what == "merge" and len(partition) > 1:
        desk.merge(story, partition[(one + 1 + other % (len(partition) - 1)) % len(partition)][0])
    elif what == "split" and len(members) > 1:
        out = [report for bit, report in enumerate(sorted(members)) if other >> bit & 1]
        desk.split(story, *(out[:-1] if len(out) == len(members) else out or [max(members)]))
    elif what == "undo":
        try:
            desk.undo()
        except NothingToCorrect:
            assert desk.honours_all()


def listed(desk: Desk) -> list[Any]:
    """All corrections."""
    with desk.database.reading() as tx:
        return corrections.listed(tx)


@given(steps=st.lists(merged | parted | taken | undone, min_size=1, max_size=8))
@settings(max_examples=12, deadline=None)
def test_whatever_happens_every_correction_in_force_holds(empty, steps):
    """Reports come in and are rewritten, people merge, split and undo: in any order."""
    with empty() as address, closing(Database(address)) as database:
        desk = Desk(database)
        desk.take(made(FIRE, 1), made(BUDGET, 2))
        shown: set[int] = set()
        for what, one, other in steps:
            play(desk, what, one, other)
            assert desk.honours_all()
            partition = desk.partition()
            shown |= partition.keys()
            with database.reading() as tx:
                assert {stories.resolve(tx, story) for story in shown} == partition.keys()
                assert sum(map(len, partition.values())) == reports.count(tx)


@given(steps=st.lists(merged | parted, min_size=1, max_size=6))
@settings(max_examples=12, deadline=None)
def test_undoing_all_is_where_we_were(empty, steps):
    """After any merges and splits, as many times undo gives each state before, ids and evidence and all."""
    with empty() as address, closing(Database(address)) as database:
        desk = Desk(database)
        desk.take(*(made(words, number) for number, words in enumerate((*WORDS, FIRE), 1)))
        states = []
        for what, one, other in steps:
            state = desk.state()
            before = len(listed(desk))
            play(desk, what, one, other)
            if len(listed(desk)) > before:
                states.append(state)
        for state in reversed(states):
            desk.undo()
            assert desk.is_at(state)


@given(bodies=st.lists(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), max_size=4), max_size=3))
@settings(max_examples=8, deadline=None)
def test_the_same_reports_again_change_nothing(empty, bodies):
    """Ingest twice is ingest once, with corrections present as without."""
    with empty() as address, closing(Database(address)) as database:
        desk = Desk(database)
        desk.take(made(FIRE, 1), made(FIRE_AGAIN, 2), made(BUDGET, 3))
        desk.split(1, 2)
        desk.merge(1, *(story for story in desk.partition() if story != 1 and 3 in desk.partition()[story]))
        for body in bodies:
            found = [made(WORDS[words], number) for number, words in dict(body).items()]
            desk.take(*found)
            state = desk.state()
            assert desk.take(*found) == IngestResult()
            assert desk.state() == state
