"""Signatures are datasketch's; the rest of datasketch is not loaded for them."""

import subprocess
import sys

import datasketch
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedup.minhash import PERMUTATIONS, SCHEME, SEED, agreement, minhash

SETS = st.sets(st.integers(0, 2**32 - 1), max_size=50).map(lambda found: np.array(sorted(found), np.uint32))


@given(SETS)
def test_a_signature_is_what_datasketch_makes(hashes) -> None:
    """Of the same hashes, by the public class; and it agrees with itself."""
    theirs = datasketch.MinHash(num_perm=PERMUTATIONS, seed=SEED, scheme=SCHEME, hashfunc=int)
    for each in hashes.tolist():
        theirs.update(each)
    assert minhash(hashes).tolist() == theirs.hashvalues.tolist()
    assert agreement(minhash(hashes), theirs.hashvalues) == 1.0


def test_a_stored_signature_is_still_made() -> None:
    """Signatures outlive versions of datasketch: this one was made by 2.0."""
    made = minhash(np.arange(10, dtype=np.uint32))
    assert made[:4].tolist() == STORED


STORED = [214548472, 1644390130, 432229322, 194758406]


def test_scipy_is_not_loaded() -> None:
    """It takes 47 MB; and whoever wants all of datasketch afterwards gets it."""
    program = (
        "import sys, numpy\n"
        "from aggregator.dedup.minhash import _template, minhash\n"
        "import aggregator.service.daemon\n"
        "minhash(numpy.arange(9, dtype='uint32'))\n"
        "assert 'scipy' not in sys.modules and 'datasketch' not in sys.modules\n"
        "import datasketch\n"
        "assert datasketch.MinHashLSH(threshold=0.5).keys is not None and 'scipy' in sys.modules\n"
        "assert datasketch.MinHash is type(_template())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
