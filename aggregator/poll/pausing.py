"""Pausing sources at a person's wish, and polling them again: for the command line, the pages and the API."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime

from aggregator.errors import NotFound
from aggregator.settings import Settings
from storage import paused_sources
from storage.database import Database
from storage.paused_sources import PausedSource


def must_be_known(settings: Settings, names: Iterable[str]) -> None:
    """Refuse names that no source has.

    Raises:
        NotFound: there is none of a name; with the one that may be meant.

    """
    known = [source.name for source in settings.sources]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`aggregator sources` lists them"
            raise NotFound(f"no source is called {name!r}", hint=hint)


def pause(
    database: Database, settings: Settings, names: Iterable[str], until: datetime | None, now: datetime
) -> None:
    """Poll these sources no more; what they gave stays.

    Args:
        database: is written.
        settings: say which sources there are.
        names: of sources.
        until: when they are polled again; None: when they are resumed.
        now: the present time.

    Raises:
        NotFound: there is none of a name; nothing is paused then.

    """
    wanted = dict.fromkeys(names)
    must_be_known(settings, wanted)
    with database.writing() as tx:
        for name in wanted:
            paused_sources.put(tx, PausedSource(name, now, until), now)


def resume(database: Database, settings: Settings, names: Iterable[str], now: datetime) -> list[str]:
    """Poll these sources again, as soon as they are due; those that were paused.

    Args:
        database: is written.
        settings: say which sources there are.
        names: of sources.
        now: the present time.

    Raises:
        NotFound: there is none of a name; nothing is resumed then.

    """
    wanted = dict.fromkeys(names)
    must_be_known(settings, wanted)
    with database.writing() as tx:
        were = paused_sources.paused(tx, now)
        paused_sources.drop(tx, wanted)
    return [name for name in wanted if name in were]
