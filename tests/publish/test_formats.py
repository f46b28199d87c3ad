"""RSS 2.0, Atom and JSON Feed: each by its own rules, and as a reader reads it."""

import copy
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import feedparser
import jsonschema
import pytest

from aggregator.publish import atom, jsonfeed, rss

HERE = Path(__file__).parent
ATOM = "{http://www.w3.org/2005/Atom}"
REPLACES = "{http://purl.org/dc/terms/}replaces"
FORMER = str(UUID(int=8))
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
SCHEMA = json.loads((HERE / "jsonfeed-1.1.schema.json").read_text())
RENDERERS = {"rss": rss.render, "atom": atom.render, "json": jsonfeed.render}


@pytest.fixture(scope="session")
def collections(story, member):
    """Sets of stories that between them have and lack everything that may be there or not."""
    bare = member(1, url=None, title="", text="", tags=(), publisher="", language="und")
    return {
        "none": [],
        "one": [story(1)],
        "many": [story(number, reports=number) for number in range(9, 0, -1)],
        "bare": [story(1, url=None, lead="", title="", members=(bare,))],
        "no link": [story(1, url=None)],
        "merged": [story(1, former=(FORMER, str(UUID(int=9))))],
        "markup": [story(1, title="Q&A: is 1 < 2 > 0? ]]>", lead="<script>alert('é 🎈')</script>")],
        "control": [story(1, title="\x00a\x1f\ud800b\uffff", lead="\x0b\n\n\x08c")],
    }


NAMES = ["none", "one", "many", "bare", "no link", "merged", "markup", "control"]


# ---- all formats ----


def test_an_items_old_ids_lead_to_it(channel, story):
    """What a reader knew by the id of a story that was merged into this one is named as replaced by it."""
    stories = [story(1, former=(FORMER,)), story(2)]
    for kind in ("rss", "atom"):
        tree = ET.fromstring(RENDERERS[kind](channel, stories))
        assert [element.text for element in tree.iter(REPLACES)] == [f"urn:uuid:{FORMER}"]
    first, second = json.loads(jsonfeed.render(channel, stories))["items"]
    assert first["_story"]["replaces"] == [f"urn:uuid:{FORMER}"]
    assert "replaces" not in second["_story"]


@pytest.mark.parametrize("kind", RENDERERS)
def test_the_same_stories_are_the_same_bytes(kind, channel, story, monkeypatch):
    """No time of writing gets in: rendering again, at another time, gives the same file."""
    stories = [story(2), story(1, url=None)]
    before = RENDERERS[kind](channel, stories), RENDERERS[kind](channel, [])
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    assert (RENDERERS[kind](channel, copy.deepcopy(stories)), RENDERERS[kind](channel, [])) == before
    assert str(datetime.now(UTC).year).encode() not in before[1]


@pytest.mark.parametrize("kind", RENDERERS)
def test_a_story_that_grows_keeps_its_id(kind, channel, story):
    """Readers know the item again when a report is added and the title changes."""
    small, grown = story(5, reports=1), story(5, reports=6, title="Ferry free again")
    assert b"urn:uuid:00000000-0000-0000-0000-000000000005" in RENDERERS[kind](channel, [small])
    assert b"urn:uuid:00000000-0000-0000-0000-000000000005" in RENDERERS[kind](channel, [grown])
    assert RENDERERS[kind](channel, [small]) != RENDERERS[kind](channel, [grown])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["rss", "atom"])
@pytest.mark.parametrize("public", [True, False], ids=["home", "homeless"])
def test_feedparser_reads_it(kind, name, public, channel, homeless, collections):
    """The most used parser finds nothing wrong, and the same ids, titles and links in both formats."""
    stories = collections[name]
    body = RENDERERS[kind](channel if public else homeless, stories)
    parsed = feedparser.parse(BytesIO(body), response_headers={"content-type": "application/xml"})
    assert not parsed.bozo, parsed.get("bozo_exception")
    assert parsed.version == {"rss": "rss20", "atom": "atom10"}[kind]
    assert parsed.feed.title == channel.title
    assert [entry.id for entry in parsed.entries] == [f"urn:uuid:{story.uuid}" for story in stories]
    # An Atom entry without a link gets its id for one: feedparser's own way, and harmless with a URN.
    instead = "" if kind == "rss" else "urn:uuid:00000000-0000-0000-0000-000000000001"
    assert [entry.get("link", "") for entry in parsed.entries] == [story.url or instead for story in stories]
    assert all(entry.published_parsed for entry in parsed.entries)
    if name in {"one", "many", "no link"}:
        files = [entry.enclosures[0] for entry in parsed.entries if entry.enclosures]
        assert {(each.href, each.length, each.type) for each in files} <= {
            ("https://paper-1.example/e1.mp3", "12345", "audio/mpeg")
        }
        assert len(files) == len(stories)
        assert [entry.title for entry in parsed.entries] == [story.title for story in stories]


