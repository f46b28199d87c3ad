"""What corrections mean: the newest counts, together is transitive, apart stays apart, ids come back."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup.corrections import constraints, deciding, honoured, keep_ids, overruled, part, settle
from aggregator.model import Correction, Side

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def said(what: str, *sides: Collection[int], number: int = 1) -> Correction:
    """A correction about these reports."""
    made = tuple(Side(story, f"S{story}", frozenset(reports)) for story, reports in enumerate(sides, 1))
    return Correction(number, NOON, what, 1, made)


UNDONE = replace(said("merge", {1}, {2}), undone=NOON)


@pytest.mark.parametrize(
    ("corrections", "together", "apart"),
    [
        ([], [], []),
        ([UNDONE], [], []),
        ([said("merge", {1}, {2, 3})], [{1, 2, 3}], []),
        ([said("merge", {1}, {2}), said("merge", {2, 1}, {3})], [{1, 2, 3}], []),
        ([said("split", {1, 2}, {3})], [], [(1, 3), (2, 3)]),
        ([said("split", {1}, {3, 4})], [{3, 4}], [(1, 3), (1, 4)]),
        ([said("merge", {1}, {2, 3}), said("split", {1, 2}, {3})], [{1, 2}], [(1, 3), (2, 3)]),
        ([said("split", {1, 2}, {3}), said("merge", {1, 2}, {3})], [{1, 2, 3}], []),
        ([said("split", {1, 2}, {3}), said("merge", {1}, {3})], [{1, 3}], [(2, 3)]),
        ([said("split", {1}, {2}), said("merge", {2}, {3})], [{2, 3}], [(1, 2)]),
    ],
)
def test_the_newest_correction_counts(corrections, together, apart):
    """Of what two corrections say about the same reports, the newer holds, and the rest of the older."""
    found = constraints(corrections)
    assert set(found.together.values()) == {frozenset(group) for group in together}
    pairs = {(min(a, b), max(a, b)) for a, others in found.apart.items() for b in others}
    assert pairs == set(apart)


def test_what_decides_of_two_reports_is_named():
    """The newest correction in force that says something of both."""
    merged, split = said("merge", {1}, {2, 3}), said("split", {1, 2}, {3, 4}, number=2)
    assert deciding([merged, split], 1, 2) == (merged, True)
    assert deciding([merged, split], 1, 3) == (split, False)
    assert deciding([merged, split], 3, 4) == (split, True)
    assert deciding([merged, split], 1, 5) is None
    assert deciding([merged, split], 1, 1) is None
    assert deciding([UNDONE], 1, 2) is None


@pytest.mark.parametrize(
    ("older", "newest", "contradicts"),
    [
        (said("merge", {1}, {2}), said("split", {1}, {2}), True),
        (said("merge", {1}, {2}), said("split", {1, 2}, {3}), False),
        (said("split", {1}, {2}), said("merge", {1}, {2}), True),
        (said("split", {1}, {2}), said("merge", {1}, {3}), False),
        (said("merge", {1}, {2}), said("merge", {1, 2}, {3}), False),
        (UNDONE, said("split", {1}, {2}), False),
    ],
)
def test_what_is_overruled_is_told(older, newest, contradicts):
    """Only a correction in force that says something else of the same reports."""
    assert overruled([older], newest) == ([older] if contradicts else [])


@pytest.mark.parametrize(
    ("out", "rest", "claims", "ids"),
    [
        ({3}, {1, 2}, {}, (1, None, ())),
        ({3, 4}, {1, 2}, {1: {1, 2}, 7: {3, 4}}, (1, 7, ())),
        ({1, 2}, {3, 4}, {1: {1, 2}, 7: {3, 4}}, (7, 1, ())),
        ({3}, {1, 2, 4}, {1: {1, 2}, 7: {3, 4}}, (1, None, ())),
        ({3, 4, 5}, {1, 2}, {1: {1, 2}, 7: {3, 4}, 9: {3}}, (1, 7, (9,))),
        ({3}, {1, 2}, {9: {3}}, (1, 9, ())),
        ({1}, {2, 3}, {1: {1, 2}, 7: {3}}, (1, None, ())),
    ],
)
def test_a_part_that_is_all_of_an_older_story_gets_its_id_back(out, rest, claims, ids):
    """So a merge and then a split is where one was; every other part gets a new id."""
    found = part(1, frozenset(out), frozenset(rest), {i: frozenset(c) for i, c in claims.items()})
    assert (found.remaining, found.split_off, found.led) == ids


def test_ids_stay_where_most_reports_are():
    """Of two stories that became one the larger gives the id, of one that became two the larger keeps it."""
    before = {1: 10, 2: 10, 3: 10, 4: 20, 5: 30, 6: 30}
    after = [frozenset({1, 2, 4}), frozenset({3, 7}), frozenset({5, 6})]
    assert keep_ids(before, after) == ([10, None, 30], {20: 0})


reports = st.integers(1, 9)
partitions = st.dictionaries(reports, st.integers(1, 4), min_size=9)


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[int, int], list[Correction]]:
    """Stories that a person merges and splits, as they stand at the end, and what was said on the way."""
    present = dict(draw(partitions))
    listed: list[Correction] = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        sides = {story: {r for r, of in present.items() if of == story} for story in set(present.values())}
        one = draw(st.sampled_from(sorted(sides)))
        other = draw(st.sampled_from(sorted(sides)))
        if one != other:
            listed.append(said("merge", sides[one], sides[other], number=number))
            present |= dict.fromkeys(sides[other], one)
        elif len(sides[one]) > 1:
            out = draw(st.sets(st.sampled_from(sorted(sides[one])), min_size=1, max_size=len(sides[one]) - 1))
            listed.append(said("split", sides[one] - out, out, number=number))
            present |= dict.fromkeys(out, max(present.values()) + 1)
    return present, listed


@given(history=histories(), found=partitions)
def test_any_partition_can_be_put_right(history, found):
    """Whatever a method finds: afterwards all is together that was said to be, and apart likewise."""
    present, listed = history
    settled = settle(found, present, constraints(listed))
    assert settled.keys() == found.keys()
    for kind in ("together", "apart"):
        held, of = honoured(settled, listed)[kind]
        assert held == of
    for group in constraints(listed).together.values():
        assert len({settled[report] for report in group}) == 1


@given(history=histories())
def test_what_a_person_made_is_right_already(history):
    """Stories as they stand honour everything, and are not touched."""
    present, listed = history
    assert settle(present, present, constraints(listed)) == present


def test_what_nobody_named_goes_with_those_it_sits_with():
    """A story that is taken apart is taken apart along the stories that stand."""
    present = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2}
    found = settle(dict.fromkeys(present, 8), present, constraints([said("split", {1}, {4})]))
    groups = {frozenset(r for r in found if found[r] == story) for story in found.values()}
    assert groups == {frozenset({1, 2, 3}), frozenset({4, 5})}


def test_a_free_partition_is_scored_by_pairs():
    """Pairs across the sides of what is in force, as far as the partition knows the reports."""
    listed = [said("merge", {1, 2}, {3}), said("split", {4}, {5, 6}), UNDONE]
    found = honoured({1: 1, 2: 1, 3: 2, 4: 3, 5: 3}, listed)
    assert found == {"together": (0, 2), "apart": (0, 1)}
    assert honoured({1: 1, 2: 2, 3: 2, 4: 3, 5: 4, 6: 3}, listed) == {"together": (1, 2), "apart": (1, 2)}
