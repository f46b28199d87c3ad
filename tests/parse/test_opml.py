"""Lists of feeds: what readers write is taken, what is hostile is refused, what we write comes back."""

import time

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.parse import opml
from aggregator.parse.opml import Outline


def listed(body: str) -> list[Outline]:
    return opml.read(f'<?xml version="1.0"?><opml version="1.1"><body>{body}</body></opml>'.encode())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<outline text="A" xmlUrl="https://a.example/"/>', [Outline("A", "https://a.example/")]),
        ('<outline title="A" xmlurl=" https://a.example/ "/>', [Outline("A", "https://a.example/")]),
        ('<outline text="a &amp; b&#10;c" xmlUrl="x"/>', [Outline("a & b c", "x")]),
        (
            '<outline text="A" xmlUrl="https://a.example/?a=1&b=2"/>',
            [Outline("A", "https://a.example/?a=1&b=2")],
        ),
        (
            '<outline text="News"><outline text="World"><outline text="A" xmlUrl="x" category="/b/c,d"/>'
            '</outline></outline><outline text="B" xmlUrl="y"/>',
            [Outline("A", "x", ("News", "World", "b", "c", "d")), Outline("B", "y")],
        ),
        ('<outline text="A&#x202E;B&#x2067;" xmlUrl="x"/>', [Outline("AB", "x")]),
        ('<outline text="nothing" type="rss"/>', [Outline("nothing", None)]),
        ('<outline text="a site" htmlUrl="https://a.example/"/>', [Outline("a site", None)]),
        ('<outline text="an empty folder"></outline>', []),
        ('<outline text="F"><outline text="G"/></outline><outline xmlUrl="x"/>', [Outline("", "x")]),
        ('<outline xmlUrl="feed://a.example/x"/>', [Outline("", "https://a.example/x")]),
        ('<outline xmlUrl="FEED:http://a.example/x"/>', [Outline("", "http://a.example/x")]),
        ('<outline xmlUrl="x" language="de"/>', [Outline("", "x", (), "de")]),
        (f'<outline text="{"n" * 300}" xmlUrl="x"/>', [Outline("n" * 100, "x")]),
        ("", []),
    ],
)
def test_what_readers_write_is_taken(body, found):
    """Attributes in any case, bare ampersands, folders in folders, categories by path and by name."""
    assert listed(body) == found


HOSTILE = {
    "entities": (
        '<!DOCTYPE opml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><opml><outline text="&b;"/></opml>',
        "has a DOCTYPE",
    ),
    "an outside file": (
        '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><outline text="&x;"/></opml>',
        "has a DOCTYPE",
    ),
    "an outside DTD": ('<!DOCTYPE opml SYSTEM "http://127.0.0.1/x.dtd"><opml/>', "has a DOCTYPE"),
    "depth": ("<opml>" + "<outline>" * 100_000, "more than 50 elements in each other"),
    "depth of other elements": ("<opml>" + "<x>" * 100_000, "more than 50 elements in each other"),
    "number": ("<opml><body>" + '<outline text="x"/>' * 20_000, "more than 10000 entries"),
    "size": ("<opml><!--" + "x" * 10_000_000 + "--></opml>", "larger than 10 MB"),
    "broken": ('<opml><body><outline text="A"', "not well-formed XML"),
    "cut short": ("<opml><body>", "not well-formed XML"),
    "a feed": ("<rss><channel/></rss>", "no OPML: it begins with <rss>"),
    "a page": ("<html></html>", "no OPML"),
    "nothing": ("", "not well-formed XML"),
    "no text": ("\0\1\2", "not well-formed XML"),
}


@pytest.mark.parametrize(("body", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_or_no_list_is_refused(body, said):
    """In one line, and soon."""
    started = time.process_time()
    with pytest.raises(ParseError, match=said):
        opml.read(body.encode())
    assert time.process_time() - started < 5


words = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
outlines = st.builds(
    Outline,
    name=words,
    url=st.from_regex(r"\Ahttps?://[a-z]{1,9}\.example/[a-z?=&%;+'#]{0,20}\Z"),
    tags=st.lists(words, unique=True, max_size=4).map(tuple),
    language=st.none() | st.sampled_from(["en", "pt-BR"]),
    more=st.dictionaries(st.sampled_from(["every", "publisher", "allow_private"]), words),
)


@bounds(deadline=None, max_examples=60)
@given(st.lists(outlines, max_size=5), words)
def test_what_is_written_is_read_back(given, title):
    """Every name, tag (with commas, slashes and percent signs) and setting."""
    assert opml.read(opml.write(given, title)) == given
