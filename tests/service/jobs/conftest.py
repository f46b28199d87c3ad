"""Short ticks, and nobody who complains."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from aggregator.service import jobs as subject


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch):
    """Ticks that take milliseconds."""
    monkeypatch.setattr(subject, "SHORTEST", timedelta(milliseconds=2))
    monkeypatch.setattr(subject, "LONGEST", timedelta(milliseconds=10))


@pytest.fixture(autouse=True)
def nothing_complains(caplog) -> Iterator[None]:
    """Neither APScheduler nor asyncio has anything to say, in any of these tests."""
    yield
    said = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in said if record.name != "aggregator"] == []