# ---- RSS 2.0 ----

RSS_CHANNEL = {"title", "link", "description", "lastBuildDate", "item", f"{ATOM}link"}
PICTURE = "{http://search.yahoo.com/mrss/}content"
RSS_ITEM = {
    "title",
    "link",
    "description",
    "guid",
    "pubDate",
    "category",
    "enclosure",
    CREATOR,
    REPLACES,
    PICTURE,
}


def rss_faults(body: bytes) -> list[str]:
    """What breaks the rules of RSS 2.0, in words."""
    root = ET.fromstring(body)
    channel = root[0]
    faults = [] if (root.tag, root.get("version"), len(root)) == ("rss", "2.0", 1) else ["no rss 2.0"]
    faults += [f"{tag} unknown" for tag in {child.tag for child in channel} - RSS_CHANNEL]
    for tag in ("title", "link", "description", "lastBuildDate"):
        faults += [] if len(channel.findall(tag)) == 1 and channel.findtext(tag) else [f"channel {tag}"]
    faults += _not_a_date(channel.findtext("lastBuildDate"))
    for item in channel.iter("item"):
        tags = [child.tag for child in item]
        faults += [f"{tag} unknown" for tag in set(tags) - RSS_ITEM]
        faults += [f"{tag} twice" for tag in RSS_ITEM - {"category", REPLACES} if tags.count(tag) > 1]
        faults += [f"empty {child.tag}" for child in item if not child.text and not child.attrib]
        faults += _not_an_enclosure(item.find("enclosure"))
        faults += [] if {"title", "description"} & set(tags) else ["neither title nor description"]
        guid = item.find("guid")
        faults += [] if guid is not None and guid.get("isPermaLink") == "false" else ["guid"]
        faults += _not_a_date(item.findtext("pubDate"))
    return faults


def _not_an_enclosure(found: ET.Element | None) -> list[str]:
    """All three attributes have to be there; a length that is not known is 0."""
    if found is None:
        return []
    faults = [] if set(found.keys()) == {"url", "length", "type"} else ["an attribute of the enclosure"]
    faults += [] if found.get("length", "").isdigit() else ["its length is no number of bytes"]
    return faults if "/" in found.get("type", "") else [*faults, "its type is no media type"]


def _not_a_date(text: str | None) -> list[str]:
    # The standard library's mail parser forgives a missing zone and a wrong day's name.
    try:
        datetime.strptime(text or "", "%a, %d %b %Y %H:%M:%S %z")
    except ValueError:
        return [f"{text!r} is no RFC 822 date"]
    return []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("public", [True, False], ids=["home", "homeless"])
def test_rss_keeps_the_rules(name, public, channel, homeless, collections):
    """Required elements are there once, dates parse, nothing is empty, nothing is unknown."""
    assert rss_faults(rss.render(channel if public else homeless, collections[name])) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('"false"', '"true"'),
        ("</guid>", "</guid><guid>2</guid>"),
        ("+0000</pubDate>", "</pubDate>"),
        ("<pubDate>Tue", "<pubDate>soon"),
        ("<lastBuildDate>Wed, 04 Nov", "<lastBuildDate>Wed, 31 Nov"),
        ("2.0", "0.91"),
        ("<link>https://paper-1.example/ferry/1</link>", "<link/>"),
        ("<title>Stories: sea &amp; shore</title>", ""),
        ("<category>", "<tag/><category>"),
    ],
)
def test_the_rss_rules_find_faults(good, bad, channel, story):
    """The check itself notices a broken feed."""
    body = rss.render(channel, [story(1)]).decode()
    assert good in body
    assert rss_faults(body.replace(good, bad).encode())


def test_rss_dates_an_item_by_its_beginning(channel, story):
    """A story that gains a report does not come to a reader's top again; the channel tells the change."""
    root = ET.fromstring(rss.render(channel, [story(3)]))
    assert parsedate_to_datetime(root.findtext(".//pubDate")) == story(3).created
    assert parsedate_to_datetime(root.findtext("channel/lastBuildDate")) == story(3).updated


def test_an_rss_item_without_a_link_has_no_link_element(channel, story):
    """An empty link would lead readers to the feed itself."""
    root = ET.fromstring(rss.render(channel, [story(1, url=None), story(2, url="javascript:alert(1)")]))
    assert root.findall(".//item/link") == []


