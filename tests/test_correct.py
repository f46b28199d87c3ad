"""Corrections: done, obeyed by all that comes later, and taken back to where one was."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import correct
from aggregator.dedup.corrections import rules
from aggregator.errors import NotFound, NothingToCorrect
from aggregator.ingest import Gain, ingest
from aggregator.linker import Linker
from aggregator.model import Report, Story
from aggregator.settings import Dedup
from storage import corrections, forgetting, history, reports, stories
from storage.database import Database

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ORCHARD = ("Orchard blooms early in Fenrow", "Apple trees blossom in Fenrow, said Ada Quill.")
WORDS = (FIRE, FIRE_AGAIN, FIRE_LATER, BUDGET, BUDGET_AGAIN)


def made(words: tuple[str, str], number: int, **given: object) -> Report:
    """A report with these words, by a publisher of its own."""
    values: dict[str, object] = {
        "source": f"Paper {number}",
        "publisher": f"Paper {number}",
        "title": words[0],
        "text": words[1],
        "language": "en",
        "published": NOON + timedelta(minutes=number),
        "dated": True,
        "seen": NOON,
        "url": f"https://paper{number}.example/a",
        "keys": (f"guid:{number}",),
    }
    return Report(**(values | given))  # type: ignore[arg-type]


class Desk:
    """Reports that come in, and a person who corrects; each time with a linker that was running all along."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.service = Linker(Dedup())
        self.now = NOON

    def take(self, *found: Report) -> Gain:
        """The service takes reports in."""
        self.now += timedelta(minutes=1)
        with self.database.writing() as tx:
            return ingest(tx, self.service, found, self.now)

    def _do(self, work: Callable[..., correct.Outcome], *arguments: Any) -> correct.Outcome:
        self.now += timedelta(minutes=1)
        with self.database.writing() as tx:  # in another process: it knows nothing of the service's linker
            return work(tx, Linker(Dedup()), *arguments, self.now)

    def merge(self, *ids: int) -> correct.Outcome:
        return self._do(correct.merge, ids)

    def split(self, story: int, *out: int) -> correct.Outcome:
        return self._do(correct.split, story, out)

    def undo(self) -> correct.Outcome:
        return self._do(correct.undo)

    def stories(self) -> dict[int, Story]:
        with self.database.reading() as tx:
            return {s.id: s for s in stories.load(tx, stories.recent(tx), self.database.uuid)}

    def partition(self) -> dict[int, set[int]]:
        return {i: {member.id for member in story.members} for i, story in self.stories().items()}

    def state(self) -> Any:
        """All that there is to see of the stories, but for the times at which they changed."""
        seats = {
            (i, m.id): (m.copy_group, m.evidence, m.joined)
            for i, s in self.stories().items()
            for m in s.members
        }
        with self.database.reading() as tx:
            leads = {i: stories.resolve(tx, i) for i in range(1, 30)}
        heads = {i: (s.title, s.lead, s.created, s.voices) for i, s in self.stories().items()}
        known = {i: lead for i, lead in leads.items() if lead in heads}
        return seats, heads, known

    def is_at(self, before: Any) -> bool:
        """Whether all is as it was; an id that was given since leads somewhere now."""
        seats, heads, leads = self.state()
        return (seats, heads) == before[:2] and leads.items() >= before[2].items()

    def honours_all(self) -> bool:
        """Whether every correction in force holds."""
        with self.database.reading() as tx:
            said = rules(corrections.listed(tx))
        groups = list(self.partition().values())
        apart = all(
            not (group & others) for r, others in said.apart.items() for group in groups if r in group
        )
        return apart and all(any(group <= one for one in groups) for group in said.together.values())


@pytest.fixture
def desk(database) -> Desk:
    """With two stories: the fire (reports 1 and 2, story 1) and the budget (3 and 4, story 2)."""
    opened = Desk(database)
    opened.take(made(FIRE, 1), made(FIRE_AGAIN, 2), made(BUDGET, 3), made(BUDGET_AGAIN, 4))
    assert opened.partition() == {1: {1, 2}, 2: {3, 4}}
    return opened


# ---- merge, split, undo ----


def test_merged_stories_are_one_and_the_old_id_leads_there(desk):
    """The first that was named stays, it changed now, and its history says who did it."""
    outcome = desk.merge(2, 1)
    assert desk.partition() == {2: {1, 2, 3, 4}}
    assert list(outcome.stories) == [2]
    assert desk.stories()[2].updated == desk.now
    with desk.database.reading() as tx:
        assert stories.resolve(tx, 1) == 2
        (event,) = history.of_story(tx, 2)
    assert (event.what, event.from_story, event.correction) == ("merged", 1, outcome.correction.id)


