"""The service while its database is away, and after: a line each time it tries, and then all is taken in.

The disks and the server are real ones, made for the test and broken under the ticking service.
"""

import asyncio
import contextlib
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from aggregator.errors import StoreBusy, StoreError, StoreTaken
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.service import daemon, jobs, signals
from aggregator.settings import Settings
from benchmarks.faults import powercut
from storage import engines, tenancy
from storage.database import Database

PATIENCE = 30.0  # seconds for what takes a fraction of one

Breaks = Callable[[Path, Database], contextlib.AbstractContextManager[None]]
"""Takes the folder where everything is and the open database, and leaves it well again."""


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed try is tried again after milliseconds, and a lock is waited for as long."""
    monkeypatch.setattr(jobs, "SHORTEST", timedelta(milliseconds=2))
    monkeypatch.setattr(jobs, "LONGEST", timedelta(milliseconds=20))
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)


# ---- what breaks ----


@contextlib.contextmanager
def moved(place: Path, _: Database) -> Iterator[None]:
    """Somebody moves the database's folder away."""
    home, away = place / "var", place / "away"
    home.rename(away)
    yield
    assert not home.exists(), "a folder was made anew"
    away.rename(home)


@contextlib.contextmanager
def locked(place: Path, _: Database) -> Iterator[None]:
    """Another program is writing, and does not end."""
    with contextlib.closing(sqlite3.connect(place / "var/a.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def full(place: Path, _: Database) -> Iterator[None]:
    """The disk has no room for another byte."""
    with (place / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        for size in (2**20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(size))
    yield
    (place / "ballast").unlink()


@contextlib.contextmanager
def read_only(place: Path, database: Database) -> Iterator[None]:
    """The disk can be read, and not be written to."""
    _remount(place, "ro", database)
    yield
    _remount(place, "rw", database)


def _remount(place: Path, how: str, database: Database) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        database.engine.dispose()  # a disk with a file that is open for writing stays writable
        done = subprocess.run(["mount", "-o", f"remount,{how}", place], check=False, capture_output=True)
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.002)


class Server:
    """A PostgreSQL server of our own, on a socket that nobody else can reach.

    Args:
        programs: the folder of its programs.

    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Not below the tests' own folder: root's is closed to the server, which does not run as root.
        self.place = Path(tempfile.mkdtemp())
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.place, self._user, self._user)

    def make(self) -> None:
        """Make it, and start it."""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")
        self.start()

    def start(self) -> None:
        options = f"-F -k {self.place} -c listen_addresses=''"
        self._run("pg_ctl", "--wait", f"--log={self.place}/log", f"--options={options}", "start")

    def stop(self) -> None:
        """As hard as can be: clients hear nothing."""
        self._run("pg_ctl", "--mode=immediate", "--wait", "stop")

    def end(self) -> None:
        """Stop it, if it runs, and leave nothing."""
        if (self.place / "data/postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.place)

    @contextlib.contextmanager
    def stopped(self, _place: Path, _database: Database) -> Iterator[None]:
        """The server is stopped, and started again."""
        self.stop()
        yield
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, f"--pgdata={self.place}/data", *arguments],
            check=True,
            cwd=self.place,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            stdout=subprocess.DEVNULL,  # no pipe: the server would hold it open
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder on the disk of the tests."""
    return tmp_path


@pytest.fixture
def disk(disk: powercut.Disk) -> Path:
    """A folder on a disk of its own, which can fill up."""
    return disk.place


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    pytest.importorskip("psycopg", reason="needs the extra 'postgresql'")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        pytest.skip("needs the programs of PostgreSQL: Debian's package `postgresql`")
    made = Server(found[-1].parent)
    try:
        made.make()
        yield made
    finally:
        made.end()


# ---- and what the service makes of it ----


@pytest.mark.parametrize(
    ("where", "breaks", "said"),
    [
        pytest.param("folder", moved, r"the file has gone \(bring it back", id="folder moved"),
        pytest.param("folder", locked, r"database is locked \(.*try again", id="locked"),
        pytest.param("disk", full, r"full \(free some disk space|No space left on device", id="full disk"),
        pytest.param(
            "disk", read_only, r"readonly|unable to open|Read-only file system", id="read-only disk"
        ),
    ],
)
def test_a_database_that_goes_away_and_comes_back(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, where: str, breaks: Breaks, said: str
) -> None:
    """One line a try with what it is; the file stays where it is, and is taken when all is well again."""
    place: Path = request.getfixturevalue(where)
    assert_it_heals(place, f"sqlite:///{place}/var/a.db", breaks, caplog, said)
    with contextlib.closing(sqlite3.connect(place / "var/a.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_server_that_is_stopped_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, server: Server
) -> None:
    """The same of PostgreSQL; while it starts it says that it does, and that is waited for too."""
    address = f"postgresql://postgres@/postgres?host={server.place}"
    away = r"Is the server running|terminating connection|server closed|starting up|shutting down|recovery"
    assert_it_heals(tmp_path, address, server.stopped, caplog, away)


def test_a_service_keeps_its_claim_until_another_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database refuses, whatever it says, it is asked for again; once it is lost, all ends."""
    refusals = [
        StoreBusy("the server is away"),
        StoreError("no such role"),
        StoreTaken("another works on it"),
    ]
    claim = Mock(keep=Mock(side_effect=refusals))
    monkeypatch.setattr(tenancy, "claim", lambda database: claim)
    monkeypatch.setattr(daemon, "_KEPT_EVERY", 0.002)
    monkeypatch.setattr(signals, "_STOPPING", 3600.0)  # it would cut off the tests
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{tmp_path}/a.db",
            "sources": [{"name": "Inbox", "folder": tmp_path}],
            "publish": {"directory": tmp_path / "feeds"},
            "serve": {"enabled": False},
        }
    )
    with pytest.raises(StoreTaken):
        asyncio.run(asyncio.wait_for(daemon.run(settings, lambda: settings), PATIENCE))
    assert claim.keep.call_count == len(refusals)
    assert claim.release.called


def assert_it_heals(
    place: Path, address: str, breaks: Breaks, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    """One report before, one that is dropped while it is broken and taken after; and only such lines."""
    inbox = place / "drop"
    inbox.mkdir()
    settings = Settings.model_validate(
        {
            "database": address,
            "sources": [{"name": "Inbox", "folder": inbox, "every": "1s"}],
            "folders": {"settle": "0s"},
            "publish": {"directory": place / "feeds"},
        }
    )

    async def work() -> None:
        async with contextlib.AsyncExitStack() as closing:
            database = Database(settings.database)
            closing.callback(database.close)
            fetcher = await closing.enter_async_context(Fetcher(settings.fetch, "1"))
            parser = await closing.enter_async_context(Parser(settings.parse))
            ticks = jobs.Jobs(Pipeline(settings, database, fetcher, parser, now), now)
            ticks.start()
            closing.push_async_callback(ticks.stop)
            (inbox / "ferry.txt").write_text("The ferry Aurelia burns\n\nAll 214 people aboard are saved.\n")
            await until(lambda: "Aurelia" in published(place))
            (place / "comet.txt").write_text("The comet Brandt returns\n\nIt was last seen 76 years ago.\n")
            (place / "comet.txt").rename(inbox / ".comet.txt")  # files with a dot are not looked at
            with breaks(place, database):
                with contextlib.suppress(OSError):  # where nothing can be written it comes afterwards
                    (inbox / ".comet.txt").rename(inbox / "comet.txt")
                before = len(tries(caplog))
                await until(lambda: len(tries(caplog)) >= before + 3)
                assert not (inbox / "done/comet.txt").exists()
                assert "Brandt" not in published(place)
            with contextlib.suppress(FileNotFoundError):
                (inbox / ".comet.txt").rename(inbox / "comet.txt")
            await until(lambda: "Brandt" in published(place))
            await until((inbox / "done/comet.txt").exists)

    asyncio.run(work())
    assert [line for line in tries(caplog) if not re.search(said, line)] == []
    assert all(line.isprintable() and line.endswith(")") for line in tries(caplog)), "with a remedy"
    assert all(record.exc_info is None for record in caplog.records)


def tries(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was complained of."""
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def published(place: Path) -> str:
    """The feed, as it is now."""
    file = place / "feeds/all.rss"
    return file.read_text() if file.exists() else ""


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - of files and lines, which send no event
            await asyncio.sleep(0.005)


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)