def test_rss_says_where_it_is_only_when_it_knows(channel, homeless):
    """The self link needs a public home; the channel's required link is then the feed's own URN."""
    known, unknown = (ET.fromstring(rss.render(each, []))[0] for each in (channel, homeless))
    assert known.find(f"{ATOM}link").attrib == {"rel": "self", "href": channel.address}
    assert known.findtext("link") == channel.home
    assert unknown.find(f"{ATOM}link") is None
    assert unknown.findtext("link") == channel.id


def test_an_rss_title_is_no_markup_however_it_is_read(channel, story):
    """RSS does not say if a title is text or HTML; read as HTML it must say the same, and hold no tag."""
    stories = [story(1, title="AT&T: 1 < 2 <script>x</script>")]
    title = ET.fromstring(rss.render(channel, stories)).findtext(".//item/title")
    assert title == "AT&T: 1 &lt; 2 &lt;script>x&lt;/script>"


# ---- Atom ----


@pytest.fixture(scope="session")
def xmllint():
    """Checks a document against the RFC's grammar; its complaints."""
    program = shutil.which("xmllint")
    if not program:
        pytest.skip("needs xmllint (Debian: apt-get install libxml2-utils)")

    def complaints(body: bytes) -> str:
        command = [program, "--noout", "--nonet", "--relaxng", str(HERE / "atom.rng"), "-"]
        done = subprocess.run(command, input=body, capture_output=True, check=False)
        return done.stderr.decode() if done.returncode else ""

    return complaints


def schematron_faults(body: bytes) -> list[str]:
    """What the RFC asks for beyond its grammar: an author, and a link or content, for each entry."""
    feed = ET.fromstring(body)
    faults = []
    for entry in feed.iter(f"{ATOM}entry"):
        alternate = [each for each in entry.iter(f"{ATOM}link") if each.get("rel") in (None, "alternate")]
        if not alternate and entry.find(f"{ATOM}content") is None:
            faults.append("an entry with neither link nor content")
        if entry.find(f"{ATOM}author") is None and feed.find(f"{ATOM}author") is None:
            faults.append("an entry without author")
    return faults


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("public", [True, False], ids=["home", "homeless"])
def test_atom_is_valid(name, public, channel, homeless, collections, xmllint):
    """Every feed is valid by the grammar of RFC 4287 and its rules beyond the grammar."""
    body = atom.render(channel if public else homeless, collections[name])
    assert xmllint(body) == ""
    assert schematron_faults(body) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<id>urn:uuid:0", "<id>urn:uuid:1</id><id>urn:uuid:0"),
        ("<title>Stories: sea &amp; shore</title>", ""),
        ('type="html"', 'type="xhtml"'),
        ('type="html"', 'type="markup"'),
        ("+00:00</updated>", " UTC</updated>"),
        ('href="https', 'address="https'),
        ("<name>Paper 1</name>", ""),
        ('term="Sea"', 'word="Sea"'),
        ("<subtitle>", "<subtitle><b/>"),
        ("<entry>", "<entry><headline/>"),
    ],
)
def test_the_atom_grammar_finds_faults(good, bad, channel, story, xmllint):
    """The grammar is no rubber stamp: each of these is refused."""
    body = atom.render(channel, [story(1)]).decode()
    assert good in body
    assert xmllint(body.replace(good, bad, 1).encode()) != ""


def test_atom_links_every_report(channel, story, member):
    """Each report is a related link named after publisher and title, each file an enclosure."""
    stories = [story(1, members=(member(1), member(2, url=None), member(3)))]
    entry = ET.fromstring(atom.render(channel, stories)).find(f"{ATOM}entry")
    assert [link.attrib for link in entry.iter(f"{ATOM}link")] == [
        {"rel": "alternate", "href": "https://paper-1.example/ferry/1"},
        {
            "rel": "enclosure",
            "href": "https://paper-1.example/e1.mp3",
            "type": "audio/mpeg",
            "length": "12345",
        },
        {"rel": "enclosure", "href": "https://a.example/e2"},
        {
            "rel": "related",
            "href": "https://paper-1.example/ferry?id=1&from=rss",
            "title": "Paper 1: Ferry aground off Larvik, version 1",
        },
        {
            "rel": "related",
            "href": "https://paper-3.example/ferry?id=3&from=rss",
            "title": "Paper 3: Ferry aground off Larvik, version 3",
        },
    ]
    assert [name.text for name in entry.iter(f"{ATOM}name")] == ["Paper 1", "Paper 2", "Paper 3"]


