"""Write further sources into the YAML file of a person, who finds everything else as it was.

Nothing is written anew: ruamel.yaml says where the list of sources ends, and lines in the style of that list
are put in there, so that comments, order, quotes and columns stay byte for byte. What comes out is read again
before it is kept: the old values and the new sources, or it is refused.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from aggregator.configuration.document import nodes, parse
from aggregator.errors import ConfigurationError

Item = Mapping[str, str | bool | Sequence[str]]
"""A source as it is written: its keys in their order."""

_BOM = "\ufeff"
_BY_HAND = "write the source into it by hand:"


def with_sources(text: str, sources: Sequence[Item], origin: str) -> str:
    """The text of a configuration with further sources at the end of its list.

    Args:
        text: of the file, with its byte order mark and line ends if it has them.
        sources: what is added.
        origin: the file as it was named, for errors.

    Raises:
        ConfigurationError: it cannot be done without changing what a person wrote.
    """
    body = text.removeprefix(_BOM)
    try:
        changed = _inserted(body, sources)
    except (YAMLError, RecursionError):  # the file as it is says better what is wrong with it
        return text
    before, after = parse(body, origin), parse(changed or "", origin)
    listed = before.values.get("sources") or []
    wanted = before.values | {"sources": [*listed, *map(_as_read, sources)]}
    if changed is None or after.problems or after.values != wanted:
        raise ConfigurationError(
            f"{origin}: its list of sources is written in a way that cannot be added to; {_BY_HAND}\n"
            + "".join(map(block, sources))
        )
    return text[: len(text) - len(body)] + changed


def read(file: Path) -> str:
    """The whole text of a file, as it is.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file}: there is no such file; name one with --config or AGGREGATOR_CONFIG"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not UTF-8; save the file in this encoding") from error


def replace(file: Path, text: str) -> None:
    """Let the file hold this text: all of it or nothing, with its owner and permissions as they were.

    Raises:
        ConfigurationError: it cannot be written; it is as it was.
    """
    target = Path(os.path.realpath(file))  # what a link leads to is changed, and the link stays
    try:
        _replace(target, text.encode("utf-8"), target.stat())
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be written: {error.strerror}; it is as it was. Run this as its owner, who "
            "may write to its folder too"
        ) from error


def _replace(target: Path, body: bytes, old: os.stat_result) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(
                file.fileno(), stat.S_IMODE(old.st_mode)
            )  # after the owner: a change of owner clears bits
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # or a power cut could undo the step
    finally:
        os.close(folder)


def _inserted(text: str, sources: Sequence[Item]) -> str | None:
    """The text with the sources in it; None where there is no place for them."""
    top = nodes(text)
    if top is not None and (not isinstance(top, MappingNode) or (top.flow_style and not _listed(top))):
        return None
    listed = _listed(top)
    if isinstance(listed, SequenceNode) and listed.value:
        return _in_brackets(text, listed, sources) if listed.flow_style else _in_lines(text, listed, sources)
    if isinstance(listed, SequenceNode):  # `sources: []`
        start, end = listed.start_mark.index, listed.end_mark.index
        if top is not None and top.flow_style:
            return f"{text[:start]}[{', '.join(map(_json, sources))}]{text[end:]}"
        text = text[:start].rstrip(" ") + text[end:]
    lines = _lined(text, ["sources:", *_indented("".join(map(block, sources)), 2)])
    if listed is None:
        return _joined(text, len(text), lines)
    key_line = _after(text, listed.start_mark.index)  # `sources:` and nothing after it
    return _joined(text, key_line, lines.partition("\n")[2])


def _listed(top: Node | None) -> Node | None:
    """What stands at `sources`."""
    pairs = top.value if isinstance(top, MappingNode) else ()
    return next((value for key, value in pairs if key.value == "sources"), None)


