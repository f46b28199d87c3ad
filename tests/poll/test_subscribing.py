"""Which sources there are: `add` finds a feed over real HTTP, `import` and `export` hand lists over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from aggregator.configuration import comparable, load
from aggregator.parse import opml
from aggregator.parse.opml import Outline
from aggregator.poll import subscriptions
from aggregator.settings import FeedSource, Settings

MINE = """\
# What I read.
sources:
  - name: Inbox   # drop things here
    folder: drop

fetch: {host_spacing: 0s}  # my own server
"""
ALTERNATE = '<link rel="alternate" type="application/rss+xml" href="{}" title="{}">'


@pytest.fixture
def aggregator(aggregator, tmp_path, monkeypatch) -> Callable[..., Any]:
    """The same, with the configuration of a person."""
    monkeypatch.setenv("AGGREGATOR_CONFIG", "a.yaml")
    (tmp_path / "a.yaml").write_text(MINE)
    return aggregator


def config() -> str:
    return Path("a.yaml").read_text()


def with_source(*lines: str) -> str:
    """The person's file with these lines after the inbox."""
    before, rest = MINE.split("    folder: drop\n")
    return before + "    folder: drop\n" + "".join(f"{line}\n" for line in lines) + rest


def asked(origin) -> list[str]:
    return [path for path, _, _ in origin.asked]


# ---- add ----


def test_the_feed_that_a_page_names_is_tried_and_added(aggregator, origin, rss):
    """One request each; the file gains three lines, and keeps its comments."""
    origin.pages |= {"/": ALTERNATE.format("news.xml", "").encode(), "/news.xml": rss({"title": "x"})}
    done = aggregator("add", f"{origin.url}/", "--allow-private", "--tag", "sea", "--full-text")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"found  {origin.url}/news.xml: Harbour Gazette, 1 entry, 141 bytes",
        "added  Harbour Gazette to a.yaml. It takes effect at a reload or restart.",
    ]
    assert asked(origin) == ["/", "/news.xml"]
    assert config() == with_source(
        "  - name: Harbour Gazette",
        f"    url: {origin.url}/news.xml",
        "    tags: [sea]",
        "    full_text: true",
        "    allow_private: true",
    )


def test_a_feed_itself_is_added_under_the_given_name(aggregator, origin, rss):
    """It is asked once."""
    origin.pages["/news.xml"] = rss({"title": "x"})
    assert aggregator("add", f"{origin.url}/news.xml", "--name", "Harbour", "--allow-private").status == 0
    assert asked(origin) == ["/news.xml"]
    assert load(Path("a.yaml"), {}, folders_must_exist=False).sources[1].name == "Harbour"


def test_a_page_with_several_feeds_shows_them_and_adds_none(aggregator, origin, rss):
    """Until a person says which."""
    links = ALTERNATE.format("/a.xml", "All news") + ALTERNATE.format("/b.xml", "Comments")
    origin.pages |= {"/": links.encode(), "/b.xml": rss({"title": "x"}, title="B")}
    done = aggregator("add", f"{origin.url}/", "--allow-private")
    assert done.status == 1
    assert done.error.endswith("names 2 feeds (give --feed NUMBER, or the feed's own address)")
    assert [line.split("  ")[0] for line in done.out.splitlines()] == ["feed", "1", "2"]
    assert f"All news  {origin.url}/a.xml" in done.out
    assert (asked(origin), config()) == (["/"], MINE)
    assert "and no number 3" in aggregator("add", f"{origin.url}/", "--allow-private", "--feed", 3).error
    assert aggregator("add", f"{origin.url}/", "--allow-private", "--feed", 2).status == 0
    assert f"{origin.url}/b.xml" in config()


def test_a_page_that_names_none_is_asked_for_at_usual_places(aggregator, origin, rss):
    """One after the other, until one gives a feed: a page that answers to everything is none."""
    origin.pages |= {"/": b"<p>hello", "/feed": b"<p>hello", "/feed.xml": rss({"title": "x"})}
    assert aggregator("add", f"{origin.url}/", "--allow-private").status == 0
    assert asked(origin) == ["/", "/feed", "/rss", "/feed.xml"]
    assert f"url: {origin.url}/feed.xml" in config()


def test_where_there_is_no_feed_that_is_said(aggregator, origin):
    """After a few places, and with what to do."""
    origin.pages["/"] = b"<title>Shop</title>"
    done = aggregator("add", f"{origin.url}/", "--allow-private")
    assert done.status == 1
    assert "an HTML page titled 'Shop', not a feed; it names none, nor is one at 7 usual places" in done.error
    assert (len(origin.asked), config()) == (8, MINE)


