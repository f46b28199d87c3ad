"""One service a database: who claims it second is told who was first."""

import os
import socket
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from aggregator.errors import StoreError, StoreTaken
from storage import tenancy
from storage.database import Database
from storage.reports import count
from storage.tenancy import claim

TOP = Path(__file__).resolve().parents[2]
ME = f"on {socket.gethostname()}, process {os.getpid()}"


@pytest.fixture
def again(address):
    """The same store, opened by somebody else."""
    opened = Database(address)
    yield opened
    opened.close()


def test_the_second_is_told_who_was_first(database, again):
    """Host and process, and what to do; when the first lets go, the second may try again."""
    first = claim(database)
    with pytest.raises(StoreTaken) as caught:
        claim(again)
    assert ME in str(caught.value)
    assert "stop that one" in str(caught.value)
    first.release()
    claim(again).release()


def test_others_work_beside_it(database, again, report):
    """A claim is between services; commands read and write as ever, and open and migrate."""
    held = claim(database)
    with again.writing() as tx:
        tx.exec_driver_sql("UPDATE source SET reason = reason")
        assert count(tx) == 0
    held.keep()
    held.release()


def test_a_claim_ends_with_its_process(address):
    """Killed as hard as can be, while a child of it lives on."""
    program = f"""
        import subprocess, sys
        from storage.database import Database
        from storage.tenancy import claim
        held = claim(Database({address!r}))
        child = subprocess.Popen(["sleep", "60"])
        print(child.pid, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        child = int(process.stdout.readline())
        try:
            database = Database(address)
            with pytest.raises(StoreTaken, match=f"process {process.pid}"):
                claim(database)
            process.kill()
            process.wait()
            claim(database).release()
            database.close()
        finally:
            os.kill(child, 9)


def test_two_stores_are_two_claims(empty):
    """Each file, and each schema of one PostgreSQL database, has a service of its own."""
    with empty() as one, empty() as other:
        stores = [Database(one), Database(other)]
        claims = [claim(store) for store in stores]
        for address in (one, other):
            with closing(Database(address)) as again, pytest.raises(StoreTaken):
                claim(again)
        for each, store in zip(claims, stores, strict=True):
            each.keep()
            each.release()
            store.close()


def test_a_store_in_memory_is_nobody_elses(tmp_path, monkeypatch):
    """There is nothing to claim, and no file appears."""
    monkeypatch.chdir(tmp_path)
    database = Database("sqlite://")
    held = claim(database)
    held.keep()
    assert list(tmp_path.iterdir()) == []
    held.release()
    database.close()


def test_a_symbolic_link_is_not_followed(tmp_path):
    """Whoever may write to the folder does not make the service write elsewhere."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.db.service").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match=r"a\.db\.service"):
        claim(database)
    assert (tmp_path / "precious").read_text() == "precious"
    database.close()


def test_a_lost_connection_is_claimed_again(postgresql):
    """After the server was restarted, or has cut us off; if another one was quicker, that is said."""
    with postgresql() as address:
        first, second = Database(address), Database(address)
        held = claim(first)
        _cut_off(second)
        held.keep()
        with pytest.raises(StoreTaken, match=str(os.getpid())):
            claim(second)
        _cut_off(second)
        other = claim(second)
        with pytest.raises(StoreTaken):
            held.keep()
        with pytest.raises(StoreTaken):
            held.keep()
        other.release()
        held.keep()
        held.release()
        first.close()
        second.close()


def test_a_claim_that_was_half_taken_is_none(postgresql, monkeypatch):
    """A connection that broke before the lock was taken is not held for one that has it."""
    with postgresql() as address:
        first, second = Database(address), Database(address)
        held = claim(first)
        _cut_off(second)
        with monkeypatch.context() as patched:
            patched.setattr(tenancy, "_TAKE", "SELECT 1 / 0")
            with pytest.raises(StoreError, match="division by zero"):
                held.keep()
        held.keep()
        with pytest.raises(StoreTaken):
            claim(second)
        held.release()
        first.close()
        second.close()


def _cut_off(database: Database) -> None:
    """End every connection that holds a claim of this store."""
    with database.writing() as tx:
        tx.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
                f" AND classid = {tenancy._SERVICE}"
                " AND objid::bigint = hashtext(current_schema())::bigint & 4294967295"
            )
        )
