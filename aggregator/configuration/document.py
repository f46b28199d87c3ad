"""A YAML file as plain values, with the place of each key and each value: the door to ruamel.yaml.

It is read down to its nodes and no further: only those know where they stand, and no tag makes an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from aggregator.configuration.problems import KeyPath, Place, Problem

DEEPEST = 50
"""Lists and mappings in each other; a configuration has five at most."""

MOST_NODES = 1_000_000
"""An anchor that is used again counts again: an end to a few lines that stand for billions."""

_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = {_TAG + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")}
_REMEDIES: Mapping[str, str] = {
    r"character '\t'": "indent with spaces, not with tabs",
    "mapping values are not allowed": "a line is indented too far, or a text with a colon needs quotes",
    "expected <block end>": "look at the indentation of this line and of the one before",
}


@dataclass(slots=True)
class Document:
    """What a YAML file holds.

    Attributes:
        origin: the file as it was named.
        values: the mapping at its top.
        key_places: where each key stands, by its path.
        value_places: where each value stands, by its path.
        problems: what could not be read.
        complete: whether all was read as far as its form goes, so that a check of the values makes sense.
    """

    origin: str
    values: dict[str, Any] = field(default_factory=dict)
    key_places: dict[KeyPath, Place] = field(default_factory=dict)
    value_places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = False

    def problem(self, path: KeyPath, text: str, *, of_key: bool = False) -> Problem:
        """A problem with the value at ``path`` (or its key); where none is, with what should hold it."""
        places = self.key_places if of_key else self.value_places
        nearest = path
        while nearest and nearest not in places:
            nearest = nearest[:-1]
        return Problem(places.get(nearest, Place(self.origin, 1, 1)), path, text)

    def override(self, values: Mapping[KeyPath, str], places: Mapping[KeyPath, Place]) -> None:
        """Put values from elsewhere over those of the file."""
        for path, value in values.items():
            *sections, key = map(str, path)
            holder: Any = self.values
            for section in sections:
                if holder.get(section) is None:
                    holder[section] = {}
                holder = holder[section]
            if isinstance(holder, dict):  # else the section is wrong itself, and reported
                holder[key] = value
                self.key_places[path] = self.value_places[path] = places[path]


def read(file: Path, others: Sequence[Path] = ()) -> Document:
    """The file's content; what cannot be read of it is among the problems.

    Args:
        file: which is read.
        others: where one was looked for too, in vain.
    """
    document = Document(str(file))
    try:
        return parse(file.read_bytes().decode("utf-8-sig"), document.origin)
    except FileNotFoundError:
        nor = "".join(f", nor {other}" for other in others)
        text = f"there is no such file{nor}; name one with --config or AGGREGATOR_CONFIG"
        document.problems.append(Problem(Place(document.origin), (), text))
    except OSError as error:
        document.problems.append(Problem(Place(document.origin), (), f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        place = _place(document.origin, error.object[: error.start].decode("utf-8", "replace"))
        document.problems.append(Problem(place, (), "not UTF-8; save the file in this encoding"))
    return document


def parse(text: str, origin: str) -> Document:
    """The content of a file whose text is this; what cannot be read of it is among the problems."""
    document = Document(origin)
    try:
        _Reader(document).read_top(nodes(text))
    except RecursionError:  # an anchor that holds itself
        document.problems.append(Problem(Place(document.origin, 1, 1), (), "nested without end"))
    except YAMLError as error:
        document.problems.append(_syntax(document.origin, text, error))
    return document


def nodes(text: str) -> Node | None:
    """The nodes of a YAML text, each of which knows where it stands; None of an empty one.

    Raises:
        YAMLError: it is none.
        RecursionError: it is nested without end.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    yaml.composer.warn_double_anchors = False  # an anchor may be set anew, as YAML has it
    node: Node | None = yaml.compose(text)
    return node


def _place(origin: str, before: str) -> Place:
    return Place(origin, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax(origin: str, text: str, error: YAMLError) -> Problem:
    if isinstance(error, ReaderError):
        place = _place(origin, text[: error.position])
        return Problem(place, (), f"not YAML: {error.reason}")
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Problem(Place(origin, 1, 1), (), f"not YAML: {error}")
    place = Place(origin, error.problem_mark.line + 1, error.problem_mark.column + 1)
    said = error.problem
    if error.context and error.context_mark:
        said += f", {error.context} (from line {error.context_mark.line + 1})"
    remedies = [remedy for sign, remedy in _REMEDIES.items() if sign in error.problem]
    return Problem(place, (), "; ".join([f"not YAML: {said}", *remedies]))


class _Reader:
    """Turns nodes into values, and notes where each came from.

    A scalar stays the text that it is, quoted or not: what it should be is for `Settings` to say, so that a
    publisher may be called 1843. Only an empty or null one is None.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def read_top(self, node: Node | None) -> None:
        if node is None:
            self._complain(None, (), "the file is empty; it needs `sources` at least")
        elif not isinstance(node, MappingNode):
            self._complain(node, (), "keys with values are wanted here: `sources:` and so on")
        else:
            self._document.values = self._mapping(node, ())
            self._document.complete = True

    def _value(self, node: Node, path: KeyPath) -> Any:
        self._document.value_places[path] = self._place(node)
        if node.tag not in _KNOWN_TAGS:
            self._complain(node, path, f"the tag {node.tag} is not known here")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(self._counted(item), (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _TAG + "null" else node.value

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value, merged in self._pairs(node):
            if not isinstance(key, ScalarNode):
                self._complain(key, path, "a key is a word, not a list or a mapping")
                continue
            inner = (*path, key.value)
            if key.value not in values:
                self._document.key_places[inner] = self._place(key)
                values[key.value] = self._value(value, inner)
            elif not merged:
                first = self._document.key_places[inner]
                self._complain(key, inner, f"the same key stands on line {first.line}; keep one of them")
        return values

    def _pairs(self, node: MappingNode) -> Iterator[tuple[Node, Node, bool]]:
        """Keys and values, first the node's own, then those that it takes over with ``<<``."""
        taken: list[Node] = []
        for key, value in node.value:
            self._counted(value)
            if key.tag == _TAG + "merge":
                taken += value.value if isinstance(value, SequenceNode) else [value]
            else:
                yield key, value, False
        for source in taken:
            if not isinstance(source, MappingNode):
                raise MarkedYAMLError(
                    problem="`<<` takes over keys, and none are here", problem_mark=source.start_mark
                )
            for key, value, _ in self._pairs(source):
                yield key, value, True

    def _counted(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise MarkedYAMLError(problem=f"more than {MOST_NODES} values", problem_mark=node.start_mark)
        return node

    def _place(self, node: Node | None) -> Place:
        line, column = (node.start_mark.line, node.start_mark.column) if node else (0, 0)
        return Place(self._document.origin, line + 1, column + 1)

    def _complain(self, node: Node | None, path: KeyPath, text: str) -> None:
        self._document.problems.append(Problem(self._place(node), path, text))