def test_atom_tells_beginning_and_change(channel, story):
    """Published is when the story began, updated when it last gained something; the feed has the newest."""
    feed = ET.fromstring(atom.render(channel, [story(2), story(4)]))
    assert feed.findtext(f"{ATOM}updated") == "2026-11-07T06:00:00+00:00"
    assert feed.findtext(f"{ATOM}entry/{ATOM}updated") == "2026-11-05T06:00:00+00:00"
    assert feed.findtext(f"{ATOM}entry/{ATOM}published") == "2026-11-03T06:00:00+00:00"


def test_atom_says_where_it_is_only_when_it_knows(channel, homeless):
    """Without a public home there is no link; the id is the same with and without."""
    known, unknown = (ET.fromstring(atom.render(each, [])) for each in (channel, homeless))
    assert {link.get("rel"): link.get("href") for link in known.iter(f"{ATOM}link")} == {
        "alternate": channel.home,
        "self": channel.address,
    }
    assert unknown.find(f"{ATOM}link") is None
    assert known.findtext(f"{ATOM}id") == unknown.findtext(f"{ATOM}id") == channel.id


# ---- JSON Feed ----


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("public", [True, False], ids=["home", "homeless"])
def test_json_feed_is_valid(name, public, channel, homeless, collections):
    """Every feed keeps the rules of JSON Feed 1.1, and its ids are unique."""
    feed = json.loads(jsonfeed.render(channel if public else homeless, collections[name]))
    jsonschema.Draft202012Validator(SCHEMA).validate(feed)
    ids = [item["id"] for item in feed["items"]]
    assert ids == [f"urn:uuid:{story.uuid}" for story in collections[name]]
    assert len(set(ids)) == len(ids)


def test_the_json_feed_schema_is_a_schema_and_finds_faults(channel, story):
    """The schema is no rubber stamp: each of these is refused."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    good = json.loads(jsonfeed.render(channel, [story(1)]))
    for place, value in [
        (("version",), "https://jsonfeed.org/version/1"),
        (("titel",), "x"),
        (("feed_url",), "not an address"),
        (("items", 0, "id"), 7),
        (("items", 0, "date_modified"), "2026-11-03"),
        (("items", 0, "authors"), [{}]),
        (("items", 0, "tags"), "Sea"),
        (("items", 0, "_story"), "text"),
        (("items", 0, "url"), None),
    ]:
        bad = copy.deepcopy(good)
        target = bad if len(place) == 1 else bad["items"][0]
        target[place[-1]] = value
        assert not validator.is_valid(bad), place
    del good["items"][0]["content_html"]
    assert not validator.is_valid(good)


def test_json_feed_carries_every_report(channel, story, member):
    """The extension has each report with what is known of it, and leaves out what is not."""
    stories = [story(1, members=(member(1), member(2, url=None, copy_group=1)), voices=1)]
    shown = json.loads(jsonfeed.render(channel, stories))["items"][0]
    assert (shown["url"], shown["summary"]) == (stories[0].url, "The ferry ran aground in fog.")
    assert (shown["date_published"], shown["date_modified"]) == (
        "2026-11-03T06:00:00+00:00",
        "2026-11-04T06:00:00+00:00",
    )
    assert (shown["_story"]["publishers"], shown["_story"]["voices"]) == (2, 1)
    first, second = shown["_story"]["reports"]
    assert first == {
        "id": 1,
        "copy_group": 1,
        "source": "feed-1",
        "publisher": "Paper 1",
        "title": "Ferry aground off Larvik, version 1",
        "url": "https://paper-1.example/ferry?id=1&from=rss",
        "date_published": "2026-11-03T07:00:00+00:00",
        "language": "en",
    }
    assert (second["id"], second["copy_group"], "url" in second) == (2, 1, False)
    assert second["adds"] == ["Its captain, 41, had slept for two hours."]
    assert shown["image"] == "https://paper-1.example/ferry.jpg?a=1&b=2"
    assert shown["attachments"] == [
        {
            "url": "https://paper-1.example/e1.mp3",
            "mime_type": "audio/mpeg",
            "size_in_bytes": 12345,
            "duration_in_seconds": 67,
        },
        {"url": "https://a.example/e2", "mime_type": "application/octet-stream"},
    ]


def test_json_feed_says_where_it_is_only_when_it_knows(channel, homeless):
    """Addresses are there with a public home, and no empty member without."""
    known, unknown = (json.loads(jsonfeed.render(each, [])) for each in (channel, homeless))
    assert (known["home_page_url"], known["feed_url"]) == (channel.home, channel.address)
    assert sorted(unknown) == ["authors", "description", "items", "title", "version"]
