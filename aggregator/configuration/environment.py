"""Settings from environment variables: ``AGGREGATOR_FETCH__CONTACT`` sets ``fetch.contact``.

Two underscores go one level down. ``AGGREGATOR_DATABASE_FILE`` names a file that holds the value: the way in
which services are handed their secrets. A credential that systemd hands over under the name of a variable
(``LoadCredential=AGGREGATOR_DATABASE:…``) is one more such file. An empty variable counts as none. Lists (the
sources, the published feeds, the preferred publishers) are for the YAML file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from aggregator.configuration.problems import KeyPath, Place, Problem
from aggregator.settings import Section, Settings

PREFIX = "AGGREGATOR_"
CONFIG = "AGGREGATOR_CONFIG"
"""Names the YAML file; not a setting."""
FROM_FILE = "_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
LONGEST_SECRET = 65_536
_LISTS: tuple[KeyPath, ...] = (("sources",), ("prefer",), ("publish", "feeds"))


@dataclass(slots=True)
class EnvironmentSettings:
    """The settings that variables give, the variable that gave each, and what is wrong with the variables."""

    values: dict[KeyPath, str] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(environ: Mapping[str, str]) -> EnvironmentSettings:
    """What the variables that begin with ``AGGREGATOR_`` say."""
    known = {_variable(path): path for path in _paths()}
    given = EnvironmentSettings()
    for name, value in sorted([*environ.items(), *_credentials(environ)]):
        if not name.startswith(PREFIX) or name == CONFIG or not value:
            continue
        path = known.get(name) or known.get(name.removesuffix(FROM_FILE))
        if not path:
            given.problems.append(Problem(Place(name), (), f"unknown variable; {_meant(name, known)}"))
        elif path in _LISTS:
            given.problems.append(
                Problem(Place(name), path, "a list is for the YAML file, not for a variable")
            )
        elif path in given.values:
            text = f"{given.places[path]} is set too; keep one of them"
            given.problems.append(Problem(Place(name), path, text))
        else:
            given.places[path] = Place(name)
            try:
                given.values[path] = value if name in known else _secret(Path(value))
            except (OSError, ValueError) as error:
                given.problems.append(Problem(Place(name), path, f"cannot read {value}: {_cause(error)}"))
    return given


def _meant(name: str, known: Mapping[str, KeyPath]) -> str:
    """The variable that was meant, or how variables are made; one of a list is no help."""
    usable = [variable.removeprefix(PREFIX) for variable, path in known.items() if path not in _LISTS]
    if close := get_close_matches(name.removeprefix(PREFIX), usable, n=1):
        return f"did you mean `{PREFIX}{close[0]}`?"
    return f"`{PREFIX}FETCH__TIMEOUT` stands for `timeout` below `fetch`, and so on"


def _credentials(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that name the files of credentials."""
    folder = environ.get(CREDENTIALS)
    files = Path(folder).glob(f"{PREFIX}*") if folder else ()
    return [(file.name + FROM_FILE, str(file)) for file in files]


def _paths() -> Iterator[KeyPath]:
    for name, about in Settings.model_fields.items():
        if isinstance(about.annotation, type) and issubclass(about.annotation, Section):
            yield from ((name, inner) for inner in about.annotation.model_fields)
        else:
            yield (name,)


def _variable(path: KeyPath) -> str:
    return PREFIX + "__".join(str(key) for key in path).upper()


def _secret(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(LONGEST_SECRET + 1)
    if len(content) > LONGEST_SECRET:
        raise ValueError(f"larger than {LONGEST_SECRET} bytes")
    text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError("it is empty")
    return text


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
