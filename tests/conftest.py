"""What all tests share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and archived feeds beside the checkout; a user's clone has none."""
    if not SHARED.is_dir():
        pytest.skip("needs the corpora in ../shared, which stand beside the project's own checkout only")
    return SHARED