def test_who_asks_to_be_left_alone_is(aggregator, origin):
    """No further place is tried after a 429."""
    origin.pages |= {"/": b"<p>hello", "/feed": 429}
    done = aggregator("add", f"{origin.url}/", "--allow-private")
    assert (done.status, len(origin.asked)) == (1, 2)
    assert "429" in done.error


def test_a_private_address_wants_a_word(aggregator, origin, rss):
    """Nothing is asked there, and the way is named."""
    origin.pages["/"] = rss({"title": "x"})
    done = aggregator("add", f"{origin.url}/")
    assert (done.status, origin.asked, config()) == (1, [], MINE)
    assert "127.0.0.1 is this machine" in done.error
    assert "give --allow-private" in done.error


def test_a_page_cannot_lead_into_private_networks(aggregator, origin, rss, monkeypatch):
    """The feed that it names is dialled under the same rule as the page."""
    from aggregator.fetch import address_guard

    origin.pages |= {"/": ALTERNATE.format("http://127.0.0.2/x", "").encode()}
    real = address_guard.refusal
    monkeypatch.setattr(
        address_guard,
        "refusal",
        lambda address, **rule: None if address == "127.0.0.1" else real(address, **rule),
    )
    done = aggregator("add", f"{origin.url}/")
    assert (done.status, config()) == (1, MINE)
    assert "127.0.0.2 is this machine" in done.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://A.example/news/"], "is there already: it is the source 'A'"),
        (
            ["https://b.example/", "--name", "Inbox"],
            "there is a source called 'Inbox' already (give another --name)",
        ),
    ],
)
def test_what_is_there_already_is_not_asked_for(aggregator, arguments, said):
    """The address by any spelling, and the name."""
    Path("a.yaml").write_text(with_source("  - {name: A, url: 'https://a.example/news'}"))
    done = aggregator("add", *arguments)
    assert done.status == 1
    assert said in done.error


def test_a_name_that_is_taken_gets_a_number(aggregator, origin, rss):
    """Two feeds of one title."""
    origin.pages |= {"/a": rss({"title": "x"}), "/b": rss({"title": "x"})}
    for page in "ab":
        assert aggregator("add", f"{origin.url}/{page}", "--allow-private").status == 0
    names = [source.name for source in load(Path("a.yaml"), {}, folders_must_exist=False).sources]
    assert names == ["Inbox", "Harbour Gazette", "Harbour Gazette 2"]


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "feed:x://y"])
def test_what_is_no_web_address_is_not_taken_for_a_private_one(aggregator, address):
    """What to do about it is to write another, not to allow private networks."""
    done = aggregator("add", address)
    assert done.status == 1
    assert done.error.endswith("is no http or https address (write https://host/path)")


def test_a_wrong_configuration_is_said_before_anything_is_asked(aggregator, origin):
    """Where it is wrong, as by `check`."""
    Path("a.yaml").write_text(MINE + "surces: []\n")
    done = aggregator("add", f"{origin.url}/", "--allow-private")
    assert (done.status, origin.asked) == (2, [])
    assert done.error.startswith("a.yaml:7:1: surces: unknown key; did you mean `sources`?")


# ---- import, export ----

LIST = """<opml version="2.0"><body>
  <outline text="Sea"><outline text="A" xmlUrl="https://a.example/"/><outline text="B" xmlUrl="https://b.example/?x&y"/>
  </outline>
  <outline text="Inbox" xmlUrl="https://c.example/"/>
  <outline text="Law"><outline text="A again" xmlUrl="http://a.example"/></outline>
  <outline text="E" xmlUrl="ftp:e.example"/><outline text="F" type="rss"/>
  <outline text="nothing in it"/>
</body></opml>"""


def test_a_list_is_taken_in_and_each_entry_accounted_for(aggregator):
    """Folders become tags, names are made unique, what is no feed is refused; what stood there stays."""
    Path("l.opml").write_text(LIST)
    done = aggregator("import", "l.opml")
    assert done.status == 1
    assert done.out.splitlines() == [
        "new   A: added",
        "new   B: added",
        "new   Inbox: added, as 'Inbox 2'",
        "same  A again: is in the list twice; its tags went to 'A'",
        "FAIL  E: url: 'ftp:e.example' is no web address; write https://host/path",
        "FAIL  F: names no feed",
        "3 sources added to a.yaml, of 6 entries. It takes effect at a reload or restart.",
    ]
    assert config() == with_source(
        "  - name: A",
        "    url: https://a.example/",
        "    tags: [Sea, Law]",
        "  - name: B",
        "    url: https://b.example/?x&y",
        "    tags: [Sea]",
        "  - name: Inbox 2",
        "    url: https://c.example/",
    )
    again = aggregator("import", "l.opml")
    assert [line.split()[0] for line in again.out.splitlines()[:4]] == ["same"] * 4
    assert "0 sources added" in again.out


