"""kill -9: at random moments, and on the way into each writing system call in turn."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.child import WRITING, Call, Warm
from benchmarks.faults.world import ONCE, SERVE, Findings, World, serving

DEPTH = 80
"""Calls of a kind that are tried, one run each; of most kinds there are fewer."""

_LONGEST = 3.0  # seconds that the service runs before it is killed


@dataclass
class Tally:
    """What came of many rounds."""

    rounds: int = 0
    kills: int = 0
    findings: Findings = field(default_factory=Findings)

    def add(self, findings: Findings, *, killed: bool) -> None:
        """One more round."""
        self.rounds += 1
        self.kills += killed
        self.findings.add(findings)


def every_call() -> Iterator[Call]:
    """Each kind in turn, and of each kind the first call, the second, and so on."""
    for kind in WRITING:
        yield from (Call(kind, number) for number in range(1, DEPTH + 1))


def at_random(warm: Warm, folder: Path, rounds: int, seed: int, *, service: bool = True) -> Tally:
    """Poll and drop, killed at random moments; the last run is left to its end.

    Args:
        warm: gives the processes.
        folder: an empty one.
        rounds: how many.
        seed: of all that is random but the machine's own pace.
        service: whether each fourth is the service, and not a single run.

    """
    tally, rng = Tally(), random.Random(seed)
    with serving() as (address, worlds):
        world = World(folder / "world", rng)
        world.settle(address)
        worlds.append(world)
        whole = _seconds_of_a_run(warm, world)
        for number in range(rounds):
            world.show()
            world.drop()
            serve = service and number % 4 == 3
            after = rng.uniform(0, _LONGEST if serve else whole)
            warm.start(world.order(SERVE if serve else ONCE, after=after))
            world.show()  # while it works
            world.drop()
            killed = warm.ended() == -signal.SIGKILL
            tally.add(world.findings(at_rest=False), killed=killed)
        to_the_end(warm, world)
        tally.findings.add(world.findings(at_rest=True))
    return tally


def at_calls(warm: Warm, folder: Path, calls: Iterable[Call], fault: str | None = None) -> Tally:
    """The same work again and again, each time killed on the way into another system call.

    After each the next list is dropped if the last one is stored, and a run is left to its end.

    Args:
        warm: gives the processes.
        folder: an empty one.
        calls: at which to kill; when one never comes, those of its kind that would come later are left out.
        fault: to be planted; it ends with the first finding.

    """
    tally, ended = Tally(), set[str]()
    with serving() as (address, worlds):
        before = World(folder / "before", random.Random(0))
        before.settle(address)
        worlds.append(before)
        before.show()
        before.drop()
        to_the_end(warm, before)
        for call in calls:
            if call.kind in ended:
                continue
            world = before.moved(folder / "world")
            worlds[:] = [world]
            if not _one_call(warm, world, call, fault, tally):
                ended.add(call.kind)
            if fault and tally.findings:
                break
            shutil.rmtree(world.folder)
    return tally


def to_the_end(warm: Warm, world: World, **more: Any) -> bool:
    """A run that ends well unless it is killed: whether it was.

    Raises:
        RuntimeError: it failed, which is neither; a fault that was planted wrong would look like one found.

    """
    status = warm.run(world.order(**more))
    if status not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a run ended with status {status}: {world.said()}")
    return status == -signal.SIGKILL


def _one_call(warm: Warm, world: World, call: Call, fault: str | None, tally: Tally) -> bool:
    """Whether the call came."""
    world.show()
    world.drop()
    killed = to_the_end(warm, world, call=call, fault=fault)
    tally.add(world.findings(at_rest=False), killed=killed)
    if killed and not tally.findings:
        world.show()
        world.drop()
        to_the_end(warm, world, fault=fault)
        tally.findings.add(world.findings(at_rest=True))
    return killed


def _seconds_of_a_run(warm: Warm, world: World) -> float:
    world.show()
    world.drop()
    began = time.monotonic()
    to_the_end(warm, world)
    return time.monotonic() - began
