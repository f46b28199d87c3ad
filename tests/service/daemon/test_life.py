"""What the life of the service survives that nobody foresaw, in this process."""

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from aggregator.errors import StoreBusy, StoreError, StoreTaken
from aggregator.service import daemon
from aggregator.service.signals import Signals
from aggregator.settings import Settings

PATIENCE = 10.0  # seconds for what takes milliseconds


class Told(Signals):
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


def test_a_reload_gives_no_host_a_second_connection(publisher_that_waits):
    """The fetcher is made anew for other settings of `fetch`; its host's turn is still the old one's."""
    url, asked, answer, moments = publisher_that_waits

    def settings(spacing: str) -> Settings:
        return Settings.model_validate(
            {"sources": [{"name": "A", "url": url}], "fetch": {"host_spacing": spacing}}
        )

    async def run() -> bool:
        async with daemon._Tools() as tools:
            first, _ = await tools.made_for(settings("0.3"))
            polls = [asyncio.create_task(first.get(url, allow_private=True))]
            await asyncio.to_thread(asked.acquire)
            second, _ = await tools.made_for(settings("0.2"))
            polls.append(asyncio.create_task(second.get(url, allow_private=True)))
            early = await asyncio.to_thread(asked.acquire, timeout=0.1)
            answer.set()
            await asyncio.gather(*polls)
            return early

    assert not asyncio.run(run()), "while the first one was still being answered"
    _, ended, again, _ = moments
    assert again - ended >= 0.3


@pytest.fixture
def publisher_that_waits() -> Iterator[tuple[str, threading.Semaphore, threading.Event, list[float]]]:
    """A web server that counts who asks, answers when it is told to, and knows when it did either."""
    asked, answer = threading.Semaphore(0), threading.Event()
    moments: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            moments.append(time.monotonic())
            asked.release()
            answer.wait(PATIENCE)
            moments.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked, answer, moments
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_configuration_that_brings_out_a_defect_is_refused(caplog):
    """The old one goes on: a service that runs for years does not end over what a person saved just now."""

    def reread() -> Settings:
        raise RecursionError("nobody foresaw it")

    settings = Settings.model_validate({"sources": [{"name": "A", "url": "https://a.example/feed"}]})
    assert asyncio.run(daemon._reread(settings, reread)) is None
    assert "goes on with the configuration that it has" in caplog.records[-1].getMessage()
    assert caplog.records[0].exc_info
