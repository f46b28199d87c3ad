"""Small files, each with what it must give written at its top: one behaviour a file.

The lines above ``----`` are a sentence and the expectations, ``path: JSON``; the bytes below are what is
parsed. The suffix says what the file is; ``.feed`` is what comes over the network.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())
LIMITS = Limits(entries=100, text=10_000, title=200)


def look_up(value: Any, path: str) -> Any:
    """What stands at ``entries.0.title``; None past the end of a list."""
    for step in path.split("."):
        if isinstance(value, Sequence):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = getattr(value, step)
    return sorted(value) if isinstance(value, frozenset) else value


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample(path: Path) -> None:
    """Each sample gives what it says at its top."""
    top, _, body = path.read_bytes().partition(b"----\n")
    kind = "feed" if path.suffix == ".feed" else path.suffix
    parsed = parse_here(body, kind, limits=LIMITS, url="https://feeds.example/news/all.xml")
    expected = [line.partition(": ") for line in top.decode().splitlines() if not line.startswith("#")]
    assert expected
    for where, _, wanted in expected:
        assert as_json(look_up(parsed, where)) == json.loads(wanted), where