def _in_lines(text: str, listed: SequenceNode, sources: Sequence[Item]) -> str:
    """``- name: …`` after the last such line, and after the comments that belong to it."""
    last, column = listed.value[-1], listed.start_mark.column
    at = _after(text, _end(last))
    while _is_comment_deeper_than(text[at : _line_end(text, at)], column):
        at = _line_end(text, at)
    if isinstance(last, MappingNode) and last.flow_style:
        lines = [f"{' ' * column}- {_braces(source)}" for source in sources]
    else:
        spaced = len(listed.value) > 1 and _blank_between(text, *listed.value[-2:])
        lines = []
        for source in sources:
            written = _indented(block(source, last.start_mark.column - column), column)
            lines += ["", *written] if spaced else written
    return _joined(text, at, _lined(text, lines))


def _in_brackets(text: str, listed: SequenceNode, sources: Sequence[Item]) -> str:
    """``, {name: …}`` after the last such entry, on a line of its own where that one has one."""
    last = listed.value[-1]
    start, end = last.start_mark.index, _end(last)
    before = text[text.rfind("\n", 0, start) + 1 : start]
    between = f",{_newline(text)}{before}" if not before.strip() and "\n" in text[:start] else ", "
    write = _json if text[start:end].startswith('{"') else _braces
    return text[:end] + "".join(between + write(source) for source in sources) + text[end:]


def _json(source: Item) -> str:
    """As JSON, which is YAML too."""
    return json.dumps(dict(source), ensure_ascii=False)


def _end(node: Node) -> int:
    """Where a node ends; a block ends with the last thing in it, not where the next key begins."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        inner = node.value if isinstance(node, SequenceNode) else chain.from_iterable(node.value)
        return max(map(_end, inner))
    return int(node.end_mark.index)


def _line_end(text: str, at: int) -> int:
    """Where the next line begins."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _after(text: str, at: int) -> int:
    """Where the first line begins that stands after this place; a text over lines ends on a new one."""
    return at if at and text[at - 1] == "\n" else _line_end(text, at)


def _is_comment_deeper_than(line: str, column: int) -> bool:
    return line.lstrip(" ").startswith("#") and len(line) - len(line.lstrip(" ")) > column


def _blank_between(text: str, one: Node, other: Node) -> bool:
    between = text[_after(text, _end(one)) : other.start_mark.index]
    return any(not line.strip() for line in between.split("\n")[:-1])


def _joined(text: str, at: int, lines: str) -> str:
    gap = "" if not text[:at] or text[:at].endswith("\n") else _newline(text)
    return text[:at] + gap + lines + text[at:]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _lined(text: str, lines: Sequence[str]) -> str:
    return "".join(line + _newline(text) for line in lines)


def _indented(block: str, column: int) -> list[str]:
    return [" " * column + line for line in block.splitlines()]


def block(source: Item, offset: int = 2) -> str:
    """One entry of a list in lines; its keys stand so many columns right of its dash."""
    first, *others = [
        line for key, value in source.items() for line in _dump({key: _styled(value)}).splitlines()
    ]
    return "".join([f"-{' ' * (offset - 1)}{first}\n", *(f"{' ' * offset}{line}\n" for line in others)])


def _braces(source: Item) -> str:
    """The same between braces, on one line."""
    entry = CommentedMap({key: _styled(value) for key, value in source.items()})
    entry.fa.set_flow_style()
    return _dump(entry).strip()


def _styled(value: Any) -> Any:
    if isinstance(
        value, str
    ):  # ruamel.yaml writes `?x` between brackets without quotes, and cannot read that
        return value if value[:1].isalnum() else SingleQuotedScalarString(value)
    if not isinstance(value, list | tuple):
        return value
    listed = CommentedSeq(map(_styled, value))
    listed.fa.set_flow_style()
    return listed


def _dump(value: Any) -> str:
    """As ruamel.yaml writes it: it knows what needs quotes."""
    yaml = YAML()
    yaml.width = 1_000_000  # no line is broken
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _as_read(source: Item) -> dict[str, Any]:
    """As `document` gives it back: scalars are text."""
    return {
        key: ("true" if value else "false")
        if isinstance(value, bool)
        else value
        if isinstance(value, str)
        else list(value)
        for key, value in source.items()
    }
