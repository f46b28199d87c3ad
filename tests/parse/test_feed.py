"""RSS, RDF and Atom: what is fed to feedparser on purpose to break it gives entries or one clear error."""

import time
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.model import Parsed
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

LIMITS = Limits(entries=50, text=10_000, title=200)
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.feed"))


def parse(body: bytes | str, *, content_type: str | None = None, limits: Limits = LIMITS) -> Parsed:
    if isinstance(body, str):
        body = body.encode()
    return parse_here(body, "feed", limits=limits, url="https://x.example/feed", content_type=content_type)


def attempt(body: bytes | str) -> Parsed | ParseError:
    try:
        return parse(body)
    except ParseError as error:
        return error


def rss(items: str, channel: str = "<title>t</title>") -> str:
    return f'<rss version="2.0"><channel>{channel}{items}</channel></rss>'


@pytest.mark.parametrize("body", [__file__, "/etc/passwd", "https://127.0.0.1:1/feed", "file:///etc/passwd"])
def test_a_path_is_not_opened(body: str) -> None:
    """Bytes that are a path or an address are bytes: nothing is opened."""
    with pytest.raises(ParseError, match="neither RSS, Atom nor JSON Feed") as caught:
        parse(body)
    assert body[:30] in caught.value.message
    assert caught.value.hint


