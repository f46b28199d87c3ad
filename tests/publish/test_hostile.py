"""Whatever a report says, it comes out as text: well-formed, whole, and never alive."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.model import Enclosure, Media
from aggregator.publish import atom, jsonfeed, rss
from aggregator.publish.words import first_words, headline, one_line, paragraphs

ATOM = "{http://www.w3.org/2005/Atom}"

PAYLOADS = [
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "]]>",
    "<![CDATA[<b>]]>",
    "<!--",
    "--><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;&#0;&bogus;",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "</p></li></ul></description></item></channel>",
    "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;",
    "<?xml version='1.1'?>",
    "\x00\x01\x08\x0b\x0c\x1f\x7f\x85\xa0",
    "\ud800 \udfff \udc00\ud800",
    "\ufffe\uffff\U0001ffff",
    "👩‍👩‍👧 🇳🇴 é\u0301 \u202eabc\u2066",
    "\u2028\u2029",
    "{{7*7}} ${7*7} %s",
    "javascript:alert(1)",
    'https://a.example/"><script>alert(1)</script>',
]

# Any code point, halves of surrogate pairs and control characters included, mixed with known attacks.
anything = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text(st.sampled_from("<>&\"'/=!-[] \n\r\t;#xa\x00\ud83d🎈"), max_size=60),
    st.lists(st.sampled_from(PAYLOADS), min_size=1, max_size=3).map(" ".join),
)
addresses = st.one_of(st.none(), anything, anything.map("https://a.example/{}".format))


class Tags(HTMLParser):
    """The live markup and the visible text of an HTML fragment, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.odd: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += attrs

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.odd.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def check_html(html: str, story) -> None:
    """Only our own markup is alive, links lead to the web, and every word is still there."""
    read = Tags(html)
    assert set(read.tags) <= {"p", "ul", "li", "a", "blockquote", "img"}
    assert read.tags.count("li") == len(story.members)
    assert read.odd == []
    for name, value in read.links:
        assert (name, value) == ("alt", "") or re.match(r"(?i)https?://[!-~]+\Z", value)
        assert name in ("href", "src", "alt")
    said = "".join(read.texts)
    for member in story.members:
        assert f"{one_line(member.publisher)}: {headline(member.title, member.text)}" in said
    for paragraph in paragraphs(story.lead):
        assert paragraph in said


@st.composite
def wild(draw, make_story, make_member):
    """A story in which every word is hostile."""
    members = tuple(
        make_member(
            number,
            publisher=draw(anything),
            source=draw(anything),
            title=draw(anything),
            text=draw(anything),
            url=draw(addresses),
            language=draw(anything),
            tags=tuple(draw(st.lists(anything, max_size=2))),
            adds=tuple(draw(st.lists(anything, max_size=2))),
            media=Media(draw(addresses), (Enclosure(draw(addresses), draw(anything), 1, 2),)),
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    )
    wild = make_story(members=members, title=draw(anything), lead=draw(anything), url=draw(addresses))
    return replace(wild, publishers=tuple(member.publisher for member in members))


def expected_titles(story) -> list[str]:
    return [headline(story.title, story.lead)]


@pytest.mark.parametrize("kind", ["rss", "atom", "json"])
def test_any_text_is_harmless_and_whole(kind, channel, story, member):
    """Any words make a well-formed feed, in which they are words."""
    check = {"rss": check_rss, "atom": check_atom, "json": check_json}[kind]

    @settings(deadline=None, max_examples=150)
    @given(wild(story, member))
    def holds(hostile):
        check(channel, hostile)

    holds()


def check_rss(channel, story) -> None:
    item = ET.fromstring(rss.render(channel, [story])).find("channel/item")
    title = item.findtext("title")
    # Read as HTML the title has no tag in it, and read as text with its one escape it is the title.
    assert Tags(title).tags == []
    assert title.replace("&lt;", "<") == expected_titles(story)[0].replace("&lt;", "<")
    for plain in item.findall("category") + item.findall("{http://purl.org/dc/elements/1.1/}creator"):
        assert Tags(plain.text).tags == []
    assert all(re.match(r"(?i)https?://[!-~]+\Z", link.text) for link in item.findall("link"))
    check_html(item.findtext("description"), story)


def check_atom(channel, story) -> None:
    entry = ET.fromstring(atom.render(channel, [story])).find(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title")] == expected_titles(story)
    assert entry.findtext(f"{ATOM}summary", "") == " ".join(paragraphs(story.lead))
    # Both are of the default type: text, in which markup means nothing.
    assert {each.get("type") for tag in ("title", "summary") for each in entry.iter(f"{ATOM}{tag}")} == {None}
    assert all(re.match(r"(?i)https?://[!-~]+\Z", link.get("href")) for link in entry.iter(f"{ATOM}link"))
    check_html(entry.findtext(f"{ATOM}content"), story)


def check_json(channel, story) -> None:
    item = json.loads(jsonfeed.render(channel, [story]).decode())["items"][0]
    assert [item["title"]] == expected_titles(story)
    assert item.get("summary", "") == " ".join(paragraphs(story.lead))
    reports = item["_story"]["reports"]
    assert [each["title"] for each in reports] == [headline(m.title, m.text) for m in story.members]
    urls = [item.get("url")] + [each.get("url") for each in reports]
    assert all(url is None or re.match(r"(?i)https?://[!-~]+\Z", url) for url in urls)
    check_html(item["content_html"], story)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("check", [check_rss, check_atom, check_json])
def test_a_known_attack_in_every_place(payload, check, channel, story, member):
    """Each payload in every field at once comes out dead."""
    members = (
        member(
            1,
            publisher=payload,
            title=payload,
            text=payload,
            url=payload,
            tags=(payload,),
            language=payload,
            adds=(payload,),
            media=Media(payload, (Enclosure(payload, payload),), payload, payload),
        ),
        member(
            2, publisher=payload, title="", text=payload, source=payload, url=f"http://a.example/{payload}"
        ),
    )
    check(channel, story(title=payload, lead=payload, url=payload, members=members, publishers=(payload,)))


@settings(deadline=None)
@given(anything)
@example("<" * 300)
def test_text_without_markup_is_never_changed_by_escaping(text):
    """What is shown of a text is its own beginning: nothing is added to it, nothing lost from within."""
    shown = first_words(text)
    assert one_line(text).startswith(shown.removesuffix("…"))
    assert len(shown) <= 81
    assert unescape(shown.replace("&", "&amp;")) == shown
