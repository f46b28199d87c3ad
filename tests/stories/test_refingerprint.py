"""After an update old fingerprints are made anew, step by step, and old reports are found by new ones."""

from datetime import timedelta

import sqlalchemy as sa
from desk import partition
from events import FIRE, FIRE_AGAIN, NOON, made

from aggregator.dedup import fingerprint
from aggregator.settings import Dedup
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from aggregator.stories.refingerprint import refingerprint
from storage import schema, sketches


def test_a_report_of_an_older_version_is_found_again(database):
    """Until then it is compared with nothing; what has left the window is left alone."""
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(FIRE, 1), made(FIRE, 2, seen=NOON - timedelta(days=30))], NOON)
        tx.execute(sa.update(schema.sketch).values(recipe="of an older version"))
    linker = Linker(Dedup())
    since = NOON - timedelta(days=14)
    with database.writing() as tx:
        assert refingerprint(tx, linker, since) == 1
        assert refingerprint(tx, linker, since) == 0
        assert sketches.without(tx, fingerprint.RECIPE) == [2]
        ingest(tx, linker, [made(FIRE_AGAIN, 3)], NOON)
    assert {1, 3} <= partition(database)[1]
