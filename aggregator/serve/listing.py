"""Which stories a reader is shown, of those that a filter wants, and how heavy each is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aggregator.model import Reader
from aggregator.publish.ranking import Weight, weigh
from storage import front as lists
from storage import marks, stories
from storage.marks import Mark
from storage.streams import voices


def weights(tx: Any, ids: Sequence[int], now: datetime) -> dict[int, Weight]:
    """How heavy each of these stories is now."""
    updated = lists.updates(tx, ids)
    return {each: weigh(firsts, updated[each], now) for each, firsts in lists.tellers(tx, ids).items()}


def wanted(
    tx: Any, reader: Reader, ids: Sequence[int], now: datetime, *, unread: bool, muted: bool
) -> tuple[list[int], dict[int, Mark]]:
    """Which of these stories a reader wants to see, and what they have marked of them.

    Args:
        tx: an open transaction.
        reader: who looks.
        ids: of stories.
        now: the present time.
        unread: only those that were not read, or have grown since.
        muted: those that are muted, and no others.

    """
    marked = marks.of_stories(tx, reader.id, ids)
    counts = voices(tx, list(marked)) if marked else {}
    hushed = _with_words(tx, marks.muted_words(tx, reader.id), ids)
    kept = []
    for story in ids:
        mark, count = marked.get(story, Mark()), counts.get(story, 0)
        silent = story in hushed or mark.is_muted(count, now)
        if silent == muted and not (unread and mark.is_read(count)):
            kept.append(story)
    return kept, marked


def _with_words(tx: Any, words: Sequence[str], ids: Sequence[int]) -> set[int]:
    """Those of the stories that have a muted word in their title."""
    if not words:
        return set()
    titles = stories.titles(tx, ids)
    return {story for story, title in titles.items() if marks.mutes(words, title)}
