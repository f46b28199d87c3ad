"""How the service says it is."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from aggregator import metrics
from aggregator.serve import health
from aggregator.serve.site import listening
from aggregator.settings import Serve


def answers(path: str, silence: timedelta | None) -> tuple[int, str, str]:
    """Status, kind and text of an answer, of a service that has been silent for so long."""

    async def go() -> tuple[int, str, str]:
        routers = [health.router(lambda: silence)]
        async with (
            listening(Serve(port=0), routers) as (address,),
            aiohttp.ClientSession() as session,
            session.get(address + path) as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("silence", "status", "said"),
    [
        (None, 503, "starting"),
        (timedelta(0), 200, "ready"),
        (health.PATIENCE, 200, "ready"),
        (health.PATIENCE + timedelta(seconds=1), 503, "no tick that the database has answered for 1m31s"),
        (timedelta(days=3), 503, "3d"),
    ],
)
def test_ready_means_that_the_database_answered_lately(silence, status, said):
    """Before the first tick, and after a long silence, it is not; and it says why."""
    found, _, text = answers("/readyz", silence)
    assert found == status
    assert said in text


def test_alive_means_that_it_answers():
    """However long the database has been silent: a restart would not bring that back."""
    assert answers("/healthz", timedelta(days=3))[0] == 200


def test_metrics_are_what_was_counted():
    """In Prometheus' own format: counts by source, scores by layer, and the process itself."""
    metrics.gained("Harbour Gazette", 3, 1, [("first", 0.1), ("story", 0.87)])
    status, kind, text = answers("/metrics", None)
    assert status == 200
    assert kind.startswith("text/plain; version=")
    assert 'aggregator_reports_total{change="new",source="Harbour Gazette"} 3.0' in text
    assert 'aggregator_reports_total{change="revised",source="Harbour Gazette"} 1.0' in text
    assert 'aggregator_verdict_score_bucket{layer="story",le="0.9"}' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text


def test_a_source_that_is_polled_no_more_is_shown_no_more():
    """Its counts go; those of others stay, and what was never counted is no error."""
    for name in ("Gone", "Here"):
        metrics.gained(name, 1, 0, [])
    metrics.forget_source("Gone")
    metrics.forget_source("Never there")
    shown = metrics.text().decode()
    assert 'source="Gone"' not in shown
    assert 'source="Here"' in shown


def test_stages_are_timed_however_they_end():
    """A stage that fails took its time too."""

    def count() -> float:
        found = metrics.REGISTRY.get_sample_value("aggregator_stage_seconds_count", {"stage": "fetch"})
        return found or 0.0

    before = count()
    with metrics.stage("fetch"):
        pass
    with pytest.raises(KeyError), metrics.stage("fetch"):
        raise KeyError
    assert count() == before + 2


def test_a_clock_that_was_set_back_makes_no_poll_early():
    """Lateness is never below nothing."""
    name = "aggregator_poll_lateness_seconds_sum"
    before = metrics.REGISTRY.get_sample_value(name) or 0.0
    metrics.late(timedelta(hours=-1))
    assert metrics.REGISTRY.get_sample_value(name) == before
