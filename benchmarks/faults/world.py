"""A service's whole life in one folder, with all that was shown to it; and what must hold of it.

What a feed showed it goes on showing until the service says by its validator that it has it: only then may it
be gone. So a validator that runs ahead of the entries loses them for good. What was dropped is looked for
wherever it may be. A dropped list has one report that is rewritten from file to file, and a later file comes
first by its name: a list that is taken twice brings old words back.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.faults.child import Order

FEEDS = ("gazette", "courier")
FORMATS = ("rss", "atom", "json")
ONCE, SERVE = ("once", "--all"), ("run",)

_BEGAN = datetime(2026, 11, 1, 6, tzinfo=UTC)
_SYLLABLES = (
    "bar",
    "del",
    "fen",
    "gor",
    "hal",
    "kes",
    "lum",
    "mir",
    "nor",
    "pel",
    "rud",
    "sil",
    "tam",
    "vor",
)
_LINES = (
    "The {0} bridge at {1} was closed after {2} and {3} had counted {4} cracks in it, the council said.",
    "{2} of {1} told reporters that {4} people crossed the {0} bridge a day, and that {3} had warned of it.",
    "Engineers under {3} examine the {0} bridge near {1}; {2} asks the council for {4} thousand a month.",
)


@dataclass
class Findings:
    """What is wrong, each in words of its own; all of it empty where all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.half or self.astray)

    def all(self) -> list[str]:
        """Whatever it is."""
        return self.lost + self.doubled + self.half + self.astray

    def add(self, other: Findings) -> None:
        """What another look has found, too."""
        for name in ("lost", "doubled", "half", "astray"):
            getattr(self, name).extend(getattr(other, name))


