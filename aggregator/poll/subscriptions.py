"""From what a person wants to read to sources of the configuration, and back to a list: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from aggregator.configuration import Item, comparable
from aggregator.configuration.problems import sentence
from aggregator.display import short
from aggregator.parse.opml import Outline
from aggregator.settings import FeedSource, Settings

RIGHTS = ("allow_private", "i_own_this_host")
"""What a list from outside cannot give itself."""

_LONGEST_NAME = 100
_PLACED = ("name", "url", "tags", "language")  # have a place of their own in OPML


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """What becomes of one entry of a list.

    Attributes:
        name: of the source, or of the entry.
        said: what was decided, in words.
        item: the source that is added, if it is.
        refused: whether it is wrong, and not just there already.
    """

    name: str
    said: str
    item: dict[str, Any] | None = None
    refused: bool = False


def known(settings: Settings, url: str) -> str | None:
    """The name of the source that has this address already, if one has."""
    wanted = comparable(url)
    feeds = (source for source in settings.sources if isinstance(source, FeedSource))
    return next((source.name for source in feeds if comparable(source.url) == wanted), None)


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, or the name with a number where it is taken."""
    name, there = name[:_LONGEST_NAME].strip(), set(taken)
    numbered = (f"{name[: _LONGEST_NAME - 6].strip()} {number}" for number in range(2, len(there) + 3))
    return name if name not in there else next(each for each in numbered if each not in there)


def called(title: str | None, url: str) -> str:
    """What to call a feed: its title, else its host."""
    printable = "".join(letter if letter.isprintable() else " " for letter in title or "").strip()
    return printable[:_LONGEST_NAME].strip() or str(urlsplit(url).hostname or url)[:_LONGEST_NAME]


def planned(outlines: Sequence[Outline], settings: Settings, *, trusted: bool = False) -> list[PlannedSource]:
    """What becomes of each entry of a list.

    Args:
        outlines: the list.
        settings: with the sources that are there.
        trusted: whether the list may give its sources the `RIGHTS`.
    """
    names = {source.name for source in settings.sources}
    added: dict[str, PlannedSource] = {}
    plans = []
    for outline in outlines:
        plan = _plan(outline, settings, added, trusted=trusted)
        if plan.item:
            name = unique(plan.name, names)
            said = plan.said if name == plan.name else f"{plan.said}, as {short(name)}"
            plan = replace(plan, said=said, item=plan.item | {"name": name})
            names.add(name)
            added[comparable(str(outline.url))] = plan
        plans.append(plan)
    return plans


def _plan(
    outline: Outline, settings: Settings, added: Mapping[str, PlannedSource], *, trusted: bool
) -> PlannedSource:
    name = outline.name or called(None, outline.url or "an entry without a name")
    if not outline.url:
        return PlannedSource(name, "names no feed", refused=True)
    if there := known(settings, outline.url):
        return PlannedSource(name, f"is there already, as {short(there)}")
    if (twice := added.get(comparable(outline.url))) and twice.item:
        tags = dict.fromkeys([*twice.item.get("tags", ()), *outline.tags])
        if tags:
            twice.item["tags"] = list(tags)
        return PlannedSource(name, f"is in the list twice; its tags went to {short(twice.name)}")
    left_out = [right for right in RIGHTS if right in outline.more and not trusted]
    item = _item(outline, name, settings, trusted=trusted)
    try:
        FeedSource.model_validate(item)
    except ValidationError as error:
        said = "; ".join(f"{each['loc'][0]}: {sentence(each)}" for each in error.errors(include_url=False))
        return PlannedSource(name, said, refused=True)
    without = (
        f", without {' and '.join(left_out)} (a list cannot give these; see --trusted)" if left_out else ""
    )
    return PlannedSource(name, f"added{without}", item)


def _item(outline: Outline, name: str, settings: Settings, *, trusted: bool) -> dict[str, Any]:
    more = {
        key: value == "true" if FeedSource.model_fields[key].annotation is bool else value
        for key, value in outline.more.items()
        if key in FeedSource.model_fields and key not in _PLACED and (trusted or key not in RIGHTS)
    }
    item: dict[str, Any] = {"name": name, "url": outline.url} | more
    if outline.tags:
        item["tags"] = list(outline.tags)
    if outline.language and "language" not in more:
        item["language"] = outline.language
    if "every" in item and not item.get("i_own_this_host") and _hasty(item, settings):
        del item["every"]
    return item


def _hasty(item: Mapping[str, Any], settings: Settings) -> bool:
    """Whether its wait is one that only the owner of a host may set."""
    try:
        return FeedSource.model_validate(dict(item)).every < settings.fetch.floor
    except ValidationError:
        return False  # that is said of it


def outlines(settings: Settings) -> list[Outline]:
    """The feeds of the configuration as entries of a list, with all that is not a default."""
    return [_outline(source) for source in settings.sources if isinstance(source, FeedSource)]


def _outline(source: FeedSource) -> Outline:
    given = source.model_dump(mode="json", exclude_defaults=True)
    more = {
        key: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for key, value in given.items()
        if key not in _PLACED
    }
    return Outline(source.name, source.url, source.tags, source.language, more)


def item(name: str, url: str, *, tags: Sequence[str], switches: Mapping[str, bool]) -> Item:
    """A source as it is written into the configuration: what is not a default."""
    made: dict[str, Any] = {"name": name, "url": url}
    made |= {"tags": list(tags)} if tags else {}
    return made | {key: True for key, value in switches.items() if value}
