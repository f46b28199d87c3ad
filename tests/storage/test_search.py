"""Search finds what is there, in step with all that changes, on either database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, NOON, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.model import Enclosure, Media, Query
from aggregator.query import parse
from storage import corrections, reports, retention, search, stories

CHINESE = ("渡轮在港口外起火", "星期四夜间，渡轮“奥蕾莉亚”号在萨洛港外两海里处起火，全部二百一十四人获救。")


@pytest.fixture
def desk(database) -> Desk:
    """Story 1 of a fire, by two papers; story 2 of a budget, by two; story 3 in Chinese."""
    found = Desk(database)
    shown = Media("https://a.example/p.jpg")
    found.take(made(FIRE, 0, tags=("Sea",), media=shown), made(FIRE_AGAIN, 1))
    heard = Media(enclosures=(Enclosure("https://a.example/e.mp3"),))
    found.take(made(BUDGET, 2), made(BUDGET_AGAIN, 3, media=heard))
    found.take(made(CHINESE, 4, language="zh"))
    return found


def ask(desk: Desk, written: str, limit: int = 9) -> list[int]:
    with desk.database.reading() as tx:
        return search.matching(tx, parse(written, desk.now), limit)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", [3, 2, 1]),
        ("ferry", [1]),
        ("FERRY aurelia", [1]),
        ('"coastguard boats"', [1]),
        ('"boats coastguard"', []),
        ("ferry budget", []),
        ("tag:SEA", [1]),
        ("tag:land", []),
        ('source:"Paper 2"', [2]),
        ('publisher:"paper 2"', [2]),
        ('ferry source:"Paper 2"', []),
        ("lang:zh", [3]),
        ("lang:en", [2, 1]),
        ("voices:2", [2, 1]),
        ("voices:>2", []),
        ("has:image", [1]),
        ("has:files", [2]),
        ("has:files has:image", []),
        ("-ferry", [3, 2]),
        ("lang:en -ferry", [2]),
        ("aurelia -harbour", []),
        ("since:2026-11-20T12:02", [3, 2]),
        ("before:2026-11-20T12:02", [1]),
        ("起火", [3]),
        ("萨洛港外", [3]),
        ("渡轮 ferry", []),
        ("火 tag:sea", []),
    ],
)
def test_what_is_asked_for_is_found(desk, written, expected):
    """All of it: words in one report, filters, and what must not be there in any."""
    assert ask(desk, written) == expected


def test_a_match_in_a_title_comes_first(desk):
    """However new the others are."""
    desk.take(made(("Divers look at a hull", "It is the hull of the ferry Aurelia, they said."), 5))
    with desk.database.reading() as tx:
        newest = stories.recent(tx)[0]
    assert newest != 1
    assert ask(desk, "aurelia") == [1, newest]
    assert ask(desk, "aurelia", limit=1) == [1]


def test_it_keeps_in_step(desk):
    """With new words of a report, with merges, and with what is forgotten."""
    with desk.database.writing() as tx:
        old = reports.get(tx, [1])[1]
        reports.revise(tx, old, made(("Zeppelin lands at Port Sallow", "It was blue."), 0), NOON)
    assert ask(desk, "zeppelin") == [1]
    assert ask(desk, '"coastguard boats"') == []
    desk.merge(2, 1)
    assert ask(desk, "zeppelin") == [2]
    with desk.database.writing() as tx:
        retention.texts(tx, NOON + timedelta(days=1), NOON, 99)
    assert ask(desk, "blue") == []
    with desk.database.writing() as tx:
        retention.stories(tx, [2, 3])
        assert corrections.listed(tx)
    assert ask(desk, "") == []
    assert ask(desk, "zeppelin") == []


@given(written=st.text(max_size=40), word=st.text(min_size=1, max_size=20))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it is only read
)
def test_nothing_that_is_typed_is_an_operator(desk: Desk, written: str, word: str) -> None:
    """Whatever stands in a query is looked for, and breaks nothing."""
    word = word.replace("\x00", "").encode("utf-8", "ignore").decode()
    with desk.database.reading() as tx:
        for query in (Query(words=(word or "x",)), Query(words=("ferry",), without=(word or "x",))):
            assert set(search.matching(tx, query, 9)) <= {1, 2, 3}


@pytest.mark.parametrize(
    "typed", ['"', "' OR 1=1 --", "ferry* OR budget", "NEAR(a b)", "title:ferry", "^ferry", "%", "_"]
)
def test_operators_of_the_databases_are_words(desk: Desk, typed: str, report: Callable[..., Any]) -> None:
    """Of FTS5, of SQL, of LIKE: none is obeyed."""
    with desk.database.reading() as tx:
        assert search.matching(tx, Query(words=(typed, "nowhere")), 9) == []
