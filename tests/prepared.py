"""What a command line finds in its folder: a configuration, and reports that somebody has dropped."""

import json
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]


def configure(folder: Path, *given: dict[str, Any], **more: Any) -> None:
    """Write the configuration: the inbox, and these sources."""
    inbox = {"name": "Inbox", "folder": "drop"}
    settings = {"sources": [inbox, *given], "folders": {"settle": "0s"}, "fetch": {"host_spacing": "0s"}}
    (folder / "a.yaml").write_text(json.dumps(settings | more))


def drop(
    *texts: tuple[str, str], publishers: tuple[str, ...] = ("Harbour News", "Island Times", "Post")
) -> None:
    """Put a file with these reports, each by its publisher, into the folder."""
    lines = [
        {
            "title": title,
            "text": text,
            "source": publisher,
            "published": "2026-11-20T09:30:00Z",
            "url": f"https://{publisher.split()[0].lower()}.example/{title.split()[0].lower()}",
        }
        for (title, text), publisher in zip(texts, publishers, strict=False)
    ]
    Path("drop/reports.jsonl").write_text("\n".join(map(json.dumps, lines)))
