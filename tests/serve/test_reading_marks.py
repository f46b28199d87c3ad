"""What readers mark on the pages, and who they are."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from desk import Desk
from events import BUDGET, FIRE, FIRE_AGAIN, FIRE_LATER, made
from shop import Shop, Visitor, opened

from aggregator.serve import passwords
from storage import readers
from storage.database import Database

SECRET = "correct horse"


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    """Story 1 of a fire, by one publisher, and story 2 of a budget."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    desk = Desk(database)
    desk.take(made(FIRE, 0), made(BUDGET, 1))
    with opened(desk) as served:
        yield served
    database.close()


@pytest.fixture
def visitor(shop) -> Visitor:
    return Visitor(shop.url)


def lists(visitor: Visitor, story: int, query: str = "") -> bool:
    return f'id="story-{story}"' in visitor.get(f"/{query}")


def test_what_was_read_comes_back_when_it_has_grown(shop, visitor):
    """A copy does not bring it back; another voice does, and its page says what is new."""
    visitor.get("/stories/1")
    assert not lists(visitor, 1, "?show=unread")
    shop.desk.take(made(FIRE, 8))
    assert not lists(visitor, 1, "?show=unread")
    shop.desk.take(made(FIRE_AGAIN, 9))
    assert lists(visitor, 1, "?show=unread")
    assert "1 new voice" in visitor.text
    assert "new since you read it" in visitor.get("/stories/1")
    assert "new since you read it" not in visitor.get("/stories/1")


@pytest.mark.parametrize(
    ("name", "undo", "show"), [("star", "unstar", "starred"), ("mute", "unmute", "muted")]
)
def test_a_mark_is_set_and_taken_away(visitor, name, undo, show):
    """And there is a list of those that have it."""
    visitor.get("/")
    visitor.send("/marks", back="/sources", **{name: 1})
    assert visitor.at.endswith("/sources")
    assert lists(visitor, 1, f"?show={show}")
    assert lists(visitor, 1) == (name != "mute")
    visitor.send("/marks", **{undo: 1})
    assert not lists(visitor, 1, f"?show={show}")
    assert lists(visitor, 1)


def test_muted_for_days(shop, visitor):
    """It comes back when they are over."""
    visitor.get("/")
    visitor.send("/marks", mute=1, days=2)
    shop.desk.now += timedelta(days=1)
    assert not lists(visitor, 1)
    shop.desk.now += timedelta(days=1)
    assert lists(visitor, 1)


def test_muted_until_it_grows(shop, visitor):
    """By as many voices as were said."""
    visitor.get("/")
    visitor.send("/marks", mute=1, grow=2)
    shop.desk.take(made(FIRE_AGAIN, 9))
    assert not lists(visitor, 1)
    shop.desk.take(made(FIRE_LATER, 10))
    assert lists(visitor, 1)


@pytest.mark.parametrize(("word", "hidden"), [("AURELIA", True), ("port sallow", True), ("aurel", False)])
def test_a_muted_word(visitor, word, hidden):
    """Whole words, in upper or lower case; taken back, the story is there again."""
    visitor.get("/")
    visitor.send("/marks", word=word)
    assert lists(visitor, 1) != hidden
    assert lists(visitor, 2)
    visitor.send("/marks", unword=word.casefold())
    assert lists(visitor, 1)


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\r\nX: y"])
def test_a_form_leads_nowhere_else(visitor, back):
    """Only to a page of ours."""
    visitor.get("/")
    visitor.send("/marks", star=1, back=back)
    assert visitor.status == 422


def test_readers_with_names_log_in_and_out(shop, visitor):
    """From the first one on everybody has to; each has marks of their own."""
    with shop.desk.database.writing() as tx:
        for name in ("ines", "tom"):
            readers.add(tx, name, passwords.hashed(SECRET), shop.desk.now)
    for path in ("/", "/stories/1", "/sources", "/sources.opml", "/quality"):
        visitor.get(path)
        assert visitor.at.endswith("/login")
    visitor.send("/login", name="ines", password="wrong horse")
    assert visitor.status == 401
    visitor.send("/login", name="ines", password=SECRET)
    assert lists(visitor, 1)
    visitor.send("/marks", star=1)
    other = Visitor(shop.url)
    other.get("/login")
    other.send("/login", name="tom", password=SECRET)
    assert not lists(other, 1, "?show=starred")
    assert lists(visitor, 1, "?show=starred")
    visitor.send("/logout")
    visitor.get("/")
    assert visitor.at.endswith("/login")


def test_who_guesses_is_stopped(shop, visitor):
    """After five wrong passwords the right one helps no more, until a quarter of an hour has passed."""
    with shop.desk.database.writing() as tx:
        readers.add(tx, "ines", passwords.hashed(SECRET), shop.desk.now)
    visitor.get("/login")
    for _ in range(5):
        visitor.send("/login", name="ines", password="wrong horse")
    visitor.send("/login", name="ines", password=SECRET)
    assert visitor.status == 429
    shop.desk.now += timedelta(minutes=16)
    visitor.send("/login", name="ines", password=SECRET)
    assert lists(visitor, 1)


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_who_was_passed_on_is_not_the_reader_of_this_machine(shop, field):
    """A web server in front comes from loopback, and those whom it lets through do not."""
    visitor = Visitor(shop.url, **{field: "203.0.113.9"})
    visitor.get("/")
    assert visitor.status == 403
