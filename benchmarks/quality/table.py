"""The figures as Markdown."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.quality.kept import Kept
from benchmarks.quality.others import METHODS, Figures
from benchmarks.quality.rows import Row
from benchmarks.quality.streams import Noise

BEGIN, END = "<!-- output: begin -->", "<!-- output: end -->"
NOISE_SHARE, NOISE_LOSS, ORDER_SPREAD = 0.001, 0.02, 0.01  # the most that is asked of us


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table and its figures; ours are None where only the others ran."""

    row: Row
    reports: int
    stories: int
    ours: Figures | None
    others: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Order:
    """B-cubed F1 of a corpus in the file's order and in shuffled ones."""

    name: str
    as_filed: float
    shuffled: Sequence[float]

    @property
    def spread(self) -> float:
        """From the worst shuffled order to the best."""
        return max(self.shuffled) - min(self.shuffled)


def quality(lines: Iterable[Line]) -> str:
    """Ours, and the F1 of the others beside it."""
    head = ["corpus", "reports / stories", "ours: precision", "recall", "F1", "asked", "reports/s"]
    return _table([*head, *(f"{name} F1" for name in METHODS)], [_quality(line) for line in lines])


def _quality(line: Line) -> list[str]:
    asked = f"{line.row.f1:.3f}" + (f", recall {line.row.recall:.2f}" if line.row.recall else "")
    ours = ["–"] * 3 + [asked, "–"]
    if line.ours is not None:
        met = line.ours.f1 >= line.row.f1 and line.ours.recall >= line.row.recall
        f1 = f"**{line.ours.f1:.3f}**" + ("" if met else " (missed)")
        ours = [_share(line.ours.precision), _share(line.ours.recall), f1, asked, f"{line.ours.pace:.0f}"]
    others = [_share(line.others[name].f1) if name in line.others else "–" for name in METHODS]
    return [line.row.name, f"{line.reports} / {line.stories}", *ours, *others]


def details(lines: Iterable[Line]) -> str:
    """Each of the others in full."""
    head = ["corpus", "method", "its best bar", "precision", "recall", "F1", "reports/s"]
    rows = [_detail(line.row.name, name, figures) for line in lines for name, figures in line.others.items()]
    return _table(head, rows)


def _detail(row: str, name: str, figures: Figures) -> list[str]:
    shares = [_share(figures.precision), _share(figures.recall), _share(figures.f1)]
    return [row, name, figures.setting, *shares, f"{figures.pace:.0f}"]


def noise(found: Mapping[str, Noise]) -> str:
    """How many foreign items join labelled stories, and what they cost."""
    head = ["noise", "joined", "asked", "F1 alone", "F1 in noise", "loss", "asked", "reports/s"]
    return _table(head, [_noise(name, each) for name, each in found.items()])


def _noise(name: str, found: Noise) -> list[str]:
    most = int(found.foreign * NOISE_SHARE)
    missed = "" if found.joined <= most else " (missed)"
    loss = f"**{found.loss:.3f}**" + ("" if found.loss <= NOISE_LOSS else " (missed)")
    before, after = _share(found.quiet.score.b3_f1), _share(found.loud.score.b3_f1)
    joined = f"**{found.joined}** of {found.foreign}{missed}"
    pace = f"{found.loud.reports_per_second:.0f}"
    return [name, joined, f"≤ {most}", before, after, loss, f"≤ {NOISE_LOSS}", pace]


def order(found: Iterable[Order]) -> str:
    """What the order of arrival does."""
    head = ["order of arrival", "orders", "F1 as filed", "least F1", "greatest F1", "spread", "asked"]
    return _table(head, [_order(each) for each in found])


def _order(found: Order) -> list[str]:
    spread = f"**{found.spread:.3f}**" + ("" if found.spread <= ORDER_SPREAD else " (missed)")
    shares = [_share(found.as_filed), _share(min(found.shuffled)), _share(max(found.shuffled))]
    return [found.name, str(len(found.shuffled)), *shares, spread, f"≤ {ORDER_SPREAD}"]


def origins(figures: Iterable[Kept]) -> list[str]:
    """When, on what and with what the others' figures were made."""
    methods: dict[str, list[str]] = {}
    for each in figures:
        methods.setdefault(each.made, []).append(each.method)
    return [f"{', '.join(dict.fromkeys(names))}: {made}" for made, names in methods.items()]


def made(packages: Iterable[str]) -> str:
    """The day, the machine and the versions of these packages, as far as they are installed."""
    versions = [f"{name} {version}" for name in packages if (version := _version(name))]
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"
    day = datetime.now(UTC).date().isoformat()
    return f"{day}; {machine}; Python {platform.python_version()}, {', '.join(versions)}"


def revision() -> str:
    """What git calls this state of the project; empty outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        said = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()


def replaced(text: str, output: str) -> str:
    """The text with the output between the two marks.

    Raises:
        ValueError: the text has no such marks.

    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no place for the output: {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{output}\n\n{END}{after}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _share(value: float) -> str:
    return f"{value:.3f}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The model's name where the system tells it, else the architecture."""
    about = Path("/proc/cpuinfo")
    known = about.read_text() if about.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)$", known, re.MULTILINE)
    return named.group(1).strip() if named else platform.machine()
