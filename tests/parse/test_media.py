"""Pictures, enclosures, comments and markup of an entry: what is kept, and that it is safe and of the web."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Enclosure, Media
from aggregator.parse import feed, jsonfeed, markup, media
from aggregator.parse.entry_fields import Limits
from aggregator.parse.sandbox_protocol import pack, unpack

LIMITS = Limits(entries=10, text=5000, title=300)
SPACES = (
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)
IMAGE = "https://a.example/p.jpg"
AUDIO = "https://a.example/e1.mp3"


def shown(item: str) -> Media:
    """What the one entry of an RSS feed shows."""
    head = f"<rss version='2.0' {SPACES}><channel><title>A</title><item><title>T</title>"
    body = f"{head}{item}</item></channel></rss>"
    (entry,) = feed.parse(body, LIMITS, "https://a.example/feed").entries
    return entry.media


RICH = "<![CDATA[<p>A <a href='/x'>link</a> and <b>more</b>.</p>]]>"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("", Media()),
        (f"<media:thumbnail url='{IMAGE}'/>", Media(IMAGE)),
        (f"<media:content url='{IMAGE}' medium='image'/>", Media(IMAGE)),
        (f"<media:content url='{IMAGE}' type='image/jpeg'/><media:thumbnail url='/t.png'/>", Media(IMAGE)),
        (f"<media:group><media:content url='{IMAGE}' medium='image'/></media:group>", Media(IMAGE)),
        (f"<itunes:image href='{IMAGE}'/>", Media(IMAGE)),
        (f"<enclosure url='{IMAGE}' type='image/jpeg' length='1'/>", Media(IMAGE)),
        ("<media:thumbnail url='/p.jpg'/>", Media(IMAGE)),
        ("<media:thumbnail url='data:image/png;base64,AA'/>", Media()),
        ("<media:thumbnail url='javascript:alert(1)'/>", Media()),
        (
            f"<enclosure url='{AUDIO}' type='Audio/MPEG; x=1' length='1234'/>"
            "<itunes:duration>1:02:03</itunes:duration>",
            Media(enclosures=(Enclosure(AUDIO, "audio/mpeg", 1234, 3723),)),
        ),
        (
            f"<enclosure url='{AUDIO}' type='&lt;b&gt;' length='-5'/><itunes:duration>soon</itunes:duration>",
            Media(enclosures=(Enclosure(AUDIO),)),
        ),
        ("<enclosure url='file:///etc/passwd' type='audio/mpeg' length='1'/>", Media()),
        (
            f"<media:content url='{AUDIO}' type='audio/mpeg' fileSize='7' duration='61'/>",
            Media(enclosures=(Enclosure(AUDIO, "audio/mpeg", 7, 61),)),
        ),
        ("<comments>https://a.example/c</comments>", Media(comments="https://a.example/c")),
        ("<description>plain, 5 &lt; 6</description>", Media()),
        ("<description>&lt;p&gt;only a paragraph&lt;/p&gt;</description>", Media()),
        (
            f"<description>short</description><content:encoded>{RICH}</content:encoded>",
            Media(
                html='<p>A <a href="https://a.example/x" rel="noopener noreferrer nofollow">link</a>'
                " and <b>more</b>.</p>"
            ),
        ),
        (
            f"<description><![CDATA[<img src='{IMAGE}' width=9 onerror=x><script>alert(1)</script>]]>"
            "</description>",
            Media(IMAGE, html=f'<img src="{IMAGE}">'),
        ),
    ],
)
def test_what_an_entry_shows(item, expected):
    assert shown(item) == expected


def test_an_atom_entry_and_a_json_item_show_the_same():
    atom = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>T</title><id>1</id>"
        f"<link rel='enclosure' href='{AUDIO}' type='audio/mpeg' length='12'/>"
        "<content type='html'>&lt;ul&gt;&lt;li&gt;one&lt;/li&gt;&lt;/ul&gt;"
        f"&lt;img src='{IMAGE}'&gt;</content></entry></feed>"
    )
    item = {
        "id": "1",
        "title": "T",
        "content_html": f"<ul><li>one</li></ul><img src='{IMAGE}'>",
        "attachments": [{"url": AUDIO, "mime_type": "audio/mpeg", "size_in_bytes": 12}, {"url": {}}, "x"],
    }
    (one,) = feed.parse(atom, LIMITS, "https://a.example/").entries
    (other,) = jsonfeed.parse(json.dumps({"items": [item]}), LIMITS, "https://a.example/").entries
    assert one.media == other.media
    assert one.media == Media(
        IMAGE, (Enclosure(AUDIO, "audio/mpeg", 12),), html=f'<ul><li>one</li></ul><img src="{IMAGE}">'
    )


def test_it_is_bounded():
    """Many files, and markup as long as a book."""
    many = "".join(
        f"<enclosure url='https://a.example/{n}.mp3' type='audio/mpeg' length='1'/>" for n in range(50)
    )
    assert len(shown(many).enclosures) == media.MAX_ENCLOSURES
    assert shown(f"<description>&lt;b&gt;{'x' * media.MAX_HTML}&lt;/b&gt;</description>").html == ""


def test_it_goes_through_the_sandbox():
    parsed = feed.parse(
        f"<rss version='2.0' {SPACES}><channel><item><title>T</title><description>{RICH}</description>"
        f"<enclosure url='{AUDIO}' type='audio/mpeg' length='1'/></item>"
        "<item><title>U</title></item></channel></rss>",
        LIMITS,
        "https://a.example/",
    )
    assert unpack(json.loads(json.dumps(pack(parsed)))) == parsed


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("59", 59),
        ("1:01", 61),
        ("01:00:01", 3601),
        ("61.5", 61),
        (90, 90),
        (True, None),
        ("0", None),
        ("", None),
        ("1:2:3:4", None),
        ("an hour", None),
        (None, None),
        ([1], None),
    ],
)
def test_durations(written, expected):
    assert media.seconds(written) == expected


class Reader(HTMLParser):
    """Notes what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


TRICKS = """
<p> <b> <a/href=' javascript:alert(1) //b.example ' </a> <img/src=x/onerror=alert(1)> <svg/onload=x>
<script> </script> <style> @import'x' </style> <iframe/src=//c> <math><mi//xlink:href="data:x"> &lt; <!-- -->
<form/action=/x> <base/href=//d> <meta/http-equiv=refresh> text <table><td/background=//e>"""
PIECES = st.lists(st.sampled_from([*TRICKS.split(), "\x00", '"', " "]), max_size=12).map("".join)


@given(PIECES)
def test_nothing_of_it_runs_or_asks_anybody(written):
    """Only tags that show, only addresses of the web, no attribute that does anything."""
    reader = Reader()
    reader.feed(markup.rich(written, "https://a.example/"))
    for tag, attributes in reader.seen:
        assert tag in markup._SHOWN
        assert attributes.keys() <= markup._SHOWN_ATTRIBUTES.get(tag, set()) | {"rel"}
        for name in ("href", "src"):
            assert re.match("https?://", attributes.get(name) or "https://")
