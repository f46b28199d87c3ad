"""Try a source without keeping anything of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aggregator.display import counted
from aggregator.errors import FolderError
from aggregator.settings import FolderSource, Source

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.parse.sandbox import Parser


async def try_source(source: Source, fetcher: Fetcher, parser: Parser, admit: Admit | None) -> str:
    """What the source would give, in words.

    Args:
        source: its configuration.
        fetcher: the door to the network.
        parser: reads what comes.
        admit: see `Fetcher.get`.

    Raises:
        SourceError: it would fail.

    """
    if isinstance(source, FolderSource):
        if not os.access(source.folder, os.R_OK | os.W_OK | os.X_OK):
            raise FolderError(
                f"{source.folder}: this user may not read it and move its files",
                hint="give the service's user all rights on it",
            )
        return f"folder {source.folder}"
    answer = await fetcher.get(source.url, allow_private=source.allow_private, admit=admit)
    parsed = await parser.parse(answer.body, "feed", url=answer.url, content_type=answer.content_type)
    damaged = f", damaged: {parsed.damaged}" if parsed.damaged else ""
    entries = counted(len(parsed.entries), "entry", "entries")
    return f"{entries}, {counted(answer.wire_bytes, 'byte')}{damaged}"
