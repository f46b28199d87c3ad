"""Corrections: done, obeyed by all that comes later, and taken back to where one was."""

import pytest
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made

from aggregator.errors import NotFound, NothingToCorrect
from storage import corrections, history, retention, stories

ORCHARD = ("Orchard blooms early in Fenrow", "Apple trees blossom in Fenrow, said Ada Quill.")


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
        retention.stories(tx, [2, 3])
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
