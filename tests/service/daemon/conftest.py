"""A running service, as a process of its own."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[3]
PATIENCE = 120.0  # seconds for what takes one, on a machine that is busy with something else


def wait_until(true: Callable[[], Any], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.01)


class Service:
    """A running service in a folder of its own.

    Args:
        folder: where it works; it reads ``aggregator.yaml`` there.
        environ: its own variables, beside those of the tests.

    """

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aggregator", "--config", "aggregator.yaml", "run"],
                cwd=folder,
                stderr=stderr,
                env=os.environ | {"PYTHONPATH": str(TOP)} | environ,
            )

    def said(self, what: str) -> bool:
        return what in self.log.read_text()

    def until_said(self, what: str) -> None:
        wait_until(lambda: self.said(what) or self.process.poll() is not None, what)
        assert self.said(what), self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal, wait for the end; seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - began

    def reload(self, *given: dict[str, Any], **more: Any) -> None:
        """Give it another configuration."""
        configure(self.folder, *given, **more)
        self.process.send_signal(signal.SIGHUP)

    def reports(self) -> list[str]:
        """The titles in its database, sorted."""
        database = self.folder / "var/aggregator.db"
        if not database.exists():
            return []
        with contextlib.closing(sqlite3.connect(database)) as connection:
            try:
                found = connection.execute("SELECT title FROM story_reports ORDER BY title").fetchall()
            except sqlite3.OperationalError:  # it is just being made
                return []
        return [title for (title,) in found]


def configure(folder: Path, *given: dict[str, Any], **more: Any) -> None:
    """Write a configuration with a drop folder, these sources and these sections."""
    inbox = {"name": "Inbox", "folder": "drop", "every": "1s"}
    settings = {"sources": [inbox, *given], "folders": {"settle": "0s"}} | more
    (folder / "aggregator.yaml").write_text(json.dumps(settings))  # JSON is YAML


@pytest.fixture
def service(tmp_path) -> Iterator[Callable[..., Service]]:
    """Starts a service with these sources; whatever is left of it ends with the test."""
    started: list[Service] = []
    (tmp_path / "drop").mkdir()

    def start(
        *given: dict[str, Any], environ: Mapping[str, str] = MappingProxyType({}), **more: Any
    ) -> Service:
        configure(tmp_path, *given, **more)
        started.append(Service(tmp_path, dict(environ)))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def until() -> Callable[[Callable[[], Any], str], None]:
    """Waits until something is true; takes it as a function, and in words."""
    return wait_until
