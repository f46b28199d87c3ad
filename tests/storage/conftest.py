"""Reports for the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import Report

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def report() -> Callable[..., Report]:
    """Makes a report; what is not given is plausible."""

    def make(number: int = 1, **given: object) -> Report:
        values: dict[str, object] = {
            "source": "Harbour News",
            "publisher": "Harbour News",
            "title": f"Title {number}",
            "text": f"Text {number}.",
            "language": "en",
            "published": NOON - timedelta(minutes=number),
            "dated": True,
            "seen": NOON,
            "url": f"https://example.org/{number}",
            "authors": ("A. Writer",),
            "tags": ("sea",),
            "keys": (f"guid:Harbour News:{number}", f"url:example.org/{number}"),
        }
        return Report(**(values | given))

    return make
