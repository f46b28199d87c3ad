"""The pages in a real browser: narrow and wide, with script and without, and with hostile reports."""

from collections.abc import Iterator

import pytest
from browsing import PROGRAM, started
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made
from playwright.sync_api import Browser, Locator, Page, expect
from shop import Shop, opened

from aggregator.serve import passwords
from storage import readers
from storage.database import Database

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with started() as browser:
        yield browser


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