@pytest.mark.parametrize("body", ["<!DOCTYPE x [<!ENTITY a 'b'>]><opml/>", "<opml><body>", "no list"])
def test_a_list_that_cannot_be_read_changes_nothing(aggregator, body):
    """One line names the file and the cause."""
    Path("l.opml").write_text(body)
    done = aggregator("import", "l.opml")
    assert (done.status, done.out, config()) == (1, "", MINE)
    assert done.error.startswith("aggregator: l.opml: ")


def test_a_list_gives_itself_no_rights(aggregator):
    """Private networks and short waits are for the person to allow; a wait under the floor is not taken."""
    given = {"allow_private": "true", "i_own_this_host": "true", "every": "1s", "publisher": "P", "odd": "x"}
    Path("l.opml").write_bytes(opml.write([Outline("A", "http://10.0.0.1/", more=given)], "List"))
    done = aggregator("import", "l.opml")
    assert "without allow_private and i_own_this_host" in done.out
    assert config() == with_source("  - name: A", "    url: http://10.0.0.1/", "    publisher: P")
    Path("a.yaml").write_text(MINE)
    assert aggregator("import", "--trusted", "l.opml").status == 0
    source = load(Path("a.yaml"), {}, folders_must_exist=False).sources[1]
    assert isinstance(source, FeedSource)
    assert (source.allow_private, source.i_own_this_host, source.every.total_seconds()) == (True, True, 1)


def test_a_name_that_looks_like_a_switch_is_a_name():
    """What is text in the settings stays text, whatever it says."""
    settings = Settings.model_validate({"sources": [{"name": "x", "folder": "drop"}]})
    listed = [Outline("A", "https://a.example/", more={"publisher": "true", "full_text": "true"})]
    (plan,) = subscriptions.planned(listed, settings)
    assert plan.item == {"name": "A", "url": "https://a.example/", "publisher": "true", "full_text": True}


def test_the_first_source_of_a_file_can_be_added(aggregator):
    """A configuration that lacks nothing but sources is good enough."""
    Path("a.yaml").write_text("sources:\n")
    Path("l.opml").write_bytes(opml.write([Outline("A", "https://a.example/")], "List"))
    assert aggregator("import", "l.opml").status == 0
    assert config() == "sources:\n  - name: A\n    url: https://a.example/\n"


def test_an_address_with_a_secret_is_exported_with_a_warning(aggregator):
    """The list is of no use without it; who passes it on should know."""
    Path("a.yaml").write_text(with_source("  - {name: A, url: 'https://me:secret@a.example/'}"))
    done = aggregator("export")
    assert "me:secret@a.example" in done.out
    assert done.error == "aggregator: the address of A holds a password or a key, and so does this list now"


words = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
feeds = st.builds(
    dict,
    name=words,
    url=st.from_regex(r"\Ahttps://[a-z]{1,9}\.example/[a-z0-9?=&%;+'#,]{0,20}\Z"),
    every=st.sampled_from(["15m", "1h30m", "1d"]),
    publisher=words,
    tags=st.lists(words, unique=True, max_size=3),
    language=st.sampled_from(["en", "pt-BR"]),
    allow_private=st.booleans(),
    i_own_this_host=st.booleans(),
)


@bounds(deadline=None, max_examples=60)
@given(
    st.lists(
        feeds,
        max_size=5,
        unique_by=(lambda feed: feed["name"], lambda feed: comparable(feed["url"])),
    )
)
def test_what_is_exported_is_imported_the_same(given):
    """Every setting of every feed comes back, in the same order."""
    inbox = {"name": "i" * 100, "folder": "drop"}
    settings = Settings.model_validate({"sources": [inbox, *given]})
    listed = opml.read(opml.write(subscriptions.outlines(settings), "List"))
    empty = Settings.model_validate({"sources": [inbox]})
    plans = subscriptions.planned(listed, empty, trusted=True)
    again = Settings.model_validate({"sources": [inbox, *(plan.item for plan in plans)]})
    assert again.sources == settings.sources
