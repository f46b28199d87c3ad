"""The pages in a real browser: narrow and wide, with script and without, and with hostile reports."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from shop import Shop, opened

from aggregator.model import Enclosure, Media
from aggregator.serve import passwords
from storage import readers
from storage.database import Database

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs chromium")

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}<script>alert(1)</script>",
    "<iframe src=https://evil.example/></iframe>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<form action=https://evil.example/><button autofocus onfocus=alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "\u2028alert(1)\u2029<script>alert(1)</script>",
)
ADDRESSES = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://a.example/"onclick=alert(1)',
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    """Story 1 of a fire, by three publishers, and story 2 of a budget, by two."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    desk.take(*(made(each, n) for n, each in enumerate((FIRE, FIRE_AGAIN, BUDGET, BUDGET_AGAIN, FIRE_LATER))))
    with opened(desk) as served:
        yield served
    database.close()


@pytest.fixture(params=[(390, True), (390, False), (1280, True), (1280, False)], ids=str)
def view(request, chromium, shop) -> Iterator[Page]:
    """A page of each width, with script and without."""
    width, script = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=script, base_url=shop.url
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def titles(page: Page) -> Locator:
    return page.locator("article h2 a")


def press(button: Locator) -> None:
    """Press a button, and wait until the server has done what it says."""
    with button.page.expect_response(lambda answer: answer.request.method == "POST"):
        button.click()


def test_a_reader_reads_filters_and_corrects(view):
    """All of it by what stands on the page: filter, open a story, take a report out, undo, merge, undo."""
    view.goto("/")
    expect(titles(view)).to_have_text([FIRE[0], BUDGET[0]])
    view.get_by_text("Filter").first.click()
    view.get_by_role("textbox", name="Publisher").fill("Paper 3")
    view.get_by_role("button", name="Show").click()
    expect(titles(view)).to_have_text([BUDGET[0]])
    view.get_by_role("link", name="Show all").click()
    view.get_by_role("link", name=FIRE[0]).click()
    expect(view.get_by_role("heading", level=1)).to_have_text(FIRE[0])
    expect(view.get_by_text("A dozen travellers breathed in smoke")).to_have_count(1)
    view.get_by_role("checkbox", name=FIRE_LATER[0]).check()
    press(view.get_by_role("button", name="Not this story"))
    expect(view.get_by_text("2 publishers")).to_have_count(1)
    press(view.get_by_role("button", name="Undo"))
    view.goto("/stories/1")
    expect(view.get_by_text("3 publishers")).to_have_count(1)
    view.get_by_label("The same event as story number").fill("2")
    press(view.get_by_role("button", name="These are one"))
    expect(view.get_by_text("5 publishers")).to_have_count(1)
    press(view.get_by_role("button", name="Undo"))
    view.goto("/")
    expect(titles(view)).to_have_count(2)


def test_a_reader_marks_and_logs_out(view, shop):
    """Star, mute, hear of it again; then, with a name and a password, log in and out."""
    view.goto("/")
    press(view.get_by_role("button", name="Star").first)
    view.goto("/?show=starred")
    expect(titles(view)).to_have_text([FIRE[0]])
    press(view.get_by_role("button", name="Mute", exact=True).first)
    view.goto("/")
    expect(titles(view)).to_have_text([BUDGET[0]])
    view.goto("/?show=muted")
    press(view.get_by_role("button", name="Unmute"))
    expect(titles(view)).to_have_text([])
    with shop.desk.database.writing() as tx:
        readers.add(tx, "ines", passwords.hashed("correct horse"), shop.desk.now)
    view.goto("/")
    view.get_by_label("Name").fill("ines")
    view.get_by_label("Password").fill("correct horse")
    view.get_by_role("button", name="Log in").click()
    view.get_by_role("button", name="Log out").wait_for()
    expect(titles(view)).to_have_count(2)
    view.get_by_role("button", name="Log out").click()
    expect(view.get_by_role("heading", level=1)).to_have_text("Log in")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(chromium, shop, width):
    """Whoever reads on a phone scrolls in one direction only."""
    page = chromium.new_page(base_url=shop.url, viewport={"width": width, "height": 800})
    for path in ("/", "/stories/1", "/sources", "/quality"):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.close()


def test_keys_walk_and_open(chromium, shop):
    """With j and k a reader walks, o opens, a slash leads to the filter, a question mark says the keys."""
    page = chromium.new_page(base_url=shop.url)
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("article.here")).to_have_attribute("data-id", "2")
    page.keyboard.press("k")
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("details.filters")).to_have_attribute("open", "")
    page.keyboard.type("jk")  # letters, where somebody writes
    expect(page.locator("article.here")).to_have_attribute("data-id", "1")
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/stories/1")
    page.close()


def test_what_reports_say_stays_inert(chromium, tmp_path):
    """Script payloads in every field: no dialog, no request to another host, no complaint of the policy."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    for number, payload in enumerate(PAYLOADS):
        desk.take(hostile(number, payload))
    asked: list[str] = []
    said: list[str] = []
    with opened(desk) as shop:
        page = chromium.new_page(base_url=shop.url)
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: said.append(message.text))
        with database.reading() as tx:
            paths = [f"/stories/{row.id}" for row in tx.exec_driver_sql("SELECT id FROM stories")]
        for path in ("/", "/?order=time", f"/?tag={PAYLOADS[3]}&publisher={PAYLOADS[0]}", "/sources", *paths):
            assert page.goto(path).status == 200
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            assert (
                page.locator(
                    "article img, iframe, base, article script, a[href^=javascript], a[href^=data]"
                ).count()
                == 0
            )
        page.close()
    database.close()
    assert said == []
    assert {url.split("/")[2] for url in asked} == {shop.url.removeprefix("http://")}


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
