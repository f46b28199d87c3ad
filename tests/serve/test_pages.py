"""The pages, as anybody meets them who has no script."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from desk import Desk
from events import BUDGET, BUDGET_AGAIN, FIRE, FIRE_AGAIN, FIRE_LATER, made
from shop import Shop, Visitor, opened

from aggregator.serve import passwords
from storage import readers
from storage.database import Database


@pytest.fixture
def shop(database) -> Iterator[Shop]:
    """Story 1 of a fire, by three publishers, and story 2 of a budget, by two."""
    desk = Desk(database)
    words = (FIRE, FIRE_AGAIN, BUDGET, BUDGET_AGAIN, FIRE_LATER)
    desk.take(
        *(made(each, number, tags=("Sea",) if each is FIRE else ()) for number, each in enumerate(words))
    )
    with opened(desk) as served:
        yield served


@pytest.fixture
def visitor(shop) -> Visitor:
    return Visitor(shop.url)


def shown(text: str) -> list[int]:
    """Ids of the stories that a list shows."""
    return [int(each) for each in re.findall('<article class="story(?: read)?" data-id="([0-9]+)"', text)]


@pytest.mark.parametrize("path", ["/", "/?order=time", "/stories/1", "/sources", "/quality", "/stories/77"])
def test_a_page_is_small_and_lets_nothing_in(visitor, path):
    """Under 60 kB, no script or style inside, nothing from elsewhere, and a policy that says so."""
    text = visitor.get(path)
    assert len(text.encode()) < 60_000
    assert not re.search(r"<style|\sstyle=|<script(?! src=\"/static/)|\son\w+=", text)
    assert not re.search(r'(?:src|href)="(?!/|#|https://paper\d)', text)
    policy = visitor.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_what_is_searched_for_is_marked_and_kept(visitor):
    """In titles and leads; the feed of the search stands beside it; what is not understood is said."""
    text = visitor.get("/?q=aurelia")
    assert "<mark>Aurelia</mark>" in text
    assert 'href="/feeds/query.rss?q=aurelia"' in text
    text = visitor.get("/?q=since:never")
    assert "since:never is no time" in text
    assert shown(text) == []


@pytest.mark.parametrize(
    ("query", "stories"),
    [
        ("", [1, 2]),
        ("?order=time", [2, 1]),
        ("?q=aurelia", [1]),
        ("?q=aurelia+tag:land", []),
        ("?q=-aurelia", [2]),
        ("?q=aurelia&publisher=Paper+3", []),
        ("?tag=sea", [1]),
        ("?tag=land", []),
        ("?publisher=Paper+3", [2]),
        ("?source=Paper+4", [1]),
        ("?source=Paper+4&publisher=Paper+3", []),
        ("?language=en", [1, 2]),
        ("?language=de", []),
        ("?corroborated=1", [1, 2]),
        ("?page=2", []),
    ],
)
def test_the_front_page_shows_what_is_wanted(visitor, query, stories):
    """By weight the story of three publishers is the first; every filter stands in the address."""
    assert shown(visitor.get(f"/{query}")) == stories


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?order=luck", "?tag=%00", f"?tag={'x' * 201}"])
def test_what_cannot_be_asked_is_refused(visitor, query):
    """In words, with a status that says so, and not as a fault of ours."""
    visitor.get(f"/{query}")
    assert visitor.status == 422


def test_a_story_alone_is_not_corroborated(shop, visitor):
    """One publisher is no corroboration, however often it reports."""
    shop.desk.take(made(("Harvest begins in Tarn", "The harvest of barley begins early in Tarn."), 9))
    assert 3 in shown(visitor.get("/?order=time"))
    assert 3 not in shown(visitor.get("/?order=time&corroborated=1"))


def test_a_story_shows_what_each_report_adds(visitor):
    """The best report whole, of the others their new sentences, why each is here, and how it grew."""
    text = visitor.get("/stories/1")
    assert "The fire began in the engine room shortly after nine" in text
    assert "A dozen travellers breathed in smoke" in text
    assert text.count('class="waterfall"') == 2
    assert 'class="spark"' in text


def test_a_story_that_never_was_is_not_found(visitor):
    """Nor is one whose number no database can hold."""
    for number in (77, 2**70, -1):
        visitor.get(f"/stories/{number}")
        assert visitor.status == 404


def test_a_person_corrects_and_takes_it_back(visitor):
    """Split, undo, merge, undo: each leads to the story as it is then, and a merged id leads on."""
    visitor.get("/stories/1")
    assert "3 publishers" in visitor.send("/stories/1/split", report=5).replace(
        "2 publishers", "3 publishers"
    )
    assert shown(visitor.get("/?order=time")) == [3, 2, 1]
    visitor.get("/stories/1")
    visitor.send("/undo")
    assert shown(visitor.get("/?order=time")) == [2, 1]
    visitor.get("/stories/1")
    visitor.send("/stories/1/merge", other=2)
    assert "5 publishers" in visitor.get("/stories/2")
    assert visitor.at.endswith("/stories/1")
    visitor.send("/undo")
    assert "2 publishers" in visitor.get("/stories/2")
    assert "People have corrected stories 0 times" in visitor.get("/quality")
    assert "2 more were undone" in visitor.text


@pytest.mark.parametrize(
    ("fields", "values", "status"),
    [
        ({}, {}, 200),
        ({}, {"csrf": ""}, 403),
        ({}, {"csrf": "x" * 43}, 403),
        ({}, {"csrf": "ü" * 43}, 403),
        ({"Origin": "https://elsewhere.example"}, {}, 403),
        ({"Origin": "null"}, {}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403),
    ],
)
def test_only_our_own_forms_count(shop, fields, values, status):
    """A form of another site lacks the word, or its browser says where it comes from."""
    visitor = Visitor(shop.url, **fields)
    visitor.get("/stories/1")
    visitor.send("/stories/1/split", report=5, **values)
    assert visitor.status == status


@pytest.mark.parametrize("values", [{"report": 3}, {"report": [1, 2, 5]}, {"report": 2**70}, {}])
def test_what_cannot_be_corrected_is_said(visitor, values):
    """A report of another story, all of them, one that cannot be, none: nothing changes."""
    visitor.get("/stories/1")
    visitor.send("/stories/1/split", **values)
    assert visitor.status in (409, 422)
    assert "3 publishers" in visitor.get("/stories/1")


def test_who_only_reads_finds_no_buttons(database):
    """`aggregator serve` corrects nothing: neither is there a form, nor an address for one."""
    desk = Desk(database)
    desk.take(made(FIRE, 0), made(FIRE_AGAIN, 1))
    with opened(desk, writable=False) as served:
        visitor = Visitor(served.url)
        assert "<form" not in visitor.get("/stories/1")
        visitor.send("/undo")
        assert visitor.status in (404, 405)


def test_readers_log_in_where_stories_are_only_shown(database):
    """`aggregator serve` lets nobody in who has no name, once somebody has one."""
    desk = Desk(database)
    desk.take(made(FIRE, 0))
    with database.writing() as tx:
        readers.add(tx, "ines", passwords.hashed("correct horse"), desk.now)
    with opened(desk, writable=False) as served:
        visitor = Visitor(served.url)
        assert "Log in" in visitor.get("/stories/1")
        visitor.send("/login", name="ines", password="correct horse")
        assert FIRE[0] in visitor.get("/stories/1")
        assert "Log out" in visitor.get("/")
        visitor.send("/logout")
        assert "Log in" in visitor.get("/")


def test_a_correction_after_publication_is_a_diff(shop, visitor):
    """What went and what came stand side by side, and in the story only what is said now."""
    report = made(FIRE, 0)
    shop.desk.take(replace(report, text=report.text.replace("Twelve people", "Fourteen people")))
    text = visitor.get("/stories/1")
    assert "<del>Twelve</del>" in text
    assert "<ins>Fourteen</ins>" in text


def test_copies_are_folded_under_what_they_copy(shop, visitor):
    """A reprint is named, and adds nothing."""
    shop.desk.take(made(FIRE_AGAIN, 8, published=shop.desk.now + timedelta(hours=1)))
    text = visitor.get("/stories/1")
    assert "1 of the same text" in text
    assert text.count("A dozen travellers breathed in smoke") == 1


def test_what_the_last_rehearsal_said(aggregator, tmp_path):
    """Beside what people have corrected: how much of it the settings know by themselves."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    desk.take(made(FIRE, 0), made(FIRE_AGAIN, 1), made(BUDGET, 2))
    desk.split(1, 2)
    (tmp_path / "a.yaml").write_text(
        f"database: sqlite:///{tmp_path}/a.db\nsources: [{{name: A, url: 'https://a.example/'}}]\n"
    )
    with opened(desk) as served:
        visitor = Visitor(served.url)
        assert "what it said last stands here" in visitor.get("/quality")
        assert aggregator("--config", "a.yaml", "rehearse", "--set", "dedup.story_bar=0.65").status == 0
        said = " ".join(visitor.get("/quality").split())
    assert (
        "with dedup.story_bar=0.65: 3 reports, 3 stories now and 3 then; 0 would merge, 0 would split."
        in said
    )
    assert "Of 1 pairs that people put apart, 0 come out so by themselves." in said
    database.close()


