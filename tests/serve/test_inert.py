"""Script in every field stays words: on the pages, in feeds, in the API, with the policy and without."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from browsing import PROGRAM, started
from desk import Desk
from events import made
from playwright.sync_api import Browser, Page
from shop import Shop, opened

from aggregator.model import Enclosure, Media
from aggregator.serve import passwords
from storage import marks, readers
from storage.database import Database

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs chromium")

OUT_OF = (
    *("", '">', "'>", "</title>", "</textarea>", "</style>", "</script>", "-->", "]]>", "</noscript>"),
    *("<!--><", "\u2028"),
)
VECTORS = (
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script href=data:,alert(1) />",
    "{{ 7 * 7 }}{% raw %}<script>alert(1)</script>",
    "<iframe src=https://evil.example/></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<form action=https://evil.example/><button autofocus onfocus=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>click</a>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<body onload=alert(1) onpageshow=alert(1)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<object data=https://evil.example/></object>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)
PAYLOADS = tuple(before + vector for before in OUT_OF for vector in VECTORS)
ADDRESSES = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://a.example/"onclick=alert(1)',
)
A_STORY = 38  # reports; a page shows 60
ALIVE = (
    *("article img", "iframe", "object", "base", "article script"),
    *("a[href^=javascript]", "a[href^=data]", "[onerror]", "[onload]"),
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """A few stories of many reports each, every one of which attacks in every field."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('hostile')}/a.db")
    desk = Desk(database)
    desk.take(*(hostile(number, payload) for number, payload in enumerate(PAYLOADS)))
    standing = sorted(desk.stories())
    for start in range(0, len(standing), A_STORY):
        desk.merge(*standing[start : start + A_STORY])
    with database.writing() as tx:
        for payload in PAYLOADS[:20]:
            marks.mute_word(tx, 0, payload[:90])
    with opened(desk) as served:
        yield served
    database.close()


class Watched:
    """A page, and all that it asks for and says."""

    def __init__(self, browser: Browser, url: str, *, policy: bool) -> None:
        self.url, self.asked, self.said = url, [], []  # type: ignore[var-annotated]
        self.context = browser.new_context(base_url=url, bypass_csp=not policy)
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.said.append(f"{message.text} {message.location}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def look(self, path: str, status: int = 200) -> None:
        """Open it, and all that unfolds on it."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, path
        self.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert self.page.locator(", ".join(ALIVE)).count() == 0, path

    def check(self) -> None:
        self.context.close()
        assert self.said == []
        assert {url.split("/")[2] for url in self.asked} == {self.url.removeprefix("http://")}


def test_there_are_many():
    assert len(set(PAYLOADS)) >= 222


@pytest.mark.parametrize("policy", [True, False])
def test_what_reports_say_stays_words(chromium, shop, policy):
    """No dialog, no request to another host, no complaint: the policy is the second wall, not the first."""
    watched = Watched(chromium, shop.url, policy=policy)
    for path in ("/", "/?order=time", "/?show=muted", "/sources", "/quality"):
        watched.look(path)
    for story in shop.desk.stories():
        watched.look(f"/stories/{story}")
    for payload in PAYLOADS[::10]:
        given = quote(payload, safe="")
        watched.look(f"/?q={given}&tag={given}&publisher={given}&source={given}")
    watched.check()


@pytest.mark.parametrize(
    "path", ["/feeds/query.rss", "/feeds/query.atom", "/feeds/query.json", "/api/v1/stories"]
)
def test_nor_does_a_browser_run_what_is_for_programs(chromium, shop, path):
    watched = Watched(chromium, shop.url, policy=True)
    watched.page.goto(path)
    watched.page.wait_for_load_state()
    watched.context.close()
    assert watched.said == []
    assert {url.split("/")[2] for url in watched.asked} == {shop.url.removeprefix("http://")}


@pytest.mark.parametrize("policy", [True, False])
def test_nor_where_readers_log_in(chromium, tmp_path, policy):
    """A name that attacks, typed wrongly and rightly."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    with database.writing() as tx:
        readers.add(tx, PAYLOADS[1], passwords.hashed("correct horse"), desk.now)
    with opened(desk) as served:
        watched = Watched(chromium, served.url, policy=policy)
        for typed in ("wrong horse", "correct horse"):
            watched.look("/login")
            watched.page.get_by_label("Name").fill(PAYLOADS[1])
            watched.page.get_by_label("Password").fill(typed)
            with watched.page.expect_response(lambda answer: answer.request.method == "POST"):
                watched.page.get_by_role("button", name="Log in").click()
            watched.page.wait_for_load_state()
        watched.look("/")
        assert PAYLOADS[1] in watched.page.inner_text("main")
        watched.said = [each for each in watched.said if "401" not in each and "403" not in each]
        watched.check()
    database.close()


def hostile(number: int, payload: str) -> Any:
    """A report that attacks in every field."""
    return made(
        (payload, f"{payload} Ferry {number} burns. {payload}"),
        number,
        publisher=payload,
        source=payload,
        tags=(payload,),
        authors=(payload,),
        url=ADDRESSES[number % len(ADDRESSES)],
        media=Media(
            "javascript:alert(1)",
            (Enclosure("data:text/html,<script>alert(1)</script>", payload, 1, 1),),
            "javascript:alert(1)",
            f"<b>{payload}</b><img src=x onerror=alert(1)><a href=javascript:alert(1)>x</a>",
        ),
    )
