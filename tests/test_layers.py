"""The rules of the house: imports point down, one door for each heavy library, no clock in the stages."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    ("model", "errors"),
    ("shown",),
    ("units",),
    ("settings",),
    ("configuration", "log", "metrics"),
    ("notify", "orders", "reload"),
    ("intake", "dedup", "publish"),
    ("seating", "named", "retention"),
    ("known",),
    ("linker",),
    ("ingest", "agenda", "writing", "correct", "prune"),
    ("fulltext", "websub"),
    ("taking",),
    ("pipeline", "evaluate", "explain", "overview", "recluster"),
    ("jobs", "serve", "trial"),
    ("daemon",),
    ("cli",),
    ("__main__",),
)
"""The parts of `aggregator` from the ground up. One part knows those below it, and none beside it.

A part that is not named here is taken to be above the stages; only there it may be used.
"""

STAGE_FLOOR = FLOORS.index(("intake", "dedup", "publish"))
STAGES = ("aggregator.intake", "aggregator.dedup", "aggregator.publish")
STORAGE_KNOWS = ("aggregator.model", "aggregator.errors")

DOORS = {
    "feedparser": ("aggregator.intake.feed",),
    # Fetching is one room with a few cupboards: the client, its resolver, its addresses and its errors.
    "aiohttp": (
        *(f"aggregator.intake.{name}" for name in ("fetch", "guard", "resolve", "faults")),
        "aggregator.serve",  # the library's other half: its server
    ),
    "prometheus_client": ("aggregator.metrics",),
    "trafilatura": ("aggregator.intake.article",),
    "protego": ("aggregator.intake.robots",),
    "nh3": ("aggregator.intake.markup",),
    "py3langid": ("aggregator.intake.language",),
    "datasketch": ("aggregator.dedup.minhash",),
    "wordfreq": ("aggregator.dedup.frequency",),
    "Stemmer": ("aggregator.dedup.text",),
    "feedgenerator": ("aggregator.publish",),
    "apscheduler": ("aggregator.jobs",),
    "ruamel": ("aggregator.configuration",),
    "sqlalchemy": ("storage",),
    "alembic": ("storage",),
    "sqlite3": ("storage",),
    "psycopg": ("storage",),
}

CLOCKS = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime")),
}
"""What tells the time of day; a stopwatch (``time.monotonic``) is no clock."""


def below(module: str, part: str) -> bool:
    return module == part or module.startswith(part + ".")


def floor_of(module: str) -> int | None:
    """The floor of a module of `aggregator`; None for the package itself and for parts that are new."""
    for floor, parts in enumerate(FLOORS):
        if any(below(module, f"aggregator.{part}") for part in parts):
            return floor
    return None


def names_of(tree: ast.AST, package: str) -> dict[str, str]:
    """What each imported name stands for: ``{"dt": "datetime.datetime"}``."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{origin(node, package)}.{alias.name}"
    return names


def origin(node: ast.ImportFrom, package: str) -> str:
    """The module that an import is from, relative ones made absolute."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported, at whatever depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{origin(node, package)}.{alias.name}") for alias in node.names)


def refusal(module: str, imported: str) -> str | None:
    """Why the module may not import this, if it may not."""
    library = imported.partition(".")[0]
    if library in DOORS and not any(below(module, door) for door in DOORS[library]):
        return f"{library} has one door: {' or '.join(DOORS[library])}"
    if below(module, "storage"):
        known = library != "aggregator" or any(below(imported, part) for part in STORAGE_KNOWS)
        return None if known else f"storage knows only {' and '.join(STORAGE_KNOWS)}"
    return refusal_of_floor(module, imported, library)


def refusal_of_floor(module: str, imported: str, library: str) -> str | None:
    """The same, by the floors of `aggregator`."""
    own = floor_of(module)
    if own is None or imported == "aggregator.__version__":
        return None
    if own == 0 and library not in sys.stdlib_module_names:
        return "the ground floor stands on the standard library"
    if library == "storage" and own <= STAGE_FLOOR:
        return "only what is above the stages knows SQL"
    if library != "aggregator" or below(imported, ".".join(module.split(".")[:2])):
        return None
    other = floor_of(imported)
    if other is None:
        return None if own > STAGE_FLOOR else f"{imported} has no floor; give it one in FLOORS"
    return None if other < own else f"{module} stands below {imported}, or beside it"


def clocks(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and name of each clock that is looked at, called or handed on."""
    names = names_of(tree, package)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            first, _, rest = ast.unparse(node).partition(".")
            name = f"{names.get(first, first)}.{rest}".rstrip(".")
            if name in CLOCKS:
                yield node.lineno, name


def violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """Each rule that the source of a module breaks, with its line."""
    tree = ast.parse(source)
    package = module if is_package else module.rpartition(".")[0]
    found = [
        f"{module}:{line}: {why}" for line, name in imports(tree, package) if (why := refusal(module, name))
    ]
    if any(below(module, stage) for stage in STAGES):
        found += [
            f"{module}:{line}: {name} is a clock; `now` is an argument"
            for line, name in clocks(tree, package)
        ]
    return found


def every_module() -> list[tuple[str, Path]]:
    files = sorted(path for package in ("aggregator", "storage") for path in (ROOT / package).rglob("*.py"))
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path)
        for path in files
    ]


@pytest.mark.parametrize(("module", "path"), [pytest.param(*each, id=each[0]) for each in every_module()])
def test_the_house_stands(module: str, path: Path) -> None:
    """No module breaks a rule."""
    assert violations(module, path.read_text(), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source", "why"),
    [
        ("aggregator.model", "import pydantic", "ground floor"),
        ("aggregator.errors", "from aggregator.settings import Log", "ground floor"),
        ("aggregator.settings", "from aggregator import log", "beside it"),
        ("aggregator.log", "from aggregator.configuration import load", "beside it"),
        ("aggregator.intake.due", "from aggregator.dedup.text import words", "beside it"),
        ("aggregator.dedup.story", "from ..publish import rss", "beside it"),
        ("aggregator.dedup.story", "import aggregator.pipeline", "beside it"),
        ("aggregator.dedup.story", "def f():\n    from aggregator import jobs", "beside it"),
        ("aggregator.dedup.story", "from aggregator.novelty import x", "has no floor"),
        ("aggregator.publish.rss", "from storage import stories", "knows SQL"),
        ("aggregator.intake.due", "import sqlalchemy as sa", "one door"),
        ("aggregator.pipeline", "from sqlalchemy import select", "one door"),
        ("aggregator.pipeline", "import sqlite3", "one door"),
        ("aggregator.jobs", "from aggregator import serve", "beside it"),
        ("aggregator.jobs", "from aggregator.cli.main import main", "beside it"),
        ("aggregator.serve", "from apscheduler.schedulers.background import BackgroundScheduler", "one door"),
        ("aggregator.intake.parse", "import feedparser", "one door"),
        ("aggregator.intake.feedback", "import feedparser", "one door"),
        ("aggregator.settings", "from ruamel.yaml import YAML", "one door"),
        ("storage.reports", "from aggregator.settings import Settings", "storage knows only"),
        ("storage.reports", "from aggregator import log", "storage knows only"),
        ("storage.reports", "from aggregator.modelling import x", "storage knows only"),
        ("storage.reports", "import datasketch", "one door"),
        ("aggregator.intake.due", "from datetime import datetime\nx = datetime.now()", "is a clock"),
        ("aggregator.intake.due", "from datetime import UTC, datetime as dt\nx = dt.now(UTC)", "is a clock"),
        ("aggregator.intake.due", "import datetime as d\nx = d.datetime.utcnow", "is a clock"),
        ("aggregator.dedup.story", "import time\ndef f(clock=time.time): pass", "is a clock"),
        ("aggregator.dedup.story", "from time import time as now\nx = now()", "is a clock"),
        ("aggregator.publish.rss", "import datetime\nx = datetime.date.today()", "is a clock"),
    ],
)
def test_a_planted_fault_is_found(module: str, source: str, why: str) -> None:
    """The rules above see what they are to see."""
    (found,) = violations(module, source)
    assert why in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("aggregator.model", "from dataclasses import dataclass"),
        (
            "aggregator.intake.due",
            "from aggregator import errors\nfrom . import pace\nfrom aggregator.settings import Log",
        ),
        ("aggregator.intake.due", "import time\nx = time.monotonic()"),
        ("aggregator.intake.due", "def f(datetime):\n    return datetime.timestamp()"),
        ("aggregator.intake.feed", "import feedparser"),
        ("aggregator.publish.rss", "from feedgenerator import Rss201rev2Feed"),
        (
            "aggregator.pipeline",
            "from datetime import datetime\nfrom storage import reports\nx = datetime.now",
        ),
        (
            "aggregator.jobs",
            "from apscheduler.triggers.date import DateTrigger\nfrom aggregator import pipeline",
        ),
        (
            "aggregator.cli.story",
            "from aggregator.cli import tables\nfrom aggregator import __version__, daemon, serve",
        ),
        (
            "storage.reports",
            "import sqlalchemy as sa\nfrom aggregator.model import Report\nfrom storage import schema",
        ),
        ("storage.migrations.versions.first", "from alembic import op"),
    ],
)
def test_what_is_right_is_let_through(module: str, source: str) -> None:
    """The rules above forbid no more than they are to forbid."""
    assert violations(module, source) == []