def test_what_is_split_off_is_one_story(desk):
    """Under a new id; the rest keeps the old one, and its time: it gained nothing."""
    before = desk.stories()[2].updated
    desk.merge(1, 2)
    desk.undo()
    desk.take(made(FIRE_LATER, 5))
    assert desk.partition()[1] == {1, 2, 5}
    kept = desk.stories()[1].updated
    outcome = desk.split(1, 2, 5)
    assert desk.partition() == {1: {1}, 2: {3, 4}, 3: {2, 5}}
    assert list(outcome.stories) == [1, 3]
    now = desk.stories()
    assert (now[1].updated, now[3].updated) == (kept, desk.now)
    assert now[2].updated >= before
    assert {member.evidence["layer"] for member in now[3].members} == {"corrected"}


def test_a_merge_and_then_a_split_is_where_we_were(desk):
    """Either part may be the one that is named: each gets its id back."""
    for out in ((3, 4), (1, 2)):
        desk.merge(1, 2)
        outcome = desk.split(1, *out)
        assert desk.partition() == {1: {1, 2}, 2: {3, 4}}
        assert [other.what for other in outcome.overruled] == ["merge"]
        assert desk.honours_all()


def test_undo_goes_back_one_at_a_time(desk):
    """Each step is where one was before: ids, evidence, copy groups, titles."""
    states = [desk.state()]
    desk.merge(1, 2)
    states.append(desk.state())
    desk.split(1, 1)
    states.append(desk.state())
    new = max(desk.partition())
    desk.merge(new, 1)
    for state in reversed(states):
        desk.undo()
        assert desk.is_at(state)
    with pytest.raises(NothingToCorrect, match="no correction to undo"):
        desk.undo()


def test_an_undone_merge_lets_newcomers_choose(desk):
    """What came in since goes to the story that it suits best; nothing is lost."""
    desk.merge(1, 2)
    desk.take(made(FIRE_LATER, 5), made(BUDGET, 6))
    assert desk.partition() == {1: {1, 2, 3, 4, 5, 6}}
    desk.undo()
    assert desk.partition() == {1: {1, 2, 5}, 2: {3, 4, 6}}


def test_an_undone_split_brings_along_what_has_joined(desk):
    """The story that was split off is the old one again, with its newcomers."""
    desk.split(2, 4)
    desk.take(made(BUDGET_AGAIN, 5))
    assert desk.partition() == {1: {1, 2}, 2: {3}, 3: {4, 5}}
    desk.undo()
    assert desk.partition() == {1: {1, 2}, 2: {3, 4, 5}}
    with desk.database.reading() as tx:
        assert stories.resolve(tx, 3) == 2


def test_an_undone_split_lets_the_merge_before_it_hold_again(desk):
    """Also of what was free then and has gone elsewhere; what is free now stays where it is."""
    desk.merge(1, 2)
    desk.split(1, 2, 3, 4)
    desk.take(made(FIRE, 5))
    desk.take(made(ORCHARD, 1))
    desk.take(made(ORCHARD, 6))
    assert sorted(desk.partition().values(), key=min) == [{1, 6}, {2, 3, 4}, {5}]
    desk.undo()
    assert desk.honours_all()
    assert {6} in desk.partition().values()
    desk.undo()
    assert desk.honours_all()


def test_an_undone_split_has_older_ones_hold_against_what_came_meanwhile(desk):
    """Report 1 was told apart from 2, and joined those whom 2 was with: when 2 comes back, 1 leaves."""
    desk.split(1, 2)
    desk.merge(2, 3)
    desk.split(2, 2)
    desk.take(made(BUDGET, 1))
    assert {1, 3, 4} in desk.partition().values()
    outcome = desk.undo()
    assert sorted(desk.partition().values(), key=min) == [{1}, {2, 3, 4}]
    assert outcome.kept_apart == ()
    seated = {member.id: member for story in desk.stories().values() for member in story.members}
    assert seated[1].copy_group == 1, "it was a copy of report 3, and is the first of its text where it is"
    with desk.database.reading() as tx:
        assert {stories.resolve(tx, story) for story in (1, 2, 3)} == desk.partition().keys()