@dataclass
class World:
    """Everything outside of the service.

    Attributes:
        folder: where it works.
        shown: titles in each feed, in order.
        kept: how many of them the service has said that it has, by feed.
        dropped: titles by the content of a file.
        editions: texts of the report that is rewritten, in order.

    """

    folder: Path
    rng: random.Random
    shown: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in FEEDS})
    kept: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FEEDS, 0))
    dropped: dict[bytes, list[str]] = field(default_factory=dict)
    editions: list[str] = field(default_factory=list)

    def settle(self, address: str) -> None:
        """Make the folder, with a configuration that leads to the feeds."""
        (self.folder / "drop").mkdir(parents=True)
        feeds = [
            {"name": name.title(), "url": f"{address}/{name}", "every": "1s"}
            | {"allow_private": True, "i_own_this_host": True}
            for name in FEEDS
        ]
        inbox = {"name": "Inbox", "folder": "drop", "every": "1s"}
        settings = {
            "sources": [inbox, *feeds],
            "folders": {"settle": "0s"},
            "fetch": {"host_spacing": "0s"},
            "publish": {"feeds": [{"name": "all", "formats": FORMATS}]},
        }
        (self.folder / "aggregator.yaml").write_text(json.dumps(settings))  # JSON is YAML

    def moved(self, folder: Path) -> World:
        """A copy of everything, in another folder."""
        shutil.copytree(self.folder, folder)
        rng = random.Random()
        rng.setstate(self.rng.getstate())
        shown = {name: list(titles) for name, titles in self.shown.items()}
        return World(folder, rng, shown, dict(self.kept), dict(self.dropped), list(self.editions))

    def order(self, command: tuple[str, ...] = ONCE, **more: Any) -> Order:
        """A run of the service in this world."""
        return Order(str(self.folder), command, **more)

    def said(self) -> str:
        """The last line that the service said."""
        return ((self.folder / "log.txt").read_text().splitlines() or ["nothing"])[-1]

    def waiting(self) -> bool:
        """Whether a file lies in the drop folder."""
        return any(path.is_file() for path in (self.folder / "drop").iterdir())

    # ---- what happens outside ----

    def show(self) -> None:
        """Each feed has something new."""
        for name, titles in self.shown.items():
            titles += [f"{name} {len(titles) + n}: {self._place()} is heard of" for n in range(2)]

    def drop(self) -> None:
        """Files are dropped: a text, and, once the last list is in the database, the next list."""
        number = len(self.dropped)
        title = f"text {number}: {self._place()} is dropped"
        self._put(f"{number:04}.txt", f"{title}\n\n{self._words(number)}\n", [title])
        if not self.editions or self.editions[-1] in self._texts():
            self.rewrite()

    def rewrite(self) -> None:
        """Drop the next list, which rewrites a report of the one before and comes first by its name."""
        number = len(self.editions)
        self.editions.append(f"edition {number}: {self._words(number)}")
        title = f"list {number}: {self._place()} is listed"
        records = [
            {"title": "The report that is rewritten", "url": "https://inbox.example/list/rewritten-again"}
            | {"text": self.editions[-1], "published": "2026-11-01T06:00:00Z"},
            {"title": title, "url": f"https://inbox.example/list/{number}", "text": self._words(number)},
        ]
        self._put(f"list-{9999 - number}.jsonl", "\n".join(map(json.dumps, records)), [title])

    def answer(self, feed: str, known: str | None) -> tuple[str, bytes | None]:
        """The entity tag and the body of a feed; no body for one who has it."""
        titles = self.shown[feed]
        tag = f'"{len(titles)}"'
        if known:
            self.kept[feed] = max(self.kept[feed], int(known.strip('"')))
        return tag, None if known == tag else _rss(feed, titles, self.kept[feed])

    def _put(self, name: str, content: str, titles: list[str]) -> None:
        self.dropped[content.encode()] = titles
        (self.folder / f".{name}").write_text(content)
        (self.folder / f".{name}").rename(self.folder / "drop" / name)

    def _place(self) -> str:
        return "".join(self.rng.choices(_SYLLABLES, k=3)).title()

    def _words(self, number: int) -> str:
        names = [self._place() for _ in range(4)]
        return " ".join(self.rng.choice(_LINES).format(*names, number + 12) for _ in range(3))

    def _texts(self) -> set[str]:
        with self._database() as database:
            return set() if database is None else {text for (text,) in _rows(database, _TEXTS)}

    # ---- what must hold ----

    def findings(self, *, at_rest: bool) -> Findings:
        """What is wrong now.

        Args:
            at_rest: after a run that was left to its end: then nothing waits outside any more.

        """
        found = Findings()
        with self._database() as database:
            titles = Counter(title for (title,) in _rows(database, "SELECT title FROM report"))
            if database is not None:
                found.half += _faults(database)
                found.astray += _astray(database)
                found.doubled += _taken_twice(database)
                if at_rest and self.editions:
                    (text,) = _rows(database, _REWRITTEN)[0]
                    if text != self.editions[-1]:
                        found.doubled.append(f"a list was taken twice: back to {text[:12]!r}")
        found.doubled += [f"{title!r} {n} times" for title, n in titles.items() if n > 1]
        owed = [title for feed, shown in self.shown.items() for title in shown[: self.kept[feed]]]
        if at_rest:
            owed = [title for shown in self.shown.values() for title in shown]
        found.lost += [f"shown, said to be known, not stored: {t!r}" for t in owed if t not in titles]
        self._look_for_files(found, titles, at_rest=at_rest)
        found.half += [f"{path.name}: {fault}" for path, fault in self._half_written()]
        return found

    def _look_for_files(self, found: Findings, stored: Counter[str], *, at_rest: bool) -> None:
        """Each dropped file is in the folder or, when its reports are stored, in ``done/``; once."""
        inbox = self.folder / "drop"
        waiting, done, failed = (
            Counter(path.read_bytes() for path in folder.glob("*") if path.is_file())
            for folder in (inbox, inbox / "done", inbox / "failed")
        )
        for content, titles in self.dropped.items():
            places = waiting[content] + done[content]
            if not places:
                found.lost.append(f"the file of {titles[0]!r} is nowhere")
            elif places > 1:
                found.doubled.append(f"the file of {titles[0]!r} is in {places} places")
            elif done[content] or at_rest:
                found.lost += [f"in done/, not stored: {t!r}" for t in titles if t not in stored]
        if failed:
            found.astray.append(f"{failed.total()} files in failed/")
        if at_rest and waiting:
            found.astray.append(f"{waiting.total()} files still wait")

    def _half_written(self) -> Iterator[tuple[Path, str]]:
        for kind in FORMATS:
            path = self.folder / "var/feeds" / f"all.{kind}"
            if path.exists():
                try:
                    _parse(path.read_bytes(), kind)
                except (ValueError, ET.ParseError) as error:
                    yield path, str(error)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection | None]:
        """A copy of the database and its log: whoever reads the original repairs it."""
        original = self.folder / "var/aggregator.db"
        if not original.exists():
            yield None
            return
        with tempfile.TemporaryDirectory() as folder:
            for path in original.parent.glob("aggregator.db*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            with closing(sqlite3.connect(f"{folder}/aggregator.db")) as connection:
                yield connection


@contextmanager
def serving() -> Iterator[tuple[str, list[World]]]:
    """A feed server with validators, its address, and where to put the world that it shows."""
    worlds: list[World] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tag, body = worlds[-1].answer(self.path.strip("/"), self.headers["If-None-Match"])
            self.send_response(200 if body else 304)
            self.send_header("ETag", tag)
            if body:
                self.send_header("Content-Type", "application/rss+xml")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Nothing: who is killed hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", worlds
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_TEXTS = "SELECT text FROM report UNION SELECT text FROM revision"
_REWRITTEN = "SELECT text FROM report WHERE title = 'The report that is rewritten'"
_ASTRAY = {
    "in no story": "SELECT count(*) FROM report WHERE id NOT IN (SELECT report_id FROM membership)",
    "in several stories": "SELECT count(*) - count(DISTINCT report_id) FROM membership",
    "in a story that is gone": (
        "SELECT count(*) FROM membership JOIN story ON story.id = story_id WHERE merged_into IS NOT NULL"
    ),
    "without a sketch": "SELECT count(*) FROM report WHERE id NOT IN (SELECT report_id FROM sketch)",
    "nobody's: stories without a report": (
        "SELECT count(*) FROM story WHERE merged_into IS NULL AND id NOT IN (SELECT story_id FROM membership)"
    ),
}


def _rows(database: sqlite3.Connection | None, query: str) -> list[tuple[Any, ...]]:
    """Rows; none where there is no such table yet."""
    if database is None or not database.execute("SELECT 1 FROM sqlite_master").fetchone():
        return []
    return database.execute(query).fetchall()


def _faults(database: sqlite3.Connection) -> list[str]:
    said = [line for (line,) in database.execute("PRAGMA integrity_check")]
    said += [f"no such {parent}" for _, _, parent, _ in database.execute("PRAGMA foreign_key_check")]
    return [f"the database: {line}" for line in said if line != "ok"]


def _astray(database: sqlite3.Connection) -> list[str]:
    found = ((what, _rows(database, query)) for what, query in _ASTRAY.items())
    return [f"{rows[0][0]} reports {what}" for what, rows in found if rows and rows[0][0]]


def _taken_twice(database: sqlite3.Connection) -> list[str]:
    """Words that a report has had more than once: they came back."""
    every = f"SELECT text FROM revision UNION ALL {_REWRITTEN}"
    query = f"SELECT text FROM ({every}) GROUP BY text HAVING count(*) > 1"
    return [f"a list was taken twice: {text[:12]!r} came back" for (text,) in _rows(database, query)]


def _parse(body: bytes, kind: str) -> None:
    """Read a published file to its end."""
    if kind == "json":
        json.loads(body)
    else:
        ET.fromstring(body)


def _rss(feed: str, titles: list[str], since: int) -> bytes:
    """What a feed shows: all that its reader does not have, and one more."""
    shown = []
    for number in range(max(since - 1, 0), len(titles)):
        words = random.Random(titles[number])
        names = ["".join(words.choices(_SYLLABLES, k=3)).title() for _ in range(4)]
        text = " ".join(line.format(*names, number + 12) for line in _LINES)
        date = format_datetime(_BEGAN + timedelta(minutes=number))
        shown.append(
            f"<item><guid>tag:{feed}.example,{number}</guid><title>{escape(titles[number])}</title>"
            f"<link>https://{feed}.example/news/story-{number}</link><pubDate>{date}</pubDate>"
            f"<description>{escape(text)}</description></item>"
        )
    head = f'<?xml version="1.0"?><rss version="2.0"><channel><title>{feed.title()}</title>'
    return f"{head}{''.join(shown)}</channel></rss>".encode()
