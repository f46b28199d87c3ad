"""Pictures: fetched by us for our own pages only, by the browser, or not at all."""

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from desk import Desk
from events import FIRE, FIRE_AGAIN, made
from shop import Visitor, opened

from aggregator.model import Enclosure, Media
from aggregator.serve import pictures
from aggregator.settings import Fetching

PNG = b"\x89PNG\r\n\x1a\n and the rest"
BODIES = {
    "/p.png": PNG,
    "/p.jpg": b"\xff\xd8\xff\xe0 and the rest",
    "/p.gif": b"GIF89a and the rest",
    "/p.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "/p.avif": b"\x00\x00\x00\x20ftypavif",
    "/p.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "/p.html": b"<script>alert(1)</script>",
    "/large.png": PNG + bytes(3_000_000),
    "/empty.png": b"",
}
SHOWN = "https://paper0.example/p.png"


class Publisher(BaseHTTPRequestHandler):
    """Says of everything that it is a page: what it is shows itself."""

    def do_GET(self) -> None:
        body = BODIES.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def publisher() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def outside(monkeypatch) -> Iterator[str]:
    """A publisher at this machine, which may be asked for once."""
    get = pictures.Fetcher.get
    monkeypatch.setattr(
        pictures.Fetcher, "get", lambda self, url, **more: get(self, url, allow_private=True, **more)
    )
    with publisher() as address:
        yield address


def fetched(database, url: str, signature: str | None = None, mode: pictures.Mode = "proxy"):
    async def ask():
        async with pictures.Pictures(database, Fetching(), mode) as shown:
            return await shown.fetched(url, shown._signed(url) if signature is None else signature)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/p.png", "image/png"),
        ("/p.jpg", "image/jpeg"),
        ("/p.gif", "image/gif"),
        ("/p.webp", "image/webp"),
        ("/p.avif", "image/avif"),
        ("/p.svg", None),
        ("/p.html", None),
        ("/large.png", None),
        ("/empty.png", None),
        ("/gone.png", None),
    ],
)
def test_only_what_is_a_picture_is_sent_on(database, outside, path, kind):
    """By its first bytes; what the server says of it counts for nothing, and what can run is none."""
    answer = fetched(database, outside + path)
    assert (answer.status_code, answer.media_type) == ((200, kind) if kind else (404, "text/plain"))
    if kind:
        assert answer.body == BODIES[path]
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_nothing_is_fetched_for_whom_has_no_signature(database, outside):
    """Not from another installation either, nor where pictures are not fetched at all."""
    url = f"{outside}/p.png"
    assert fetched(database, url, "0" * 32).status_code == 404
    assert fetched(database, url, mode="none").status_code == 404
    assert fetched(database, url).status_code == 200


def test_no_private_network_is_reached(database):
    """Whatever a feed names for a picture."""
    with publisher() as address:
        assert fetched(database, f"{address}/p.png").status_code == 404


def test_a_page_shows_them_by_our_address_only(database):
    """The best report's, and those within its text; what is no address of the web is not shown."""
    desk = Desk(database)
    text = f'<p>Two <b>ships</b>.</p><img src="{SHOWN}" alt="a &gt; b &quot;c&quot;"><img src="javascript:x">'
    files = (Enclosure("https://paper0.example/e.mp3", "audio/mpeg", 12_345_678, 3723),)
    shown = Media(SHOWN, files, "https://paper0.example/comments", text)
    desk.take(made(FIRE, 0, media=shown), made(FIRE_AGAIN, 1))
    with opened(desk) as shop:
        visitor = Visitor(shop.url)
        front, story = visitor.get("/"), visitor.get("/stories/1")
        assert "img-src 'self'" in visitor.headers["Content-Security-Policy"]
        sources = re.findall(r'<img [^>]*src="([^"]*)"', front + story)
        assert len(sources) == 3
        for source in sources:
            asked = urlsplit(html.unescape(source))
            assert (asked.path, asked.netloc) == ("/pictures", "")
            assert parse_qs(asked.query)["of"] == [SHOWN]
        assert 'alt="a &gt; b &#34;c&#34;"' in story
        assert "<p>Two <b>ships</b>.</p>" in story
        for said in ("audio/mpeg</a>, 12 MB, 1:02:03", ">comments</a>"):
            assert said in story
        visitor.get("/pictures?" + urlencode({"of": SHOWN, "by": "0" * 32}))
        assert visitor.status == 404


@pytest.mark.parametrize(("mode", "source"), [("direct", SHOWN), ("none", None)])
def test_who_wants_it_otherwise_says_so(database, mode, source):
    shown = pictures.Pictures(database, Fetching(), mode)
    assert shown.source(SHOWN) == source
    assert shown.source("javascript:alert(1)") is None
    assert (f'src="{SHOWN}"' in shown.shown(f'<img src="{SHOWN}">')) == (source is not None)
