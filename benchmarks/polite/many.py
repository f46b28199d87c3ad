"""A thousand feeds that are all due: the time, the processor and the memory that a poll of all takes.

Each poller has its own store, filled by a first poll that is not measured. In the second, half of the feeds
have nothing new. Both are called as people call them, from the start of the process to its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.polite.origin import address

_LOOK = 0.05  # seconds between two looks at the memory
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """What it cost, children included: seconds by the clock, seconds of processor, peak memory in MB."""

    wall: float
    processor: float
    memory: float
    said: str


def measured(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: it failed.

    """
    before, started = os.times(), time.monotonic()
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        peak = _Peak(process.pid)
        status = process.wait()
        wall = time.monotonic() - started
        memory = peak.stop()
        said.seek(0)
        text = said.read().strip()
    after = os.times()
    if status:
        sys.exit(f"{' '.join(command)}: exit status {status}\n{text[-2000:]}")
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(wall, used, memory / 1e6, text)


class _Peak:
    """Looks at the memory of a process and its children, again and again."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            self._most = max(self._most, sum(map(_resident, _family(self._pid))))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


@contextmanager
def origin(feeds: int, entries: int, latency: float) -> Iterator[tuple[int, Any]]:
    """A running origin: its port, and what begins a round."""
    command = [sys.executable, "-m", "benchmarks.polite.origin", str(feeds), str(entries), str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    given, said = process.stdin, process.stdout

    def begin(number: int) -> None:
        given.write(f"{number}\n")
        given.flush()
        said.readline()

    yield int(said.readline()), begin
    given.close()
    process.wait()


def ours(folder: Path, urls: Sequence[str]) -> list[str]:
    """The command that polls them with this project, with the shipped settings."""
    sources = [
        {"name": f"feed {number}", "url": url, "allow_private": True} for number, url in enumerate(urls)
    ]
    (folder / "many.yaml").write_text(json.dumps({"sources": sources}))
    return [sys.executable, "-m", "aggregator", "--config", str(folder / "many.yaml"), "once", "--all"]


def readers(folder: Path, urls: Sequence[str], python: str, workers: int) -> list[str]:
    """The command that polls them with `reader`."""
    store = str(folder / "reader.sqlite")
    add = (
        "import sys, reader\n"
        "made = reader.make_reader(sys.argv[1])\n"
        "for url in sys.stdin.read().split(): made.add_feed(url, exist_ok=True)\n"
    )
    subprocess.run([python, "-c", add, store], input="\n".join(urls), text=True, check=True)
    return [python, "-m", "reader", "--db", store, "update", "--no-scheduled", "--workers", str(workers)]


def run(feeds: int, entries: int, reader_python: str | None, workers: Sequence[int], latency: float) -> None:
    """Measure, and print a table in Markdown."""
    rows: list[tuple[str, Cost]] = []
    with tempfile.TemporaryDirectory() as kept, origin(feeds, entries, latency) as (port, begin):
        top = Path(kept)
        urls = [f"http://{address(number)}:{port}/feed" for number in range(feeds)]
        commands: dict[str, tuple[Path, list[str]]] = {}
        folder = top / "ours"
        folder.mkdir()
        commands["this project, `once --all`"] = folder, ours(folder, urls)
        for count in workers if reader_python else ():
            folder = top / f"reader-{count}"
            folder.mkdir()
            commands[f"`reader update --workers {count}`"] = (
                folder,
                readers(folder, urls, reader_python or "", count),
            )
        for name, (folder, command) in commands.items():
            first = measured(command, folder)
            print(f"filled: {name}: {first.wall:.0f} s; {first.said[-100:]}", file=sys.stderr)
        begin(2)
        rows = [(name, measured(command, folder)) for name, (folder, command) in commands.items()]
    _print(f"{feeds} feeds, half unchanged, each answer after {1000 * latency:.0f} ms", rows)


def _print(what: str, rows: Sequence[tuple[str, Cost]]) -> None:
    own = rows[0][1]
    print(f"| {what} | seconds | processor seconds | peak memory | seconds, of ours |")
    print("| --- | --- | --- | --- | --- |")
    for name, cost in rows:
        times = cost.wall / own.wall
        print(f"| {name} | {cost.wall:.1f} | {cost.processor:.1f} | {cost.memory:.0f} MB | {times:.1f} |")
