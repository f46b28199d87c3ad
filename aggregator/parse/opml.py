"""OPML 2.0, in which readers and services hand lists of feeds to each other.

A list from outside is as hostile as a feed: expat reads it, and what could unfold or reach out (any DOCTYPE)
is refused, as is what is too deep or too long. What OPML has no attribute for stands in a namespace of ours,
so that a list of our own gives back the same sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from aggregator.errors import ParseError
from aggregator.parse import charset
from aggregator.parse.feedtext import repaired
from aggregator.web_address import subscribed_address

LARGEST = 10_000_000  # bytes of a file
MOST = 10_000  # outlines
DEEPEST = 50  # elements in each other
_LONGEST_NAME = 100  # characters, as `settings` has it for names and tags
_OURS = "urn:story-aggregator:opml"
_ODD = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they show a name in another order than it has
_RESERVED = re.compile(r"[%,/]")


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed of a list.

    Attributes:
        name: what it is called there; may be empty.
        url: its address as written; None where the entry names no feed.
        tags: the folders that it lies in, from the top, and its categories.
        language: as written.
        more: settings of ours, by their names, as text.
    """

    name: str
    url: str | None
    tags: tuple[str, ...] = ()
    language: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)


def read(body: bytes) -> list[Outline]:
    """The feeds of a list, in its order; an entry that is neither feed nor folder has no address.

    Raises:
        ParseError: it is no OPML, or over a limit.
    """
    if len(body) > LARGEST:
        raise ParseError(f"larger than {LARGEST // 10**6} MB, which no list of feeds is")
    reader = _Reader()
    parser = ET.XMLParser(target=reader)  # noqa: S314 - `_Reader.doctype` refuses what is feared of it
    try:
        parser.feed(repaired(charset.decode(body)).lstrip())  # many a list has bare ampersands
        parser.close()
    except ET.ParseError as error:
        raise ParseError(
            f"not well-formed XML: {error}", hint="export the list again, or mend it in an editor"
        ) from error
    return reader.found


def write(outlines: Iterable[Outline], title: str) -> bytes:
    """A list that `read` gives back the same."""
    ET.register_namespace("aggregator", _OURS)
    top = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(top, "head"), "title").text = title
    body = ET.SubElement(top, "body")
    for outline in outlines:
        given = {"type": "rss", "text": outline.name, "title": outline.name, "xmlUrl": outline.url or ""}
        if outline.tags:
            given["category"] = ",".join(_escaped(tag) for tag in outline.tags)
        if outline.language:
            given["language"] = outline.language
        ET.SubElement(
            body, "outline", given | {f"{{{_OURS}}}{name}": value for name, value in outline.more.items()}
        )
    ET.indent(top)
    written: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


class _Reader:
    """What expat calls at each tag."""

    def __init__(self) -> None:
        self.found: list[Outline] = []
        self._open: list[_Entry] = []
        self._depth = 0
        self._seen = 0

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise ParseError("it has a DOCTYPE, which may declare entities and is no part of OPML")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and tag.lower() != "opml":
            raise ParseError(
                f"no OPML: it begins with <{tag[:50]}>",
                hint="export a list of feeds as OPML from your reader",
            )
        self._depth += 1
        if self._depth > DEEPEST:
            raise ParseError(f"more than {DEEPEST} elements in each other")
        if tag.lower() == "outline":
            self._seen += 1
            if self._seen > MOST:
                raise ParseError(f"more than {MOST} entries", hint="take it in in parts")
            for entry in self._open:
                entry.is_folder = True
            self._open.append(_Entry.of(attributes))

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag.lower() != "outline":
            return
        entry = self._open.pop()
        if entry.url or not entry.is_folder:
            folders = [above.name for above in self._open if above.name and not above.url]
            tags = tuple(dict.fromkeys([*folders, *entry.categories]))
            self.found.append(Outline(entry.name, entry.url, tags, entry.language, entry.more))

    def data(self, _text: str) -> None:
        """Text between the tags means nothing."""

    def close(self) -> None:
        """All is in `found`."""


@dataclass(slots=True)
class _Entry:
    """An ``outline`` that is open."""

    name: str
    url: str | None
    categories: list[str]
    language: str | None
    more: dict[str, str]
    is_folder: bool

    @classmethod
    def of(cls, attributes: dict[str, str]) -> _Entry:
        plain = {name.lower(): value.strip() for name, value in attributes.items()}
        # What has a name and nothing else is a folder; that it is empty is no fault of it.
        bare = not any(plain.get(name) for name in ("xmlurl", "type", "htmlurl", "url"))
        ours = f"{{{_OURS}}}"
        return cls(
            name=_named(plain.get("text") or plain.get("title") or ""),
            url=subscribed_address(plain.get("xmlurl", "")) or None,
            categories=_categories(plain.get("category", "")),
            language=plain.get("language") or None,
            more={
                name.removeprefix(ours): value
                for name, value in attributes.items()
                if name.startswith(ours) and value
            },
            is_folder=bare and bool(plain.get("text") or plain.get("title")),
        )


def _categories(written: str) -> list[str]:
    """``/News/World,tech``: paths of folders, and tags; a tag of ours has its own signs escaped."""
    parts = (part for path in written.split(",") for part in path.split("/"))
    return [name for part in parts if (name := _named(unquote(part)))]


def _named(text: str) -> str:
    """As a name of the settings: one line, not too long."""
    text = _TURNING.sub("", text)
    return _ODD.sub(lambda run: " " * run[0].count(" ") or " ", text).strip()[:_LONGEST_NAME].strip()


def _escaped(tag: str) -> str:
    return _RESERVED.sub(lambda sign: f"%{ord(sign[0]):02X}", tag)
