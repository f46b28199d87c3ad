"""Two ways in: a feed and a drop folder."""

import pytest
from workbench import Bench


@pytest.fixture
def feed(tmp_path, origin) -> Bench:
    """A bench with one feed, at /a."""
    return Bench(tmp_path, {"name": "A", "url": f"{origin.url}/a", "allow_private": True})


@pytest.fixture
def inbox(tmp_path) -> Bench:
    """A bench with one drop folder."""
    (tmp_path / "drop").mkdir()
    return Bench(tmp_path, {"name": "Inbox", "folder": tmp_path / "drop"})
