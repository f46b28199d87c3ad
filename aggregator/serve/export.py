"""The pages as files for any web server: the same ones, with relative links, and without a service.

Each page is asked for as a browser would, then what would lead nowhere is taken out: forms, and links to
lists that are not among the files. Times are written out, so that a page changes only when its story does.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from aggregator.model import Reader
from aggregator.publish import files
from aggregator.serve import feeds, pages, pictures
from aggregator.serve.pages import Desk
from aggregator.serve.pages import front as front_page
from aggregator.serve.pages.rendering import static
from aggregator.serve.visitors import Visitors
from storage import front
from storage.front import Filters

if TYPE_CHECKING:
    from aggregator.settings import Settings
    from storage.database import Database

STORIES = 500
"""How many stories have a page, the last updated ones, unless somebody wants more."""

_A_PAGE = 25
_FORM = re.compile(r"<form\b.*?</form>|<details class=\"(?:filters|weight)\".*?</details>", re.DOTALL)
_LINK = re.compile(r'<a ([^>]*?)href="(/[^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
_LOADED = re.compile(r'(<(?:link|script|img) [^>]*?(?:href|src)=")(/[^"]*)"')
_TIME = re.compile(r'<time datetime="([^"]+)">[^<]*</time>')
_HEAD = "<head>\n"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has done.

    Attributes:
        stories: how many have a page.
        written: files that are new or have changed.
        removed: pages of stories and lists that are among them no more.
    """

    stories: int
    written: int
    removed: int


_NOBODY = Reader(-1, "nobody")
"""Who has marked and muted nothing: files are for all, and say nothing of any reader."""


class _Everybody(Visitors):
    """Whoever asks may read."""

    def __call__(self, request: Request) -> Reader:
        return _NOBODY

    def known(self, request: Request) -> Reader | None:
        """The reader whom files have."""
        return _NOBODY


async def export(
    database: Database, settings: Settings, now: Callable[[], datetime], folder: Path, most: int = STORIES
) -> Exported:
    """Write the pages into a folder; each file is the old one or the new one, never half of one.

    Args:
        database: with the stories.
        settings: all of them.
        now: the clock.
        folder: where to; made where it is not there.
        most: stories that get a page.

    Raises:
        PublishError: a file cannot be written.
    """
    mode: pictures.Mode = "direct" if settings.serve.pictures == "direct" else "none"
    shown = pictures.Pictures(database, settings.fetch, mode)
    desk = Desk(database, lambda: settings, now, _Everybody(database, now), shown, writable=False)
    app = FastAPI(openapi_url=None)
    for router in (feeds.router(desk), pages.router(desk)):
        app.include_router(router)
    with database.reading() as tx:
        ids = front.newest(tx, Filters(), most)
    written = 0
    named = dict(_named(ids, settings))
    for path, name in named.items():
        status, body = await _asked(app, path)
        if status == 200:
            written += files.write((folder / name).parent, Path(name).name, _fit(body, name, named, mode))
    for name in map(static, ("page.css", "page.js", "icon.svg")):
        _, body = await _asked(app, name)
        written += files.write(folder / "static", name.rpartition("/")[2], body)
    return Exported(len(ids), written, _swept(folder, frozenset(named.values())))


def _named(ids: list[int], settings: Settings) -> Iterator[tuple[str, str]]:
    """The address of each page, and the file that it is in."""
    yield "/", "index.html"
    for number in range(1, min((len(ids) + _A_PAGE - 1) // _A_PAGE, front_page.LAST) + 1):
        query = "?order=time" if number == 1 else f"?order=time&page={number}"
        yield f"/{query}", f"by-time-{number}.html"
    yield "/sources", "sources.html"
    for story in ids:
        yield f"/stories/{story}", f"stories/{story}.html"
    for feed in settings.publish.feeds:
        for kind in feed.formats:
            yield f"/feeds/{feed.name}.{kind}", f"feeds/{feed.name}.{kind}"


async def _asked(app: FastAPI, path: str) -> tuple[int, bytes]:
    """What the pages answer, without a server between."""
    where, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    status, body = 500, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body


def _fit(body: bytes, name: str, named: Mapping[str, str], mode: pictures.Mode) -> bytes:
    """A page as a file: what needs a service goes, and links lead to other files."""
    if not name.endswith(".html"):
        return body
    up = "../" * name.count("/")

    def led(found: re.Match[str]) -> str:
        target = named.get(html.unescape(found[2]))
        if target is None:
            return f"<span>{found[4]}</span>"
        return f'<a {found[1]}href="{up}{target}"{found[3]}>{found[4]}</a>'

    text = _FORM.sub("", body.decode())
    text = _TIME.sub(lambda found: f'<time datetime="{found[1]}">{_written(found[1])}</time>', text)
    text = _LINK.sub(led, text)
    text = _LOADED.sub(lambda found: f'{found[1]}{up}static/{found[2].rpartition("/")[2]}"', text)
    images = " http: https:" if mode == "direct" else ""
    policy = (
        f"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'{images}; base-uri 'none'"
    )
    said = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    return text.replace(_HEAD, _HEAD + said, 1).encode()


def _written(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"


def _swept(folder: Path, named: frozenset[str]) -> int:
    """Remove the pages of stories, and of lists, that are not among these; how many."""
    ours = [*folder.glob("by-time-*.html"), *(folder / "stories").glob("*.html")]
    gone = [
        file
        for file in ours
        if file.stem.rpartition("-")[2].isdigit() and str(file.relative_to(folder)) not in named
    ]
    for file in gone:
        file.unlink(missing_ok=True)
    return len(gone)