def test_the_sources_and_their_list(visitor):
    """How each fares, and an OPML file that any reader takes."""
    text = visitor.get("/sources")
    assert "never polled" in text
    assert 'class="hours"' in text
    assert 'xmlUrl="https://paper0.example/feed"' in visitor.get("/sources.opml")


def test_a_source_is_paused_and_polled_again(shop, visitor):
    """For as long as was said, with why on the page; a source that is not there is not found."""
    visitor.get("/sources")
    text = visitor.send("/sources/pause", name="Paper 0", days="7")
    until = shop.desk.now + timedelta(days=7)
    assert f"paused by a person until {until:%a %Y-%m-%d %H:%M} GMT" in text
    assert "Pause Paper 0" not in text
    text = visitor.send("/sources/resume", name="Paper 0")
    assert "paused by a person" not in text
    assert "paused by a person until it is resumed" in visitor.send("/sources/pause", name="Paper 0")
    visitor.send("/sources/pause", name="Paper 9")
    assert visitor.status == 404
    visitor.get("/sources")
    visitor.text = ""
    visitor.send("/sources/resume", name="Paper 0")
    assert visitor.status == 403, "another site knows no word of ours"


def test_a_file_has_its_digest_in_its_address(visitor):
    """So it is kept for ever; another digest, or another name, is not found."""
    (path,) = re.findall('href="(/static/[^"]+css)"', visitor.get("/"))
    visitor.get(path)
    assert "immutable" in visitor.headers["Cache-Control"]
    for wrong in (path.replace("/static/", "/static/0"), path.replace("page.css", "..%2f__init__.py")):
        visitor.get(wrong)
        assert visitor.status == 404
