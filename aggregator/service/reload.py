"""What a new configuration changes in a service that runs: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.display import counted
from aggregator.settings import Settings

HELD = ("database", "serve")
"""What stays as it was at the start; to change it, the service is started again."""


@dataclass(frozen=True, slots=True)
class ReloadPlan:
    """What a reload does.

    Attributes:
        settings: with which the service goes on.
        held: sections that have changed and cannot, while it runs.
        tools: whether the fetcher and the parser have to be made anew.
        gone: names of sources that are read no more.
        summary: in words for a person.

    """

    settings: Settings
    held: tuple[str, ...]
    tools: bool
    gone: frozenset[str]
    summary: str


def change(old: Settings, new: Settings) -> ReloadPlan:
    """From the settings of a running service to those that were just read."""
    held = tuple(name for name in HELD if getattr(old, name) != getattr(new, name))
    settings = new.model_copy(update={name: getattr(old, name) for name in HELD})
    before, after = ({source.name: source for source in each.sources} for each in (old, new))
    added = len(after.keys() - before.keys())
    changed = sum(before[name] != after[name] for name in after.keys() & before.keys())
    gone = frozenset(before.keys() - after.keys())
    return ReloadPlan(
        settings=settings,
        held=held,
        tools=(old.fetch, old.parse) != (new.fetch, new.parse),
        gone=gone,
        summary=f"{counted(len(after), 'source')}: {added} new, {changed} changed, {len(gone)} gone",
    )
