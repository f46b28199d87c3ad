"""What a target is told of stories: as JSON for programs, as text and HTML for people; pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from html import escape
from typing import Any

from aggregator.display import counted
from aggregator.model import Story
from aggregator.publish.item import Item, item

SIGNATURE = "X-Aggregator-Signature-256"
"""The field with ``sha256=`` and the HMAC of the body in hexadecimal digits, as many services have it."""


def as_json(story: Story, page: str | None) -> bytes:
    """A story for a webhook; `page` is where people read it, if anywhere."""
    shown = item(story)
    told: dict[str, Any] = {
        "event": "story",
        "id": story.id,
        "uuid": story.uuid,
        "title": shown.title,
        "lead": shown.summary,
        "url": page or shown.link,
        "updated": shown.updated.isoformat(),
        "publishers": list(shown.publishers),
        "voices": shown.voices,
        "tags": list(shown.tags),
        "reports": [
            {
                "publisher": line.publisher,
                "title": line.title,
                "url": line.link,
                "published": line.published.isoformat(),
                "language": line.language,
            }
            for line in shown.lines
        ],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, body: bytes) -> str:
    """What `SIGNATURE` says of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def subject(stories: Sequence[Story]) -> str:
    """Of an e-mail: the story, or how many there are and the first of them."""
    first = item(stories[0]).title
    return first if len(stories) == 1 else f"{counted(len(stories), 'story', 'stories')}: {first}"


def as_text(stories: Sequence[Story], pages: Sequence[str | None]) -> str:
    """Stories for people, as plain text."""
    return "\n\n\n".join(_text(item(story), page) for story, page in zip(stories, pages, strict=True)) + "\n"


def _text(shown: Item, page: str | None) -> str:
    lines = [shown.title, _told_by(shown), ""]
    lines += [shown.summary, ""] if shown.summary else []
    lines += [f"{line.publisher}: {line.title}\n{line.link or ''}".rstrip() for line in shown.lines]
    return "\n".join([*lines, *(["", page] if page else [])])


def as_html(stories: Sequence[Story], pages: Sequence[str | None]) -> str:
    """The same as HTML: every word from a report is escaped, and nothing is loaded."""
    parts = [_html(item(story), page) for story, page in zip(stories, pages, strict=True)]
    return f"<!DOCTYPE html>\n<html><body>\n{'<hr>'.join(parts)}\n</body></html>\n"


def _html(shown: Item, page: str | None) -> str:
    target = page or shown.link
    title = escape(shown.title)
    head = f'<a href="{escape(target)}">{title}</a>' if target else title
    lines = "".join(
        f'<li>{escape(line.publisher)}: <a href="{escape(line.link)}">{escape(line.title)}</a></li>'
        if line.link
        else f"<li>{escape(line.publisher)}: {escape(line.title)}</li>"
        for line in shown.lines
    )
    return f"<h2>{head}</h2><p>{escape(_told_by(shown))}</p><p>{escape(shown.summary)}</p><ul>{lines}</ul>"


def _told_by(shown: Item) -> str:
    return f"{', '.join(shown.publishers)}; {counted(shown.voices, 'independent text')}"
