"""The service under a service manager: what it tells, what it is told, and that it is the only one.

The test plays the manager's part of the notify socket; no manager is started.
"""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import pytest

PATIENCE = 120.0  # seconds for what takes one, on a machine that is busy with something else
TOP = Path(__file__).resolve().parents[3]

FERRY = "The ferry Aurelia burns off Port Sallow\n\nAll 214 people aboard are saved.\n"
SEAL = "A seal sleeps in the town hall\n\nThe caretaker of Port Sallow let it lie until noon.\n"
VOTE = "The upper house votes on fish\n\nBy nine votes it raised the quota for herring.\n"


class Ear:
    """The manager's end of the socket.

    Attributes:
        heard: every datagram so far, as names and values.
    """

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.name = f"@aggregator-test-{uuid4()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:])
        self.socket.settimeout(PATIENCE)

    def until(self, word: str) -> dict[str, str]:
        """Listen until this word comes."""
        while not self.heard or word not in self.heard[-1]:
            lines = self.socket.recv(4096).decode().splitlines()
            self.heard.append(dict(line.split("=", 1) for line in lines))
        return self.heard[-1]


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    made.socket.close()


def test_a_manager_hears_of_its_whole_life(service, ear, until):
    """Ready once it works, alive after its ticks, reloading and ready again, and stopping."""
    running = service(environ={"NOTIFY_SOCKET": ear.name})
    ready = ear.until("READY")
    assert ready == {"READY": "1", "STATUS": "reading 1 source"}
    assert running.said("service.started"), "it is not ready before it works"
    assert ear.until("WATCHDOG") == {"WATCHDOG": "1"}
    running.reload({"name": "Second", "folder": "drop", "every": "1h"}, folders={"settle": "1s"})
    reloading = ear.until("RELOADING")
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert ear.until("READY")["READY"] == "1"
    assert running.stop() < PATIENCE
    assert ear.until("STOPPING")["STOPPING"] == "1"
    assert running.process.returncode == 0


def test_sources_come_and_go_while_others_go_on(service, tmp_path, origin, rss, until):
    """After a reload a new source is polled at once, one that is gone no more; a poll under way ends well."""
    origin.pages |= {"/slow": None, "/new": rss({"title": "The lighthouse of Sallow is for sale"})}
    slow = {"name": "Slow", "url": f"{origin.url}/slow", "allow_private": True}
    # Under another name: one host is asked by one at a time, also across a reload.
    elsewhere = origin.url.replace("127.0.0.1", "localhost")
    new = {"name": "New", "url": f"{elsewhere}/new", "allow_private": True}
    (tmp_path / "other").mkdir()
    other = {"name": "Other", "folder": "other", "every": "1s"}
    running = service(slow, other, fetch={"host_spacing": "0s"})
    until(lambda: len(origin.asked) == 1, "the slow poll")
    (tmp_path / "other/seal.txt").write_text(SEAL)
    running.until_said("in 1 story source=Other")
    process = running.process.pid
    running.reload(slow, new, fetch={"host_spacing": "0s", "timeout": "50s"})
    running.until_said("3 sources: 1 new, 0 changed, 1 gone")
    running.until_said("source=New")
    (tmp_path / "drop/vote.txt").write_text(VOTE)
    (tmp_path / "other/ferry.txt").write_text(FERRY)
    until((tmp_path / "drop/done/vote.txt").exists, "a file for the folder that stays")
    assert [path for path, *_ in origin.asked].count("/slow") == 1, "it was not asked again"
    assert not running.said("poll.failed")
    assert running.reports() == [
        "A seal sleeps in the town hall",
        "The lighthouse of Sallow is for sale",
        "The upper house votes on fish",
    ]
    assert (tmp_path / "other/ferry.txt").exists(), "nobody looks there any more"
    (address,) = re.findall(r"http://127\.0\.0\.1:\d+(?=/healthz)", running.log.read_text())
    counted = urlopen(f"{address}/metrics").read().decode()
    assert 'source="New"' in counted
    assert 'source="Other"' not in counted, "nor counts what it brought"
    assert running.process.pid == process
    running.stop()
    assert "Traceback" not in running.log.read_text()


def test_a_bad_configuration_is_refused(service, tmp_path):
    """Each of its faults is said with its place; the old one goes on, and the next good one is taken."""
    running = service()
    running.until_said("service.started")
    (tmp_path / "aggregator.yaml").write_text("sources:\n  - {name: A, ulr: x}\n")
    running.process.send_signal(signal.SIGHUP)
    running.until_said("reload.refused the service goes on with the configuration that it has")
    assert running.said("aggregator.yaml:2:")
    (tmp_path / "drop/ferry.txt").write_text(FERRY)
    running.until_said("1 new report")
    running.reload(log={"format": "json"}, database="sqlite:///var/other.db")
    running.until_said('"action": "reload.done"')
    held = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    assert [event["message"] for event in held if event["action"] == "reload.held"] == [
        "database has changed: that needs a restart, and stays as it is until then"
    ]
    assert not (tmp_path / "var/other.db").exists()
    assert running.stop() < PATIENCE
    assert running.process.returncode == 0


def test_the_second_service_says_so_and_stops(service, tmp_path, until):
    """It names the first one; commands beside it work as ever, and when it has gone the next one may come."""
    first = service()
    first.until_said("service.started")
    command = [sys.executable, "-m", "aggregator", "--config", "aggregator.yaml"]
    environ = os.environ | {"PYTHONPATH": str(TOP)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            check=False,
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    second = run("run")
    assert second.returncode == 1
    assert "another service works on this database: on " in second.stderr
    assert f"process {first.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert run("once", "--all").returncode == 0
    assert run("stories").returncode == 0
    first.process.kill()
    first.process.wait()
    third = service()
    third.until_said("service.started")


def test_a_closed_terminal_ends_it(service, tmp_path, until):
    """Or a service that was started by hand would live on unseen, and hold the database."""
    service().stop()  # leaves its configuration
    said, ended = tmp_path / "said.txt", tmp_path / "ended.txt"
    run = f"PYTHONPATH={TOP} {sys.executable} -m aggregator --config aggregator.yaml run 2>{said}"
    # A shell that hands the hangup on, as interactive ones do, and lives on to tell the status.
    script = f"cd {tmp_path}; {run} & trap 'kill -HUP $!' HUP; wait; wait $!; echo $? >{ended}"
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a shell cannot trap what was ignored before it began
        os.execv("/bin/sh", ["sh", "-c", script])
    try:
        until(lambda: said.exists() and "service.started" in said.read_text(), "the start")
    finally:
        os.close(terminal)
    until(lambda: ended.exists() and ended.read_text(), "its end")
    os.waitpid(child, 0)
    assert ended.read_text() == "0\n"
    assert "nothing is lost" in said.read_text().splitlines()[-1]
