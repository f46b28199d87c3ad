"""From the YAML file and the environment to `Settings`, or to a list of all that is wrong with them.

Every problem is a line ``FILE:LINE:COLUMN: key.path: what is wrong``, so that one run shows all of them and
an editor can jump to each. `document` reads the YAML, `environment` the variables, `consistency` finds what
only the whole shows, `problems` puts it in words, `writing` adds sources to the file, and `schema` tells
editors what is allowed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from aggregator.configuration import consistency, environment, writing
from aggregator.configuration.consistency import comparable
from aggregator.configuration.document import Document, parse, read
from aggregator.configuration.problems import Problem, path_of, sentence
from aggregator.configuration.schema import json_schema
from aggregator.configuration.writing import Item
from aggregator.errors import ConfigurationError
from aggregator.settings import Settings

__all__ = ["Item", "comparable", "extended", "json_schema", "load", "named"]

USUAL = Path("config/aggregator.yaml")
"""The file that is read where none is named, and that is below the working directory."""

OF_THE_MACHINE = Path("/etc/aggregator/aggregator.yaml")
"""The one that is read where neither the working directory nor the user has one."""


def load(path: Path | None, environ: Mapping[str, str], *, folders_must_exist: bool = True) -> Settings:
    """The settings of the YAML file at ``path``, overridden by those from the environment.

    Relative paths in the file are below the working directory, wherever the file is. Who only reads the
    database looks into no drop folder: for them ``folders_must_exist`` is False.

    Raises:
        ConfigurationError: with all that is wrong, a line each, in the order of the file.
    """
    named_by_nobody = not (path or environ.get(environment.CONFIG))
    others = _places(environ)[1:] if named_by_nobody else []
    document = read(named(path, environ), others)
    return _settled(document, environ, folders_must_exist=folders_must_exist)


def named(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The YAML file that is meant: ``path``, or the one that ``AGGREGATOR_CONFIG`` names.

    Without both it is the first that is there of `USUAL`, ``aggregator/aggregator.yaml`` in the user's folder
    of configurations (``XDG_CONFIG_HOME``), and `OF_THE_MACHINE`.
    """
    if path or environ.get(environment.CONFIG):
        return path or Path(environ[environment.CONFIG])
    return next((file for file in _places(environ) if os.path.lexists(file)), USUAL)


def _places(environ: Mapping[str, str]) -> list[Path]:
    """Where a file is looked for that nobody names, in this order."""
    own = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", ""), ".config"))
    candidates = [USUAL, own / "aggregator/aggregator.yaml", OF_THE_MACHINE]
    return [file for file in candidates if file is USUAL or file.is_absolute()]


def extended(
    path: Path | None, environ: Mapping[str, str], sources: Sequence[Item], *, keep: bool = True
) -> Settings:
    """The settings with further sources; they are written into the YAML file, unless ``keep`` is False.

    Everything else in the file stays as it is. Drop folders are not looked into.

    Raises:
        ConfigurationError: the file cannot be written, or would be wrong with them; it is as it was.
    """
    file = named(path, environ)
    before = writing.read(file)
    text = writing.with_sources(before, sources, str(file))
    document = parse(text.removeprefix("\ufeff"), str(file))
    settings = _settled(document, environ, folders_must_exist=False)
    if keep and text != before:
        writing.replace(file, text)
    return settings


def _settled(document: Document, environ: Mapping[str, str], *, folders_must_exist: bool) -> Settings:
    given = environment.read(environ)
    problems = given.problems + document.problems
    settings = None
    if document.complete:
        document.override(given.values, given.places)
        settings, more = _checked(document, folders_must_exist=folders_must_exist)
        problems += more
    if settings is None or problems:
        lines = map(str, sorted(problems, key=lambda problem: problem.place))
        raise ConfigurationError("\n".join(lines))
    return settings


def _checked(document: Document, *, folders_must_exist: bool) -> tuple[Settings | None, list[Problem]]:
    settings, problems = None, []
    try:
        settings = Settings.model_validate(document.values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            if text := sentence(details):
                of_key = details["type"] == "extra_forbidden"
                problems.append(document.problem(path_of(details), text, of_key=of_key))
    return settings, problems + consistency.check(document, folders_must_exist=folders_must_exist)
