"""What the life of the service survives that nobody foresaw, in this process."""

import asyncio
from typing import Any

import pytest

from aggregator import daemon
from aggregator.errors import StoreBusy, StoreError, StoreTaken
from aggregator.orders import Orders
from aggregator.settings import Settings

PATIENCE = 10.0  # seconds for what takes milliseconds


class Told(Orders):
    """Orders that end nothing."""

    def stop(self, failure: Exception | None = None) -> None:
        self.failure = failure


@pytest.mark.parametrize("raised", [StoreBusy("away"), StoreError("no password"), KeyError("a defect")])
def test_the_claim_is_looked_after_for_ever(monkeypatch, raised, caplog):
    """Whatever a look at it raises, the next one comes: only another service ends it, and us."""
    monkeypatch.setattr(daemon, "_KEPT_EVERY", 0.0)
    looks: list[Any] = [raised, raised, StoreTaken("another service")]

    class Claim:
        def keep(self) -> None:
            raise looks.pop(0)

        def release(self) -> None:
            """Nothing is held."""

    told = Told()
    asyncio.run(asyncio.wait_for(daemon._keep(Claim(), told), PATIENCE))
    assert isinstance(told.failure, StoreTaken)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (2 if isinstance(raised, KeyError) else 0)


def test_a_configuration_that_brings_out_a_defect_is_refused(caplog):
    """The old one goes on: a service that runs for years does not end over what a person saved just now."""

    def reread() -> Settings:
        raise RecursionError("nobody foresaw it")

    settings = Settings.model_validate({"sources": [{"name": "A", "url": "https://a.example/feed"}]})
    assert asyncio.run(daemon._reread(settings, reread)) is None
    assert "goes on with the configuration that it has" in caplog.records[-1].getMessage()
    assert caplog.records[0].exc_info
