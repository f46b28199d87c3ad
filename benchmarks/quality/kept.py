"""Figures of the other methods, kept between runs: they do not change when ours does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.quality.others import Figures

FILE = Path(__file__).resolve().parents[1] / "others.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """Figures of one method on one row.

    Attributes:
        row: its name.
        method: its name.
        texts: digest of the texts and labels that it was run on.
        made: when, on what and with what.
        figures: what came out.

    """

    row: str
    method: str
    texts: str
    made: str
    figures: Figures


def load(path: Path) -> dict[tuple[str, str], Kept]:
    """What was kept, by row and method; nothing where there is no file."""
    if not path.exists():
        return {}
    listed = [
        Kept(**(each | {"figures": Figures(**each["figures"])})) for each in json.loads(path.read_text())
    ]
    return {(each.row, each.method): each for each in listed}


def save(path: Path, kept: Iterable[Kept]) -> None:
    """Keep these figures and no others."""
    listed = [asdict(each) for each in sorted(kept, key=lambda each: (each.row, each.method))]
    for each in listed:
        each["figures"] = {name: _short(value) for name, value in each["figures"].items()}
    path.write_text(json.dumps(listed, indent=1) + "\n")


def of_row(kept: Mapping[tuple[str, str], Kept], row: str, texts: str) -> dict[str, Kept]:
    """The figures kept for a row, by method, if they were made of these very texts."""
    return {each.method: each for each in kept.values() if each.row == row and each.texts == texts}


def _short(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value
