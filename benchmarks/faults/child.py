"""The process that is killed: the product's own command line, forked from a process that is warm.

A start takes two seconds, nearly all of it for imports; a fork takes none, and what is killed is a process of
its own all the same. Orders come by standard input, one JSON object a line; see `Order`. Answered are the
name of the child, and when it has ended its status.
"""

from __future__ import annotations

import concurrent.futures
import functools
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from aggregator import cli
from aggregator.fetch import json_lines
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits
from aggregator.service import daemon
from benchmarks.faults import planted

TOP = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds for what takes one
WRITING = (
    *("fsync", "fdatasync", "write", "rename", "renameat", "renameat2", "unlink", "unlinkat", "ftruncate"),
    *("fallocate", "fchmod", "mkdir", "mkdirat", "link", "linkat", "writev", "pwritev", "pwrite64"),
)
"""The system calls that change what is on the disk; the last one writes pages of the database."""


_END = b"end\n"
_ORDERS = io.FileIO(0, closefd=False)  # read to the end of a line and no further


class Call(NamedTuple):
    """A system call: the so-manyth of its kind, counted from 1."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Order:
    """One run of the command line.

    Attributes:
        folder: where it works; ``aggregator.yaml`` is there.
        command: its arguments.
        fault: of `planted`, if any.
        after: seconds until it is killed; None lets it end by itself.
        call: the system call on the way into which it is killed.

    """

    folder: str
    command: tuple[str, ...]
    fault: str | None = None
    after: float | None = None
    call: Call | None = None


def untraceable() -> str | None:
    """Why no process can be traced here; None where one can be."""
    if not shutil.which("strace"):
        return "needs strace"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return f"strace may not trace here: {tried.stderr.decode().strip()}" if tried.returncode else None


class Warm:
    """A warm process that gives children, as a context manager.

    Args:
        folder: an empty one, to warm up in.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=TOP,
            env=os.environ | {"PYTHONPATH": str(TOP), "OPENBLAS_NUM_THREADS": "1"},
        )
        self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(self, order: Order) -> None:
        """Begin a run; `ended` waits for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Kill the run now; `ended` is still to be asked."""
        assert self._process.stdin is not None
        self._process.stdin.write(_END)
        self._process.stdin.flush()

    def ended(self) -> int:
        """The status of the run: negative for a signal."""
        return int(self._line())

    def run(self, order: Order) -> int:
        """Begin a run and wait for its end."""
        self.start(order)
        return self.ended()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the warm process has died; what it said is above")
        return line


def main() -> None:
    """Warm up, then carry out orders until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing else gets between the answers
    _warm_up(Path(sys.argv[1]))
    print("warm", file=answers)
    while line := _ORDERS.readline():
        if line == _END:  # it had ended by itself
            continue
        given = json.loads(line)
        call = given.pop("call")
        print(_carried_out(Order(**given, call=call and Call(*call))), file=answers)


def _warm_up(folder: Path) -> None:
    """Have everything loaded that is loaded late, by a run of its own."""
    json_lines.MOST_LINES = 1  # so that short lists come in pieces too, and their places are kept
    (folder / "drop").mkdir(parents=True)
    (folder / "drop/warm.txt").write_text(
        "A warm evening in Port Sallow\n\nNobody in the harbour was cold.\n"
    )
    inbox = {"name": "Inbox", "folder": "drop"}
    (folder / "aggregator.yaml").write_text(json.dumps({"sources": [inbox], "folders": {"settle": "0s"}}))
    if _command(Order(str(folder), ("once",))) != 0:
        raise RuntimeError("the command line does not work here; what it said is above")


def _carried_out(order: Order) -> int:
    """Fork, trace or kill as ordered, and wait for the end."""
    ready, go = os.pipe()
    child = os.fork()
    if not child:
        os.close(go)
        _live(order, ready)
    os.close(ready)
    tracer = None if order.call is None else _traced(child, order.call)
    os.close(go)
    status = _awaited(child, PATIENCE if order.after is None else order.after)
    if tracer is not None:
        tracer.communicate()
    return status


def _awaited(child: int, seconds: float) -> int:
    """The status of a child that is killed when its time has come, or when told."""
    handle = os.pidfd_open(child)
    ready, _, _ = select.select([handle, _ORDERS.fileno()], [], [], seconds)
    os.close(handle)
    if handle not in ready:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _traced(child: int, call: Call) -> subprocess.Popen[bytes]:
    """Have the child killed on its way into a system call, counted in each of its threads."""
    kind = f"?{call.kind}"  # not every machine has every call
    inject = f"inject={kind}:signal=KILL:when={call.number}"
    command = ("strace", "-f", "-o", os.devnull, "-e", f"trace={kind}", "-e", inject, "-p", str(child))
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if b"attached" not in said:
        raise RuntimeError(f"strace does not trace: {said!r}")
    return tracer


def _live(order: Order, ready: int) -> None:
    """The child's whole life."""
    status = 70
    try:
        log = os.open(Path(order.folder, "log.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.read(ready, 1)  # until the pipe is closed: the tracer is there
        if order.call is not None:
            _in_turn()
        if order.fault is not None:
            planted.plant(order.fault)
        status = _command(order)
    finally:
        os._exit(status)


def _in_turn() -> None:
    """One thread writes and parses, so that every call has its turn; nothing else is traced."""

    class Parser:
        def __init__(self, *_: object, **__: object) -> None:
            self._limits = Limits(entries=1000, text=100_000, title=1000)

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            """Nothing is open."""

        async def parse(self, body: bytes, kind: str, **about: Any) -> Any:
            return parse_here(body, kind, limits=self._limits, **about)

    planted.replace(daemon, "Parser", Parser)  # a process of its own would be traced too
    one = functools.partial(concurrent.futures.ThreadPoolExecutor, max_workers=1)
    planted.replace(concurrent.futures, "ThreadPoolExecutor", one)  # asyncio takes it from here


def _command(order: Order) -> int:
    """Run the command line in this process."""
    os.chdir(order.folder)
    sys.argv = ["aggregator", "--config", "aggregator.yaml", *order.command]
    try:
        cli.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


if __name__ == "__main__":
    main()
