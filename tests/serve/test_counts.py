"""What each source has given is counted now and then, for whoever asks meanwhile."""

from datetime import timedelta
from typing import Any

from desk import Desk
from events import BUDGET, FIRE, made
from shop import PAPER

from aggregator.serve import pages
from aggregator.serve.counts import Counted
from aggregator.serve.visitors import Visitors
from aggregator.settings import Settings
from storage import source_stats

NO_PICTURES: Any = None


def test_counts_are_a_few_minutes_old_at_the_most(database):
    desk = Desk(database)
    settings = Settings.model_validate({"database": "sqlite://", "sources": [PAPER]})
    visitors = Visitors(database, lambda: desk.now)
    served = pages.Desk(database, lambda: settings, lambda: desk.now, visitors, NO_PICTURES)
    moments = iter(range(0, 100, 2))  # it takes two seconds to count
    counts = Counted(served, source_stats.stats_by_source, lambda: next(moments))

    def given() -> int:
        with database.reading() as tx:
            return counts(tx)["Paper 0"].reports

    desk.take(made(FIRE, 0))
    assert given() == 1
    desk.take(made(BUDGET, 9, source="Paper 0"))
    assert given() == 1
    desk.now += timedelta(minutes=5)
    assert given() == 2
    desk.take(made(("Harvest", "Rain keeps the machines in their sheds."), 10, source="Paper 0"))
    desk.now -= timedelta(hours=2)
    assert given() == 3, "a clock that was set back must not keep them for hours"


def test_what_is_quick_to_count_is_fresh(database):
    """A small database shows what has just come in."""
    desk = Desk(database)
    settings = Settings.model_validate({"database": "sqlite://", "sources": [PAPER]})
    visitors = Visitors(database, lambda: desk.now)
    served = pages.Desk(database, lambda: settings, lambda: desk.now, visitors, NO_PICTURES)
    moments = iter(range(100))
    counts = Counted(served, source_stats.stats_by_source, lambda: next(moments) / 1000)
    with database.reading() as tx:
        assert counts(tx) == {}
    desk.take(made(FIRE, 0))
    with database.reading() as tx:
        assert counts(tx)["Paper 0"].reports == 1
