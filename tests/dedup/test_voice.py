"""A publisher's voice is that of its newest reports, however they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup.voice import Voice

ALL = np.arange(12, dtype=np.uint32)
REPORT = st.sets(st.integers(0, 10)).map(lambda hashes: np.array(sorted(hashes), dtype=np.uint32))


@given(st.lists(REPORT, max_size=12), st.lists(REPORT, max_size=6), st.data())
def test_what_comes_and_goes_is_counted(before, come, data) -> None:
    """With some more, and without the oldest, it is the voice of those that are left."""
    gone = data.draw(st.integers(0, len(before) + len(come)))
    heard = [*before, *come]
    grown = Voice(before).after(come, heard[:gone])
    assert grown.share(ALL).tolist() == Voice(heard[gone:]).share(ALL).tolist()
