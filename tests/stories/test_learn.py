"""It learns from corrections: what people put together and took apart moves the weights, within reason."""

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from desk import Desk
from events import made
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedup.learning import FEWEST, Lesson, agreeing, cross_validated, fit
from aggregator.dedup.verdict import TERMS, shipped_model
from aggregator.errors import NothingToLearn
from aggregator.settings import Dedup
from aggregator.stories import learnt_weights
from aggregator.stories.learn import learn, lessons
from aggregator.stories.linker import Linker
from storage import stories

BAR = math.log(0.6 / 0.4)
NEAR = np.zeros((1, len(TERMS)))
NEAR[0, :3] = 0.5, 0.3, 0.3  # alike, and well below the bar


def lesson(number: int, *, same: bool, terms: Any = NEAR) -> Lesson:
    return Lesson(number, same, terms)


def test_what_people_put_together_is_put_together():
    """A few like corrections bring such pairs over the bar; one alone does not."""
    prior = shipped_model()
    assert agreeing([lesson(1, same=True)], prior, BAR) == 0
    one = fit([lesson(1, same=True)], prior)
    many = fit([lesson(n, same=True) for n in range(12)], prior)
    shown = [lesson(0, same=True).log_odds(model) for model in (prior, one, many)]
    assert shown == sorted(shown)
    assert shown[1] < BAR < shown[2]


def test_what_people_took_apart_is_kept_apart():
    """The same the other way round."""
    prior = shipped_model()
    strong = np.zeros((1, len(TERMS)))
    strong[0, :3] = 0.8, 0.7, 0.6
    told = [lesson(n, same=False, terms=strong) for n in range(30)]
    assert agreeing(told, prior, BAR) == 0
    assert agreeing(told, fit(told, prior), BAR) == 30


@given(copies=st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_a_correction_counts_once_however_many_reports_it_was_about(copies: int) -> None:
    """Or one merge of two large stories would outvote all others."""
    small = fit([lesson(1, same=True)], shipped_model())
    large = fit([lesson(1, same=True, terms=np.repeat(NEAR, copies, axis=0))], shipped_model())
    assert np.allclose(small.weights, large.weights)


def test_what_is_left_out_is_not_known():
    """One lesson that no other one is like does not teach itself."""
    alone = np.zeros((1, len(TERMS)))
    alone[0, TERMS.index("title")] = 1.0
    told = [lesson(1, same=True, terms=alone), *(lesson(n, same=False, terms=-NEAR) for n in range(2, 9))]
    assert cross_validated(told, shipped_model(), BAR) == 7


# ---- from an archive ----


def words(rng: random.Random, count: int) -> list[str]:
    """Made-up words."""
    syllables = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu")
    return ["".join(rng.choices(syllables, k=4)) for _ in range(count)]


def pair(rng: random.Random, *, common: int, title: bool) -> list[tuple[str, str]]:
    """Two reports of thirty words each, of which so many are in both texts, and half of the title or not."""
    shared, head = words(rng, common), words(rng, 3 * title)
    return [
        (" ".join([*head, *words(rng, 6 - len(head))]), " ".join([*shared, *words(rng, 30 - common)]))
        for _ in range(2)
    ]


@pytest.fixture
def taught(database) -> Desk:
    """Six merges of reports under alike titles, and six splits of reports that share most of their texts."""
    desk, rng, number = Desk(database), random.Random(7), 0
    for kind in range(12):
        reports = pair(rng, common=0 if kind < 6 else 21, title=kind < 6)
        desk.take(*(made(each, number + n) for n, each in enumerate(reports)))
        ids = [number + 1, number + 2]
        with database.reading() as tx:
            where = stories.of_reports(tx, ids)
        if kind < 6 and where[ids[0]] != where[ids[1]]:
            desk.merge(*where.values())
        if kind >= 6 and where[ids[0]] == where[ids[1]]:
            desk.split(where[ids[0]], ids[1])
        number += 2
    return desk


def test_an_archive_teaches(taught):
    """What was learnt agrees better with what it has not seen, and decides once it is kept."""
    with taught.database.reading() as tx:
        found = learn(tx, Linker(Dedup()))
    assert found.together + found.apart >= FEWEST
    assert found.left_out > found.shipped
    title, text = TERMS.index("title"), TERMS.index("words")
    moved = found.model.weights - shipped_model().weights
    assert moved[title] > 0 > moved[text]
    rng = random.Random(99)
    reports = pair(rng, common=21, title=False)
    before = [_together(taught, reports, 100)]
    with taught.database.writing() as tx:
        learnt_weights.keep(tx, found.model)
    before.append(_together(taught, pair(rng, common=21, title=False), 200))
    with taught.database.writing() as tx:
        learnt_weights.keep(tx, None)
    before.append(_together(taught, pair(rng, common=21, title=False), 300))
    assert before == [True, False, True]


def _together(desk: Desk, reports: list[tuple[str, str]], number: int) -> bool:
    """Whether the service, which was running all along, puts two new reports into one story."""
    new = desk.take(*(made(each, number + n) for n, each in enumerate(reports))).new
    with desk.database.reading() as tx:
        return len(set(stories.of_reports(tx, new).values())) == 1


def test_what_was_undone_teaches_nothing(taught):
    """Nor does what a newer correction has overruled."""
    with taught.database.reading() as tx:
        before = [each.correction for each in lessons(tx, Linker(Dedup()))]
    taught.undo()
    with taught.database.reading() as tx:
        after = [each.correction for each in lessons(tx, Linker(Dedup()))]
    assert after == before[:-1]


def test_too_few_teach_nothing(database):
    """It says so, and how many it takes."""
    with database.reading() as tx, pytest.raises(NothingToLearn, match=f"too early.*{FEWEST} are needed"):
        learn(tx, Linker(Dedup()))


def test_weights_for_other_terms_are_left_alone(database):
    """After an update that has another signal the shipped weights decide again."""
    from storage import meta

    with database.writing() as tx:
        learnt_weights.keep(tx, shipped_model())
        kept = json.loads(meta.read(tx, meta.WEIGHTS) or "")
        assert learnt_weights.read(tx) is not None
        del kept["weights"]["words"]
        meta.keep(tx, meta.WEIGHTS, json.dumps(kept))
        assert learnt_weights.read(tx) is None
