"""Nothing is lost when the service is killed or its power is cut, and the tests of that find planted faults.

The long form is ``python -m benchmarks.faults``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults import kills, planted, powercut
from benchmarks.faults.child import Call, Warm, untraceable
from benchmarks.faults.world import Findings

WHERE = {
    "validator before entries": "fdatasync",
    "two commits": "fdatasync",
    "feed written in place": "write",
    "file moved before the commit": "fsync",
    "no ledger": "renameat",
    "place ahead of its lines": "fdatasync",
}
"""The system call around which each fault shows itself: looked at alone, it is found soon."""

CALLS = [Call("fdatasync", 4), Call("renameat", 1), Call("fsync", 2), Call("write", 2), Call("pwrite64", 60)]


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> Iterator[Warm]:
    """Gives processes of the product that can be killed."""
    with Warm(tmp_path_factory.mktemp("warm")) as made:
        yield made


@pytest.fixture(scope="module")
def traceable() -> None:
    """System calls can be traced here."""
    if reason := untraceable():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> None:
    """A file system can be mounted here, and its power cut."""
    if reason := powercut.impossible(tmp_path_factory.mktemp("disk")):
        pytest.skip(reason)


def test_killed_at_random_moments(warm: Warm, tmp_path: Path) -> None:
    """Killed in 20 rounds of polling and dropping, nothing is lost, doubled, half written or astray."""
    tally = kills.at_random(warm, tmp_path, rounds=20, seed=20, service=False)
    assert tally.findings == Findings()
    assert tally.kills >= 10, "most runs were killed before they had ended"


def test_killed_at_a_system_call(warm: Warm, tmp_path: Path, traceable: None) -> None:
    """Killed on the way into a few of the calls that change the disk, the same holds."""
    tally = kills.at_calls(warm, tmp_path, CALLS)
    assert tally.findings == Findings()
    assert tally.kills == tally.rounds


@pytest.mark.parametrize("fault", planted.FAULTS)
def test_a_planted_fault_is_found(warm: Warm, tmp_path: Path, traceable: None, fault: str) -> None:
    """What a careless hand might have written does not get past these tests.

    In which order a run polls its sources is not fixed, and so neither is the call at which a fault shows.
    """
    calls = [Call(WHERE[fault], number) for number in range(1, 11)]
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    assert any(kills.at_calls(warm, folder, calls, fault).findings for folder in folders)


def test_power_cut(warm: Warm, tmp_path: Path, disk: None) -> None:
    """What was said to be taken is there when the power comes back."""
    assert powercut.rounds(warm, tmp_path, 3, seed=3, longest=1.5).findings == Findings()


def test_a_commit_that_is_not_synced_is_found(warm: Warm, tmp_path: Path, disk: None) -> None:
    """A database that leaves its commits to the kernel does not get past a few power cuts."""
    (fault,) = planted.UNSYNCED
    assert powercut.rounds(warm, tmp_path, 10, 3, fault, longest=1.5).findings
