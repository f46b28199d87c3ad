"""Foreign bytes at every place that eats them, for a moment; `benchmarks.faults.fuzz` does it for longer."""

import random

import pytest

from benchmarks.faults import fuzz

BODIES, MANY = 100, 2000  # of each target; of those that are quick
QUICK = ("records .json", "records .jsonl", "opml")


@pytest.mark.parametrize("name", fuzz.targets())
def test_any_bytes_end_well(name: str) -> None:
    """Whatever is done to a sample, it gives something that can be kept, or its one error."""
    feeding = fuzz.crashes(fuzz.targets()[name], random.Random(name))
    found = [
        crash for crash, _ in zip(feeding, range(MANY if name in QUICK else BODIES), strict=False) if crash
    ]
    assert found == []


def test_a_crash_is_found() -> None:
    """A target that chokes on a byte is told, with the body."""

    def eat(body: bytes) -> None:
        if b"\0" in body:
            raise ZeroDivisionError

    feeding = fuzz.crashes(fuzz.Target((b"harmless",), eat), random.Random(1))
    found = [crash for crash, _ in zip(feeding, range(1000), strict=False) if crash]
    assert found
    assert all(b"\0" in crash.body for crash in found)
