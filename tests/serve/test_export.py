"""The pages as files: each link leads to a file, nothing needs a service, only what changed is written."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from browsing import PROGRAM, started
from desk import Desk
from events import BUDGET, FIRE, FIRE_AGAIN, chain, made
from shop import PAPER

from aggregator.errors import PublishError
from aggregator.serve import export as export_module
from aggregator.serve.export import Exported, export
from aggregator.settings import Settings
from storage import marks

LINK = re.compile(r'(?:href|src)="([^"]+)"')


@pytest.fixture
def desk(database) -> Desk:
    """30 stories, of which story 1 has two reports."""
    found = Desk(database)
    found.take(made(FIRE, 0, tags=("sea",)), made(FIRE_AGAIN, 1), made(BUDGET, 2))
    for number, words in enumerate(chain(1), 10):
        found.take(made(words, number))
    return found


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.model_validate(
        {"database": "sqlite://", "sources": [PAPER], "publish": {"directory": tmp_path / "feeds"}}
    )


def exported(desk: Desk, settings: Settings, folder: Path, most: int = 500) -> Exported:
    return asyncio.run(export(desk.database, settings, lambda: desk.now, folder, most))


def test_each_link_leads_to_a_file(desk, settings, tmp_path):
    """Or out into the web; and no form, no list that needs a service, no time that grows old."""
    assert exported(desk, settings, tmp_path / "site").stories == 12
    for file in (tmp_path / "site").rglob("*.html"):
        text = file.read_text("utf-8")
        assert "<form" not in text
        assert " ago<" not in text
        for link in LINK.findall(text):
            if not link.startswith(("https://", "#")):
                assert (file.parent / urldefrag(link).url).is_file(), (file, link)
    story = (tmp_path / "site/stories/1.html").read_text("utf-8")
    assert FIRE[0] in story
    assert "A dozen travellers breathed in smoke" in story
    assert (tmp_path / "site/feeds/all.rss").is_file()


def test_only_what_changed_is_written(desk, settings, tmp_path):
    """A story that grows is, with the lists; the page of one that is not among them any more goes."""
    first = exported(desk, settings, tmp_path / "site")
    assert first.written > 12
    desk.now = desk.now.replace(minute=59)
    before = {file: file.read_bytes() for file in (tmp_path / "site").rglob("*.html")}
    again = exported(desk, settings, tmp_path / "site")
    assert (again.stories, again.removed) == (12, 0)
    assert {each.name for each, body in before.items() if each.read_bytes() != body} <= {"sources.html"}
    desk.take(made(("Harvest", "Rain keeps the machines in their sheds at Ostrava."), 30))
    again = exported(desk, settings, tmp_path / "site", most=12)
    assert (again.stories, again.removed) == (12, 1)
    changed = {file.name for file, body in before.items() if file.exists() and file.read_bytes() != body}
    assert "index.html" in changed
    assert not {name for name in changed if name[0].isdigit()}, "no story has changed"


def test_lists_that_have_become_shorter_go(desk, settings, tmp_path, monkeypatch):
    """No link leads nowhere then either."""
    monkeypatch.setattr(export_module, "_A_PAGE", 4)
    assert exported(desk, settings, tmp_path / "site").stories == 12
    assert len(list((tmp_path / "site").glob("by-time-*.html"))) == 3
    assert exported(desk, settings, tmp_path / "site", most=3).removed == 9 + 2
    assert [each.name for each in (tmp_path / "site").glob("by-time-*.html")] == ["by-time-1.html"]


def test_files_say_nothing_of_any_reader(desk, settings, tmp_path):
    """Neither what they have read nor what they do not want to hear of."""
    with desk.database.writing() as tx:
        marks.mute_word(tx, 0, "parliament")
        marks.read(tx, 0, {1: 2}, desk.now)
    exported(desk, settings, tmp_path / "site")
    index = (tmp_path / "site/index.html").read_text("utf-8")
    assert BUDGET[0] in index
    assert "story read" not in index


def test_a_folder_that_cannot_be_written_is_an_error(desk, settings, tmp_path):
    (tmp_path / "site").touch()
    with pytest.raises(PublishError):
        exported(desk, settings, tmp_path / "site")


@pytest.mark.skipif(PROGRAM is None, reason="needs chromium")
def test_a_browser_shows_it_from_the_disk(desk, settings, tmp_path):
    """With its style; and one walks through it."""
    exported(desk, settings, tmp_path / "site")
    with started() as browser:
        page = browser.new_page()
        page.goto((tmp_path / "site/index.html").as_uri())
        page.get_by_role("link", name="By time").click()
        page.get_by_role("link", name=BUDGET[0]).click()
        assert page.get_by_role("heading", level=1).inner_text() == BUDGET[0]
        assert page.evaluate("getComputedStyle(document.querySelector('.skip')).position") == "absolute"


def test_the_command_says_what_it_did(aggregator, tmp_path, database):
    Desk(database).take(made(FIRE, 0))
    (tmp_path / "a.yaml").write_text(
        f"database: {database.engine.url.render_as_string(hide_password=False)}\n"
        "sources: [{name: A, url: 'https://a.example/'}]\n"
    )
    done = aggregator("--config", "a.yaml", "export-site", "site")
    assert re.fullmatch(r"1 story in site: \d+ files written, 0 removed\n", done.out)
    assert (tmp_path / "site/stories/1.html").is_file()
