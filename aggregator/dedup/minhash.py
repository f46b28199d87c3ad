"""MinHash signatures (Broder 1997), made by datasketch: the share of places in which two agree estimates how
much their sets resemble each other.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from datasketch import MinHash

SCHEME: Final = "affine32"  # pinned: datasketch 2 changed its default, and stored signatures outlive it
SEED: Final = 1
PERMUTATIONS: Final = 128

Signature = npt.NDArray[np.uint32]


def minhash(hashes: npt.NDArray[np.uint32]) -> Signature:
    """The signature of a set of hashes, shape (PERMUTATIONS,)."""
    made = _template().copy()
    made.update_batch(hashes)
    signature: Signature = made.hashvalues
    return signature


def agreement(one: Signature, other: Signature) -> float:
    """Estimated Jaccard resemblance of the two sets, in [0, 1]."""
    return float(np.mean(one == other))


@functools.cache
def _template() -> MinHash:
    return _of_datasketch()(num_perm=PERMUTATIONS, seed=SEED, scheme=SCHEME, hashfunc=int)


def _of_datasketch() -> type[MinHash]:
    """`datasketch.MinHash`, where possible without the rest of the package.

    That rest is an index which is not used here, and loads SciPy for it: 47 MB and a third of a second, of a
    service that takes 200 MB. So the module is imported from a package that was found and not run; whoever
    imports datasketch afterwards gets all of it.
    """
    before, spec = sys.modules.get("datasketch"), importlib.util.find_spec("datasketch")
    if before is None and spec is not None:
        sys.modules["datasketch"] = importlib.util.module_from_spec(spec)
    try:
        found: type[MinHash] = importlib.import_module("datasketch.minhash").MinHash
    finally:
        if before is None:
            sys.modules.pop("datasketch", None)
    return found