def test_not_even_a_path_that_looks_like_a_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed is no path, even where a file has the whole feed for its name."""
    body = rss("<item><title>body</title></item>")
    monkeypatch.chdir(tmp_path)
    Path(body).parent.mkdir(parents=True)
    Path(body).write_text(rss("<item><title>file</title></item>"))
    assert parse(body).entries[0].title == "body"


def test_too_little_memory_is_for_the_process_to_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that runs out of memory is not taken for one that met a broken feed."""

    def parser(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("feedparser.parse", parser)
    with pytest.raises(MemoryError):
        parse(rss(""))


@pytest.mark.parametrize("body", ["", " \n\t", "\0\0", "\ufeff", "\ufeff \r\n"])
def test_an_empty_body(body: str) -> None:
    """Nothing, or nothing but white space, is an error that says so."""
    with pytest.raises(ParseError, match="an empty body"):
        parse(body)


BOMB = (
    "<!DOCTYPE rss [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize(
    "prolog",
    [
        BOMB,
        BOMB.replace("DOCTYPE", "doctype"),
        "\n\n<?xml version='1.0'?><!-- > --> " + BOMB,
        "<!DOCTYPE rss SYSTEM 'x' [ ]>",
    ],
)
def test_entities_are_refused(prolog: str, encoding: str) -> None:
    """A DOCTYPE that declares entities is refused in whatever encoding it comes."""
    with pytest.raises(ParseError, match="declares entities"):
        parse((prolog + rss("<item><title>&c;</title></item>")).encode(encoding))


@pytest.mark.parametrize("place", ["<rss version='2.0'>" + BOMB, "<rss version='2.0'><channel>" + BOMB])
def test_entities_further_down_do_nothing(place: str) -> None:
    """A DOCTYPE that is not at the start declares nothing."""
    parsed = parse(f"{place}<channel><item><title>&a;-&c;</title></item></channel></rss>")
    assert parsed.entries[0].title == "&a;-&c;"


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    """No file is read for an entity."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    with pytest.raises(ParseError):
        parse(f"<!DOCTYPE rss [<!ENTITY x SYSTEM '{secret}'>]>" + rss("<item><title>&x;</title></item>"))
    external = f"<!DOCTYPE rss SYSTEM '{secret}'>" + rss("<item><title>a&x;b</title></item>")
    assert parse(external).entries[0].title == "a&x;b"


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (
            "<html><head><title>Login &amp; more</title></head>",
            "an HTML page titled 'Login & more'",
            "address of",
        ),
        ("<!DOCTYPE html><section>x", "an HTML page, not a feed", "address of"),
        (
            "<!doctype HTML><link rel=alternate type=application/atom+xml href=/atom.xml>",
            "an HTML page",
            "the page names this feed: /atom.xml",
        ),
        ("<h1>502 Bad Gateway</h1>", "an HTML page", "address of"),
        ("<opml version='2.0'><body/></opml>", "a list of feeds (OPML)", "aggregator import"),
        ("<urlset><url/></urlset>", "a sitemap", "/feed"),
        ("<note>x</note>", "it begins with '<note>x</note>'", "look"),
        ("\x1f\x8b\x08binary", "neither RSS", "look"),
        ("%PDF-1.4 <a>", "it begins with '%PDF-1.4 <a>'", "look"),
        ("<!-- never closed", "neither RSS", "look"),
        ("<?xml version='1.0'", "neither RSS", "look"),
        ("<!DOCTYPE", "neither RSS", "look"),
        ("<rss><channel><item", "no entry can be saved", "validator"),
        ("{}", "no JSON Feed", "another address"),
        ("[1, 2", "not JSON", "validator"),
    ],
)
def test_what_is_no_feed(body: str, message: str, hint: str) -> None:
    """Each error says what it is instead, and what to do, on one line."""
    with pytest.raises(ParseError) as caught:
        parse(body)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert "\n" not in str(caught.value)


def test_the_content_type_decides_nothing() -> None:
    """A feed that is sent as a page is a feed, and a page that is sent as a feed is none."""
    assert parse(rss("<item><title>one</title></item>"), content_type="text/html").entries
    with pytest.raises(ParseError, match="an HTML page"):
        parse("<html>Sorry", content_type="application/rss+xml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    """A feed is read in the encoding that it is in, not in the one that it declares."""
    body = "<?xml version='1.0' encoding='us-ascii'?>" + rss("<item><title>Brücke – zu</title></item>")
    parsed = parse(body.encode(encoding), content_type="text/xml")
    assert parsed.entries[0].title == "Brücke – zu"
    assert parsed.damaged is None


@pytest.mark.parametrize(
    "junk", ["\n" * 1000, "\ufeff\n \ufeff", "\0\0\0", "<!-- x -->\n<?pi y?>\n", "Notice: x\n"]
)
def test_what_stands_before_the_feed(junk: str) -> None:
    """Space, marks, comments and messages before a feed do not matter."""
    parsed = parse(junk + "<?xml version='1.0'?>" + rss("<item><title>one</title></item>"))
    assert (parsed.entries[0].title, parsed.damaged) == ("one", None)


def test_most_entries_are_bounded() -> None:
    """Of too many entries the first are taken, quickly, and the damage says so."""
    started = time.process_time()
    for body in (
        rss("<item><title>x</title></item>" * 30_000),
        "<feed xmlns='http://www.w3.org/2005/Atom'>" + "<entry><title>x</title></entry>" * 30_000 + "</feed>",
        "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>"
        + "<item><title>x</title></item>" * 30_000
        + "</r:RDF>",
        rss("<item/>" * 200_000 + "<item><title>last</title></item>"),
    ):
        parsed = parse(body)
        assert len(parsed.entries) in {0, 50}
        assert parsed.damaged == "it has more than 50 entries; the rest was left out"
    assert time.process_time() - started < 5


def test_a_number_of_a_page_is_no_tag() -> None:
    """Some systems put the identifier of each page among its categories; nobody can choose stories by it."""
    number = "0f3C9a52-6b1e-5d47-8a90-1c2d3e4f5a6b"
    categories = ("ferries", number, f"{number} and more")
    item = "<item><title>one</title>" + "".join(f"<category> {name} </category>" for name in categories)
    assert parse(rss(f"{item}</item>")).entries[0].tags == ("ferries", f"{number} and more")


def test_texts_are_bounded() -> None:
    """A title of a megabyte and a text of two are cut; so are lists and all other fields."""
    item = (
        f"<item><title>{'T ' * 500_000}</title><description>{'word ' * 400_000}</description>"
        f"<guid>{'g' * 5000}</guid><link>https://x.example/{'l' * 3000}</link><pubDate>{'d' * 300}</pubDate>"
        + "".join(f"<category>tag {number} {'x' * 500}</category>" for number in range(100))
        + "</item>"
    )
    entry = parse(rss(item, channel=f"<title>{'F' * 5000}</title>")).entries[0]
    assert len(entry.title) in {199, 200}
    assert 9_990 < len(entry.text) <= 10_000
    assert (entry.guid, entry.url, entry.published) == (None, None, None)
    assert len(entry.tags) == 20
    assert all(len(tag) <= 200 for tag in entry.tags)


@pytest.mark.parametrize("depth", [1000, 50_000])
def test_nesting(depth: int) -> None:
    """Elements nested as deep as one likes cost nothing but themselves."""
    body = rss(
        f"<item><title>one</title>{'<x>' * depth}{'</x>' * depth}</item><item><title>two</title></item>"
    )
    assert [entry.title for entry in parse(body).entries] == ["one", "two"]


@pytest.mark.parametrize(
    "element",
    [
        "links",
        "tags",
        "authors",
        "title_detail",
        "summary_detail",
        "content",
        "source",
        "language",
        "id",
        "link",
    ],
)
def test_elements_named_like_feedparser_s_own_keys(element: str) -> None:
    """An element whose name is a key of feedparser's results is an element, or an error; never a crash."""
    odd = f"<{element} a='b' term='x'>c</{element}><{element}/>"
    item = f"<item><title>one</title>{odd}<author>A</author></item>"
    for body in (rss(item), rss(item).replace("</rss>", ""), f"<feed><{element} x='y'/>{item}</feed>"):
        found = attempt(body)
        assert found.hint if isinstance(found, ParseError) else found.entries


def test_broken_feeds_keep_no_half_entry() -> None:
    """Wherever a body breaks off, what is left are whole entries of it."""
    links = [f"https://x.example/{number}" for number in range(3)]
    body = rss("".join(f"<item><title>n</title><link>{link}</link></item>" for link in links))
    for end in range(40, len(body)):
        found = attempt(body[:end])
        if isinstance(found, Parsed):
            assert found.damaged
            assert [entry.url for entry in found.entries] == links[: len(found.entries)]


def test_real_looking_skip_lists_are_bounded() -> None:
    """A list that never ends, or is a megabyte long, is no list."""
    assert (
        parse(rss("", "<skipHours><hour>1</hour>" + " " * 10_000 + "</skipHours>")).skip_hours == frozenset()
    )
    assert parse(rss("", "<SKIPHOURS><hours>\n 1 </hours></SKIPHOURS>")).skip_hours == {1}
    assert parse(rss("", "<!-- <skipDays> -->" * 50_000)).skip_days == frozenset()


@pytest.mark.parametrize(
    ("channel", "ttl"),
    [
        ("<ttl>60</ttl>", 60),
        ("<ttl> 15 </ttl>", 15),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>1e3</ttl>", None),
        ("<ttl>99999999999999</ttl>", None),
        ("<ttl>999999</ttl>", 525_600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", 60),
        ("<sy:updatePeriod> Hourly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", 15),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>9999</sy:updateFrequency>", 1),
        ("<sy:updatePeriod>sometimes</sy:updatePeriod>", None),
        ("<ttl>30</ttl><sy:updatePeriod>daily</sy:updatePeriod>", 1440),
        ("<ttl>90</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", 90),
    ],
)
def test_how_long_a_feed_wants_to_be_left_alone(channel: str, ttl: int | None) -> None:
    """Minutes from ``ttl`` or the syndication module, the more of both; nonsense is no wish."""
    body = rss("", channel).replace("<rss", "<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'")
    assert parse(body).ttl == ttl


def test_fields_hold_no_markup() -> None:
    """Of every payload in every field nothing is left that a browser could run."""
    payload = "<![CDATA[a<img src=x onerror=alert(1)><script>alert(2)</script>]]>"
    item = "".join(
        f"<{name}>{payload}</{name}>"
        for name in (
            "title",
            "description",
            "author",
            "category",
            "guid",
            "link",
            "pubDate",
            "comments",
            "source",
        )
    )
    parsed = parse(rss(f"<item>{item}<link>https://x.example/</link></item>", f"<title>{payload}</title>"))
    entry = parsed.entries[0]
    shown = [parsed.title, entry.title, entry.text, *entry.authors, *entry.tags, entry.publisher, entry.url]
    assert "alert" not in str(shown)
    assert entry.title == "a"


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with some of its bytes cut out, doubled, or replaced."""
    body = bytearray(draw(st.sampled_from(SAMPLES)).read_bytes().partition(b"----\n")[2])
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(body)))
        end = min(start + draw(st.integers(0, 30)), len(body))
        body[start:end] = draw(
            st.sampled_from(
                [b"", b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<item>", b"</item>", b"&#x110000;", b"\xff"]
            )
            | st.just(bytes(body[start:end]) * 2)
            | st.binary(max_size=4)
        )
    return bytes(body)


@settings(deadline=None, max_examples=200)
@given(mutated())
def test_mutated_feeds(body: bytes) -> None:
    """Whatever is done to a feed, it gives entries within bounds or one clear error."""
    found = attempt(body)
    if isinstance(found, ParseError):
        assert found.hint
        assert "\n" not in str(found)
        return
    for entry in found.entries:
        assert entry.title or entry.text or entry.url
        assert "\\x00" not in str(astuple(entry))
        str(astuple(entry)).encode()
