"""Rooms, arrows and floors of the house, counted from its imports: ``python -m benchmarks.house``.

A room is a folder with modules; the modules that lie in `aggregator` itself are a room each. An arrow is an
import from one room by another. A floor is a longest way down: a room stands one above the highest that it
imports; a circle has none. `storage` is one room, its migrations included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


def rooms(top: Path = TOP) -> dict[str, set[str]]:
    """Each room and the rooms that it imports."""
    modules = {name: path for package in ("aggregator", "storage") for name, path in _modules(top, package)}
    found: dict[str, set[str]] = {}
    for name, path in modules.items():
        known = found.setdefault(_room(name), set())
        for imported in _imports(path):
            while imported and imported not in modules:
                imported = imported.rpartition(".")[0]  # noqa: PLW2901 - a name in a module is of the module
            if imported and imported != "aggregator":
                known.add(_room(imported))
    return {room: known - {room} for room, known in found.items()}


def floors(arrows: dict[str, set[str]]) -> dict[str, int]:
    """The floor of each room, 0 at the ground.

    Raises:
        ValueError: some rooms import each other.
    """
    found: dict[str, int] = {}
    while len(found) < len(arrows):
        ready = {room for room in arrows.keys() - found.keys() if arrows[room] <= found.keys()}
        if not ready:
            raise ValueError(f"a circle: {', '.join(sorted(arrows.keys() - found.keys()))}")
        found |= {room: 1 + max((found[below] for below in arrows[room]), default=-1) for room in ready}
    return found


def _modules(top: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((top / package).rglob("*.py")):
        yield ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__"), path


def _room(name: str) -> str:
    return "storage" if name.startswith("storage") else ".".join(name.split(".")[:2])


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main() -> None:
    """Print them."""
    arrows = rooms()
    height = floors(arrows)
    for room in sorted(arrows, key=lambda each: (-height[each], each)):
        print(f"{height[room]:2}  {room:28} {' '.join(sorted(arrows[room]))}")
    total = sum(map(len, arrows.values()))
    print(f"{len(arrows)} rooms, {total} arrows, {max(height.values()) + 1} floors, no circle")


if __name__ == "__main__":
    main()
