"""What a service manager hears; the test holds its end of the socket."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from aggregator.service.notify import Manager


@contextlib.contextmanager
def hearing(address: str) -> Iterator[socket.socket]:
    """The manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.setblocking(False)
        yield ear


@pytest.mark.parametrize("abstract", [False, True])
def test_each_word_is_one_datagram(tmp_path, abstract):
    """As sd_notify(3) has it, at a path or in the abstract name space."""
    name = f"{tmp_path}/notify" if not abstract else f"@aggregator-test-{uuid4()}"
    with hearing(f"\0{name[1:]}" if abstract else name) as ear:
        manager = Manager({"NOTIFY_SOCKET": name})
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        manager.ready("reading 3 sources")
        manager.alive()
        manager.reloading()
        manager.stopping()
        heard = [ear.recv(4096).decode().splitlines() for _ in range(4)]
    assert heard[0] == ["READY=1", "STATUS=reading 3 sources"]
    assert heard[1] == ["WATCHDOG=1"]
    assert heard[2][0] == "RELOADING=1"
    name, _, moment = heard[2][1].partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert heard[3][0] == "STOPPING=1"


def test_a_status_is_one_line(tmp_path):
    """Nothing that is in it can be taken for another word."""
    with hearing(f"{tmp_path}/notify") as ear:
        Manager({"NOTIFY_SOCKET": f"{tmp_path}/notify"}).ready("one\nSTOPPING=1")
        assert len(ear.recv(4096).decode().splitlines()) == 2


def test_without_a_manager_nothing_happens(caplog):
    """In a terminal, or in a container: nothing is sent, and nothing is complained of."""
    for environ in ({}, {"NOTIFY_SOCKET": ""}):
        Manager(environ).ready("fine")
    assert caplog.records == []


def test_a_manager_that_is_gone_is_said_once(tmp_path: Path, caplog):
    """The service goes on without it."""
    manager = Manager({"NOTIFY_SOCKET": f"{tmp_path}/nobody"})
    for _ in range(3):
        manager.alive()
    assert [record.action for record in caplog.records] == ["notify.failed"]


def test_a_manager_that_does_not_listen_holds_nobody_up(tmp_path):
    """A full socket drops the word; it does not block the service."""
    with hearing(f"{tmp_path}/notify") as ear:
        manager = Manager({"NOTIFY_SOCKET": f"{tmp_path}/notify"})
        for _ in range(3000):
            manager.alive()
        heard = 0
        with contextlib.suppress(BlockingIOError):
            while ear.recv(4096) == b"WATCHDOG=1":
                heard += 1
    assert 0 < heard < 3000
