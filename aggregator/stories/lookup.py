"""Look up a story by any id that it ever had, a report by its id or its address."""

from __future__ import annotations

from typing import Any

from aggregator.display import short
from aggregator.errors import NotFound
from aggregator.normalise.address import canonical
from storage import reports, retention, stories
from storage.reports import Stored

LONGEST = 200
"""Characters of a name in an error."""

WHERE = "`aggregator show STORY` lists report ids"
"""The remedy for a report that is not there."""

_LARGEST_ID = 2**63 - 1


def standing(tx: Any, story: int) -> int:
    """The story that an id leads to today.

    Raises:
        NotFound: it never was one, or it was old enough to be forgotten.

    """
    found = stories.resolve(tx, story) if 0 < story <= _LARGEST_ID else None
    if found is None and 0 < story <= retention.last_story(tx):
        raise NotFound(
            f"story {story} is over: its last report came longer ago than stories are kept",
            hint="retention.stories says how long",
        )
    if found is None:
        raise NotFound(f"there is no story {story}", hint="`aggregator stories` lists them")
    return found


def is_stored(name: str) -> bool:
    """Whether this names a report by its id or its address, and not a file."""
    return (name.isascii() and name.isdigit()) or name.startswith(("http://", "https://"))


def stored(tx: Any, name: str) -> Stored:
    """The report with this id, or at this address however that is written.

    Raises:
        NotFound: there is none.

    """
    report_id: int | None = None
    if name.isascii() and name.isdigit():
        report_id = int(name[:20])  # longer ones are none, and take long to read
    elif is_stored(name):
        key = f"url:{canonical(name)}"
        report_id = reports.known(tx, [key]).get(key) or reports.by_url(tx, name)
    found = reports.get(tx, [report_id]) if report_id is not None and report_id <= _LARGEST_ID else {}
    if not found:
        raise NotFound(f"{short(name, LONGEST)}: there is no such report", hint=WHERE)
    return next(iter(found.values()))