def test_an_id_that_stands_for_others_by_now_is_not_taken_from_them(desk):
    """Id 3 led to story 2 when that was merged; split off since, it holds a report that may not go along."""
    desk.take(made(ORCHARD, 5))
    desk.take(made(BUDGET, 5))
    desk.take(made(FIRE, 6))
    assert desk.partition() == {1: {1, 2, 6}, 2: {3, 4, 5}}
    desk.split(1, 6)
    desk.merge(1, 2)
    desk.split(1, 5)
    desk.take(made(BUDGET, 6))
    assert desk.partition() == {1: {1, 2, 3, 4}, 3: {5, 6}}
    desk.undo()
    assert desk.partition() == {1: {1, 2, 3, 4, 5}, 3: {6}}
    desk.undo()
    assert desk.partition() == {1: {1, 2}, 2: {3, 4, 5}, 3: {6}}


def test_a_copy_that_is_split_off_is_a_text_of_its_own(desk):
    """And what stays behind of the same text is told; the copies do not come together again."""
    desk.take(made(FIRE, 5), made(FIRE, 6))
    assert desk.stories()[1].voices == 2
    outcome = desk.split(1, 1, 5)
    assert outcome.left == (6,)
    assert {i: s.voices for i, s in desk.stories().items()} == {1: 2, 2: 2, 3: 1}
    groups = {i: {member.copy_group for member in story.members} for i, story in desk.stories().items()}
    assert groups == {1: {2, 6}, 2: {3, 4}, 3: {1}}, "each is named after a report that is there"
    desk.take(made((FIRE[0] + "!", FIRE[1]), 5))  # a revision that changes next to nothing
    assert desk.honours_all()
    desk.undo()
    assert desk.stories()[1].voices == 2


@pytest.mark.parametrize(
    ("work", "error", "said"),
    [
        (lambda desk: desk.merge(1, 99), NotFound, "no story 99"),
        (lambda desk: desk.merge(1, 2**80), NotFound, "there is no story"),
        (lambda desk: desk.merge(1, 1), NothingToCorrect, "one story already"),
        (lambda desk: desk.split(1, 3), NotFound, "report 3 is not in story 1"),
        (lambda desk: desk.split(1, 1, 2), NothingToCorrect, "nothing would stay"),
        (lambda desk: desk.undo(), NothingToCorrect, "no correction to undo"),
    ],
)
def test_what_cannot_be_corrected_is_said_and_changes_nothing(desk, work, error, said):
    """With the remedy."""
    state = desk.state()
    with pytest.raises(error, match=said) as raised:
        work(desk)
    assert raised.value.hint
    assert desk.state() == state


def test_what_was_forgotten_since_does_not_stop_an_undo(desk):
    """A correction whose reports have gone is taken back all the same, and those before it after that."""
    desk.merge(1, 2)
    desk.split(1, 3, 4)
    desk.split(2, 4)
    with desk.database.writing() as tx:
        forgetting.stories(tx, [2, 3])
    for _ in range(3):
        desk.undo()
    assert desk.partition() == {1: {1, 2}}


# ---- they stay ----


def test_reports_told_apart_never_come_together_again(desk):
    """Neither by a revision, nor by a copy, nor by a newcomer that resembles both."""
    desk.split(1, 2)
    desk.take(made(FIRE_LATER, 5))
    desk.take(made(FIRE, 2))  # report 2 is revised to the very words of report 1
    desk.take(made(FIRE, 6), made(FIRE_AGAIN, 7), made(FIRE_AGAIN, 1))
    assert desk.honours_all()


def test_reports_put_together_stay_together(desk):
    """Though a revision says something else altogether, and suits another story."""
    desk.merge(1, 2)
    desk.take(made(ORCHARD, 4))
    desk.take(made(BUDGET, 2), made(FIRE_LATER, 5), made(BUDGET_AGAIN, 6))
    assert desk.honours_all()
    assert {1, 2, 3, 4} <= desk.partition()[1]


def test_a_service_that_runs_obeys_at_once(desk):
    """What its linker has in memory is no older than the last correction."""
    desk.split(1, 2)
    with desk.database.writing() as tx:
        assert corrections.changes(tx) == 1
    desk.take(made(FIRE_AGAIN, 1))
    assert desk.honours_all()


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
            assert desk.take(*found) == Gain()
            assert desk.state() == state


def listed(desk: Desk) -> list[Any]:
    """All corrections."""
    with desk.database.reading() as tx:
        return corrections.listed(tx)
