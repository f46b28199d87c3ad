"""Everybody can read the pages: axe finds nothing, on a phone and on a desk, in the light and in the dark."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import PROGRAM, started
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, made
from playwright.sync_api import Browser
from shop import Shop, opened

from aggregator.model import Enclosure, Media
from aggregator.serve import passwords
from storage import readers
from storage.database import Database

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs chromium")

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PATHS = (
    *("/", "/?order=time", "/?q=smoke", "/?q=%22open", "/?language=xx", "/?show=starred"),
    *("/stories/1", "/stories/77", "/sources", "/quality"),
)
SHOWN = Media(
    None,
    (Enclosure("https://paper0.example/e.mp3", "audio/mpeg", 12_345, 67),),
    "https://paper0.example/comments",
    "<h4>Two</h4><p>A <a href='https://paper0.example/'>link</a>.</p><table><tr><th>a<td>b</table>",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """Two stories: one starred and read, that has grown; a muted word; a correction."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('axe')}/a.db")
    desk = Desk(database)
    desk.take(
        made(FIRE, 0, media=SHOWN, tags=("sea",)), *(made(e, n) for n, e in ((1, BUDGET), (2, BUDGET_AGAIN)))
    )
    desk.take(made(FIRE_AGAIN, 3), made((FIRE[0], FIRE[1]), 4))
    desk.merge(1, 2)
    desk.undo()
    with opened(desk) as served:
        yield served
    database.close()


def faults(browser: Browser, url: str, width: int, scheme: str) -> list[str]:
    """What axe finds on a page, with all of it unfolded."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(url)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(page, options=RULES).response["violations"]
    page.close()
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(chromium, shop, path, width, scheme):
    assert faults(chromium, shop.url + path, width, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_where_readers_log_in(chromium, tmp_path, scheme):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    with database.writing() as tx:
        readers.add(tx, "ines", passwords.hashed("correct horse"), desk.now)
    with opened(desk) as served:
        assert faults(chromium, f"{served.url}/login", 390, scheme) == []
    database.close()


def test_axe_would_find_something(chromium):
    """A page without a language, a title and an alternative."""
    assert any(
        each.startswith("image-alt") for each in faults(chromium, "data:text/html,<img src=x>", 390, "light")
    )
