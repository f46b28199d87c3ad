"""Print what was lost, doubled and half written: ``python -m benchmarks.faults``."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.faults import kills, planted, powercut
from benchmarks.faults.child import Call, Warm, untraceable
from benchmarks.faults.kills import Tally

_HEAD = ("how", "rounds", "kills", "lost", "doubled", "half-written", "astray")
_CUTS_TO_FIND = 10

Run = Callable[[Path], Tally]
Result = TypeVar("Result")


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Rounds of kill -9 at random moments.")
@click.option("--cuts", default=40, show_default=True, help="Rounds of the power cut.")
@click.option("--seed", default=1, show_default=True, help="Of all that is random but the machine's pace.")
def main(rounds: int, cuts: int, seed: int) -> None:
    """Kill the service in every way there is, look at what it left, and test the tests."""
    traced, mounted = untraceable(), _with_a_folder(powercut.impossible)
    for reason in filter(None, (traced, mounted)):
        click.echo(f"left out: {reason}", err=True)
    good = True
    with tempfile.TemporaryDirectory() as folder, Warm(Path(folder, "warm")) as warm:
        _say(_HEAD)
        _say(["---"] * len(_HEAD))
        for name, run in _runs(warm, rounds, cuts, seed, traced=not traced, mounted=not mounted):
            tally = _with_a_folder(run)
            good &= not tally.findings
            _say((name, *_figures(tally)))
        click.echo()
        _say(("planted fault", "found by", "in round", "as"))
        _say(["---"] * 4)
        for name, how, find in _searches(warm, seed, traced=not traced, mounted=not mounted):
            tally = _with_a_folder(find)
            good &= bool(tally.findings)
            first = next(iter(tally.findings.all()), "**not found**")
            _say((name, how, str(tally.rounds), first))
    click.echo(f"\n{datetime.now(UTC).date()}; {_machine()}")
    sys.exit(not good)


def _runs(
    warm: Warm, rounds: int, cuts: int, seed: int, *, traced: bool, mounted: bool
) -> Iterator[tuple[str, Run]]:
    """What is done to the product as it is."""
    yield "kill -9 at random moments", lambda folder: kills.at_random(warm, folder, rounds, seed)
    if traced:
        calls = list(kills.every_call())
        yield f"kill -9 at each writing system call, to depth {kills.DEPTH}", _at(warm, calls)
    if mounted:
        yield "power cut", lambda folder: powercut.rounds(warm, folder, cuts, seed)


def _searches(warm: Warm, seed: int, *, traced: bool, mounted: bool) -> Iterator[tuple[str, str, Run]]:
    """What is done to the product with a fault in it."""
    if traced:
        calls = list(kills.every_call())
        for fault in planted.FAULTS:
            yield fault, "kill at each call", _at(warm, calls, fault)
    if mounted:
        for fault in planted.UNSYNCED:
            yield fault, "power cut", _cut(warm, seed, fault)


def _at(warm: Warm, calls: list[Call], fault: str | None = None) -> Run:
    return lambda folder: kills.at_calls(warm, folder, calls, fault)


def _cut(warm: Warm, seed: int, fault: str) -> Run:
    return lambda folder: powercut.rounds(warm, folder, _CUTS_TO_FIND, seed, fault)


def _figures(tally: Tally) -> Iterator[str]:
    found = tally.findings
    for each in (tally.rounds, tally.kills, *map(len, (found.lost, found.doubled, found.half, found.astray))):
        yield str(each)
    for said in found.all():
        click.echo(f"  {said}", err=True)


def _with_a_folder(work: Callable[[Path], Result]) -> Result:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = work(Path(folder))
    click.echo(f"  {time.monotonic() - began:.0f} s", err=True)
    return done


def _say(cells: Iterable[str]) -> None:
    click.echo(f"| {' | '.join(cells)} |")


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    main()
