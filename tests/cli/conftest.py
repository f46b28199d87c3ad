"""The command line in a folder with a configuration and a drop folder, and with stories in its database."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN
from prepared import configure, drop


@pytest.fixture
def aggregator(aggregator, tmp_path, monkeypatch) -> Callable[..., Any]:
    """The same, with a configuration and a drop folder."""
    monkeypatch.setenv("AGGREGATOR_CONFIG", "a.yaml")
    (tmp_path / "drop").mkdir()
    configure(tmp_path)
    return aggregator


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Path:
    """What `told` needs a second to make."""
    return tmp_path_factory.mktemp("told")


@pytest.fixture
def told(aggregator, tmp_path, kept) -> Callable[..., Any]:
    """The same, with a story of two reports (1 and 2) and one of a single report (3)."""
    if (kept / "var").exists():
        shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
        return aggregator
    drop(FIRE, FIRE_AGAIN, BUDGET)
    done = aggregator("once")
    assert (done.status, done.err) == (0, "")
    assert done.out == "1 source polled: 3 new reports, 0 revised, in 2 stories\n"
    shutil.copytree(tmp_path, kept, dirs_exist_ok=True)
    return aggregator
