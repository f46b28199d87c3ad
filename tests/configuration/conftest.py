"""A place where configuration files lie."""

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, with a drop folder."""
    (tmp_path / "drop").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
