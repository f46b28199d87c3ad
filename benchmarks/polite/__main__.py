"""`python -m benchmarks.polite`: two virtual days of real feeds, or with ``--many`` a thousand at once."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.polite import days, many

_LIBRARIES = ("aiohttp", "feedparser", "SQLAlchemy")
_ARCHIVE = Path(__file__).resolve().parents[3] / "shared" / "replay" / "replay.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polite", description=__doc__)
    parser.add_argument("--replay", type=Path, default=_ARCHIVE, help="the program that serves the archive")
    parser.add_argument("--hours", type=int, default=48, help="virtual hours")
    parser.add_argument("--reader", metavar="PYTHON", help="a Python that has `reader` installed")
    parser.add_argument("--many", action="store_true", help="many feeds at once, instead of two days")
    parser.add_argument("--feeds", type=int, default=1000, help="how many they are")
    parser.add_argument("--entries", type=int, default=25, help="entries a feed")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8], help="of `reader update`")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each of their answers takes")
    chosen = parser.parse_args()
    if chosen.many:
        many.run(chosen.feeds, chosen.entries, chosen.reader, chosen.workers, chosen.latency)
    else:
        days.run(chosen.replay, chosen.hours, chosen.reader)
    print(f"\n{_where(chosen.reader)}")


def _where(reader: str | None) -> str:
    """Date, machine and versions."""
    versions = [f"{name} {version(name)}" for name in _LIBRARIES]
    if reader:
        ask = "import reader; print(reader.__version__)"
        found = subprocess.run([reader, "-c", ask], capture_output=True, text=True, check=True)
        versions.append(f"reader {found.stdout.strip()}")
    machine = f"{os.cpu_count()} cores, {platform.system()}, load {os.getloadavg()[0]:.1f} at the end"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {machine}; Python {platform.python_version()}, {', '.join(versions)}"
    )


if __name__ == "__main__":
    main()
