"""The rules of the house: imports point down, one door for each heavy library, no clock in the stages."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.house import floors, rooms

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    ("model", "errors"),
    ("display", "web_address"),
    ("units",),
    ("settings", "query"),
    ("configuration", "log", "metrics"),
    ("schedule",),
    ("fetch",),
    ("parse",),
    ("normalise",),
    ("dedup", "publish"),
    ("stories",),
    ("push",),
    ("poll",),
    ("serve",),
    ("service",),
    ("cli",),
    ("__main__",),
)
"""The rooms of `aggregator` from the ground up. A room knows those below it, and none beside it.

A room that is not named here is taken to be above the stages; only there it may be used.
"""

STAGE_FLOOR = FLOORS.index(("dedup", "publish"))
STAGES = tuple(
    f"aggregator.{room}" for room in ("schedule", "fetch", "parse", "normalise", "dedup", "publish")
)
STORAGE_KNOWS = ("aggregator.model", "aggregator.errors")

DOORS = {
    "feedparser": ("aggregator.parse.feed",),
    # Fetching is one room with a few cupboards: the client, its resolver, its addresses and its errors.
    "aiohttp": (
        *(f"aggregator.fetch.{name}" for name in ("fetcher", "address_guard", "dns", "network_errors")),
    ),
    "fastapi": ("aggregator.serve",),
    "starlette": ("aggregator.serve",),
    "uvicorn": ("aggregator.serve.site",),
    "jinja2": ("aggregator.serve",),
    "argon2": ("aggregator.serve.passwords",),
    "pyarrow": ("aggregator.fetch.archive",),
    "apprise": ("aggregator.push.notify",),
    "smtplib": ("aggregator.push.mail",),
    "prometheus_client": ("aggregator.metrics",),
    "trafilatura": ("aggregator.parse.article",),
    "protego": ("aggregator.parse.robots",),
    "nh3": ("aggregator.parse.markup",),
    "py3langid": ("aggregator.normalise.language",),
    "datasketch": ("aggregator.dedup.minhash",),
    "wordfreq": ("aggregator.dedup.frequency",),
    "Stemmer": ("aggregator.dedup.text",),
    "feedgenerator": ("aggregator.publish",),
    "apscheduler": ("aggregator.service.jobs",),
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


def test_no_rooms_stand_in_a_circle() -> None:
    """Each room has a floor, and each folder of `aggregator` says at its door what it is."""
    assert floors(rooms())["aggregator.model"] == 0
    with pytest.raises(ValueError, match=r"a circle: a, b"):
        floors({"a": {"b"}, "b": {"a"}, "c": set()})
    doors = [
        each
        for each in (ROOT / "aggregator").glob("*/__init__.py")
        if not ast.get_docstring(ast.parse(each.read_text()))
    ]
    assert doors == []


@pytest.mark.parametrize(
    ("module", "source", "why"),
    [
        ("aggregator.model", "import pydantic", "ground floor"),
        ("aggregator.errors", "from aggregator.settings import Log", "ground floor"),
        ("aggregator.settings", "from aggregator import log", "beside it"),
        ("aggregator.log", "from aggregator.configuration import load", "beside it"),
        ("aggregator.schedule.next_poll", "from aggregator.dedup.text import words", "beside it"),
        ("aggregator.dedup.story", "from ..publish import rss", "beside it"),
        ("aggregator.dedup.story", "import aggregator.poll.pipeline", "beside it"),
        ("aggregator.dedup.story", "def f():\n    from aggregator import service", "beside it"),
        ("aggregator.dedup.story", "from aggregator.novelty import x", "has no floor"),
        ("aggregator.publish.rss", "from storage import stories", "knows SQL"),
        ("aggregator.schedule.next_poll", "import sqlalchemy as sa", "one door"),
        ("aggregator.poll.pipeline", "from sqlalchemy import select", "one door"),
        ("aggregator.poll.pipeline", "import sqlite3", "one door"),
        ("aggregator.poll.pipeline", "from aggregator import serve", "beside it"),
        ("aggregator.service.jobs", "from aggregator.cli.main import main", "beside it"),
        ("aggregator.serve", "from apscheduler.schedulers.background import BackgroundScheduler", "one door"),
        ("aggregator.parse.dispatch", "import feedparser", "one door"),
        ("aggregator.parse.feedback", "import feedparser", "one door"),
        ("aggregator.settings", "from ruamel.yaml import YAML", "one door"),
        ("storage.reports", "from aggregator.settings import Settings", "storage knows only"),
        ("storage.reports", "from aggregator import log", "storage knows only"),
        ("storage.reports", "from aggregator.modelling import x", "storage knows only"),
        ("storage.reports", "import datasketch", "one door"),
        ("aggregator.schedule.next_poll", "from datetime import datetime\nx = datetime.now()", "is a clock"),
        (
            "aggregator.schedule.next_poll",
            "from datetime import UTC, datetime as dt\nx = dt.now(UTC)",
            "is a clock",
        ),
        ("aggregator.schedule.next_poll", "import datetime as d\nx = d.datetime.utcnow", "is a clock"),
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
            "aggregator.schedule.next_poll",
            "from aggregator import errors\nfrom . import pace\nfrom aggregator.settings import Log",
        ),
        ("aggregator.schedule.next_poll", "import time\nx = time.monotonic()"),
        ("aggregator.schedule.next_poll", "def f(datetime):\n    return datetime.timestamp()"),
        ("aggregator.parse.feed", "import feedparser"),
        ("aggregator.publish.rss", "from feedgenerator import Rss201rev2Feed"),
        (
            "aggregator.poll.pipeline",
            "from datetime import datetime\nfrom storage import reports\nx = datetime.now",
        ),
        (
            "aggregator.service.jobs",
            "from apscheduler.triggers.date import DateTrigger\nfrom aggregator import poll",
        ),
        (
            "aggregator.cli.story",
            "from aggregator.cli import tables\nfrom aggregator import __version__, serve, service",
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
