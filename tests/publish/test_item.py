"""What every format says of a story, and the words it is said in."""

from datetime import datetime, timedelta, timezone

import pytest

from aggregator.model import NO_MEDIA, Enclosure, Media
from aggregator.publish.item import NEVER, item, last_change
from aggregator.publish.words import address, clean, first_words, headline, paragraphs


@pytest.mark.parametrize(
    ("raw", "fit"),
    [
        ("plain", "plain"),
        ("a\x00b\x08c\x0bd\x0ce\x1ff", "abcdef"),
        ("tab\tline\nend", "tab\tline\nend"),
        ("dos\r\nmac\runix\n", "dos\nmac\nunix\n"),
        ("half \ud83d a pair \udc00", "half  a pair "),
        ("whole 🎈 pair", "whole 🎈 pair"),
        ("\ufffe\uffff\ufffd", "\ufffd"),
        ("\x7f\x85\ud7ff\ue000\U0010ffff", "\x7f\x85\ud7ff\ue000\U0010ffff"),
    ],
)
def test_clean_leaves_what_xml_can_hold(raw, fit):
    """Exactly the characters outside XML 1.0's Char are dropped."""
    assert clean(raw) == fit


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/x?y=1&z=2#f", "https://a.example/x?y=1&z=2#f"),
        ("HTTP://A.example", "HTTP://A.example"),
        ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("https://a.example/caf%C3%A9/100%/ü", "https://a.example/caf%C3%A9/100%25/%C3%BC"),
        ("https://a.example/\"><script>'", "https://a.example/%22%3E%3Cscript%3E'"),
        ("https://a.example\\@b.example/", "https://a.example%5C@b.example/"),
        ("javascript:alert(1)", None),
        (" javascript:alert(1)", None),
        ("JaVaScRiPt://a.example/%0aalert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,<b>", None),
        ("file:///etc/passwd", None),
        ("ftp://a.example/", None),
        ("//a.example/x", None),
        ("/x", None),
        ("https:", None),
        ("https:///x", None),
        ("https://", None),
        ("http://[::1", None),
        ("https://a.example/a b", None),
        ("https://a.example/\ud800", None),
        ("https://a.example/\x00", None),
        ("", None),
        (None, None),
    ],
)
def test_only_web_addresses_become_links(url, safe):
    """A link is an http or https URI that names a host, in ASCII, or it is none."""
    assert address(url) == safe


@pytest.mark.parametrize(
    ("title", "text", "shown"),
    [
        ("  A\ntitle \x00 here ", "text", "A title here"),
        ("", "Short text.", "Short text."),
        ("\x00 \ud800", "word " * 40, "word " * 15 + "word…"),
        ("", "x" * 100, "x" * 80 + "…"),
        ("", "三" * 200, "三" * 80 + "…"),
        ("", "", "Untitled"),
        (" ", "\n\x01", "Untitled"),
    ],
)
def test_a_headline_is_never_empty(title, text, shown):
    """Where there is no title, the first words stand for it."""
    assert headline(title, text) == shown


def test_first_words_end_without_a_comma():
    """Punctuation that promises more is cut off with the rest."""
    assert first_words("a" * 70 + ", " + "b" * 70) == "a" * 70 + "…"


def test_paragraphs_are_found_at_blank_lines():
    """A blank line, with or without spaces in it, parts paragraphs; a line end does not."""
    assert paragraphs("one\nstill one\r\n \t\r\ntwo\n\n\n\nthree\n\n \n") == ["one still one", "two", "three"]
    assert paragraphs("\n\x00\n") == []


def test_the_html_lists_every_report(story, member):
    """The lead, the counts, then publisher, title and link of each report; all of it escaped."""
    first = member(
        1, media=NO_MEDIA, publisher="A & B", title="One <b>bold</b> claim", url='https://a.example/"?x&y'
    )
    second = member(
        2,
        publisher="C",
        title="",
        text="Only text.",
        url="javascript:alert(1)",
        adds=("The sea < the pier.",),
    )
    shown = item(story(lead="Fog & ferry.\n\nThen <i>rain</i>.", members=(first, second), voices=1))
    assert shown.html.split("\n") == [
        "<p>Fog &amp; ferry.</p>",
        "<p>Then &lt;i&gt;rain&lt;/i&gt;.</p>",
        "<p>2 publishers, 1 independent text</p>",
        "<ul>",
        '<li>A &amp; B: <a href="https://a.example/%22?x&amp;y">One &lt;b&gt;bold&lt;/b&gt; claim</a> '
        "(2026-11-03 07:00 UTC)</li>",
        "<li>C: Only text. (2026-11-03 08:00 UTC)<blockquote>The sea &lt; the pier.</blockquote></li>",
        "</ul>",
    ]
    assert shown.summary == "Fog & ferry. Then <i>rain</i>."


def test_the_picture_is_that_of_the_best_report_or_of_one_that_has_one(story, member):
    """And a file comes from the best one only: it is what is listened to."""
    pictured = Media("https://a.example/p.jpg", (Enclosure("https://a.example/e.mp3"),))
    bare, other = member(1, media=NO_MEDIA), member(2, media=pictured)
    unfit = member(3, media=Media("javascript:alert(1)", (Enclosure("https://a.example/a b"),)))
    for best, picture, files in ((1, pictured.image, 0), (2, pictured.image, 1), (3, pictured.image, 0)):
        shown = item(story(members=(bare, other, unfit), best=best))
        assert (shown.picture, len(shown.enclosures)) == (picture, files)
        assert f'<p><img src="{picture}" alt=""></p>' in shown.html
    assert item(story(members=(bare, unfit), best=1)).picture is None


def test_a_story_is_read_on_its_page_where_it_has_one(story):
    """Else at its best report; that is what it is named after, so it stays known."""
    told = story(5)
    assert item(told).link == item(told).original == told.url
    shown = item(told, "https://news.example/s")
    assert (shown.link, shown.original) == ("https://news.example/s/stories/5", told.url)


def test_one_report_is_counted_in_the_singular(story):
    """One publisher has one independent text."""
    assert "<p>1 publisher, 1 independent text</p>" in item(story(reports=1)).html


def test_an_item_has_the_storys_identity(story):
    """The id is the story's UUID as a URN; it does not depend on what the story says."""
    assert item(story(7)).id == "urn:uuid:00000000-0000-0000-0000-000000000007"
    assert item(story(7, title="Another", reports=5)).id == item(story(7)).id


def test_tags_are_those_of_all_reports_once(story, member):
    """Tags keep their first spelling and order, and empty ones vanish."""
    members = (member(1, tags=("b", "a\n", "")), member(2, tags=("a", " ", "c")))
    assert item(story(members=members)).tags == ("b", "a", "c")


def test_dates_are_whole_seconds_of_utc(story):
    """Another zone and parts of a second do not reach a reader."""
    moment = datetime(2026, 3, 1, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert item(story(created=moment)).published.isoformat() == "2026-02-28T23:30:00+00:00"


def test_nothing_has_changed_in_an_empty_feed(story):
    """The last change is the newest story's; without one it is a fixed date."""
    assert last_change([]) == NEVER
    assert last_change([item(story(1)), item(story(3)), item(story(2))]) == story(3).updated
