"""What is known of reports from batch to batch is what a look at the database would say."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.dedup import voice
from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.feature_cache import FeatureCache
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from storage import reports
from storage.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = ("ferry", "harbour", "Tarnvik", "minister", "bridge", "Hestoy", "storm", "cheese")
COMING = st.lists(  # batches of reports: which one (again, with other words: revised), whose, what it says
    st.lists(
        st.tuples(st.integers(0, 8), st.sampled_from("AB"), st.sets(st.sampled_from(WORDS))), max_size=4
    ),
    max_size=6,
)


def _report(number: int, publisher: str, words: set[str]) -> Report:
    return Report(
        source=publisher,
        publisher=publisher,
        title=" ".join(sorted(words)),
        text="",
        language="en",
        published=NOON,
        dated=True,
        seen=NOON,
        url=f"https://example.org/{publisher}{number}",
        keys=(f"guid:{publisher}{number}",),
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=COMING)
def test_a_voice_follows_what_comes(batches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept from batch to batch, it is the one that the database gives anew: new, revised and old reports."""
    monkeypatch.setattr(voice, "REPORTS", 4)
    database, linker = Database("sqlite://"), Linker(Dedup())
    for batch in batches:
        with database.writing() as tx:
            ingest(tx, linker, [_report(*each) for each in batch], NOON)
        with database.reading() as tx:
            stored = reports.get(tx, range(1, 40)).values()
            anew = FeatureCache()
            for report in stored:
                kept, fresh = linker.known.profile(tx, report), anew.profile(tx, report)
                everything = np.unique(
                    np.concatenate([fresh.weighed.sketch.hashes, np.arange(3, dtype="u4")])
                )
                assert kept.voice.share(everything).tolist() == fresh.voice.share(everything).tolist()
    database.close()
