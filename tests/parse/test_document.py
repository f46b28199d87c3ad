"""Files of a drop folder: one report each, whatever wrote them."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.model import Entry
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

LIMITS = Limits(entries=50, text=10_000, title=200)


def read(body: bytes | str, kind: str = ".txt") -> Entry:
    parsed = parse_here(body.encode() if isinstance(body, str) else body, kind, limits=LIMITS)
    (entry,) = parsed.entries
    return entry


def attempt(body: bytes | str, kind: str) -> Entry | ParseError:
    try:
        return read(body, kind)
    except ParseError as error:
        return error


@pytest.mark.parametrize(
    ("first", "title"),
    [
        ("Kremlin: no terms", "Kremlin: no terms"),
        ("Who will pay?", "Who will pay?"),
        ("Stop!", "Stop!"),
        ("Back in the U.S.", "Back in the U.S."),
        ("He said “never”", "He said “never”"),
        ("5 < 6", "5 < 6"),
        ("Peace &amp; quiet", "Peace & quiet"),
        ("He said it would never happen.", ""),
        ("He said “it will never happen.”", ""),
        ('He said "never."', ""),
        ("他说这不会发生。", ""),
        ("The minister said, among other things:", ""),
        ("x" * 201, ""),
    ],
)
@pytest.mark.parametrize(
    "date", ["", "date 2024-02-03 ", " date 2024-02-03\n\n", "DATE: 2024-02-03T10:20:30+02:00\n"]
)
def test_a_title_is_told_from_a_first_paragraph(first: str, title: str, date: str) -> None:
    """A short first paragraph that does not end like a sentence is the title; else there is none."""
    entry = read(f"{date}{first}\n\nThe text.")
    assert entry.title == title
    assert entry.text.endswith("The text.")
    assert (entry.text == "The text.") == bool(title)
    assert (entry.published or "")[:10] == ("2024-02-03" if date else "")


@pytest.mark.parametrize(
    "text", ["date", "date 2024-02-0", "date 2024-02-031 x", "update 2024-02-03", "2024-02-03 x"]
)
def test_what_only_looks_like_a_date_is_text(text: str) -> None:
    """Only `date`, a space or colon, and a whole date make a date."""
    entry = read(text)
    assert (entry.published, entry.text) == (None, text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    """A text file needs no declaration."""
    assert read("Überfall – „nein“\n\nText".encode(encoding)).title == "Überfall – „nein“"


@pytest.mark.parametrize(
    "kind", [".txt", ".md", ".html", ".htm", ".eml", ".json", ".jsonl", ".xml", ".rss", ".atom"]
)
@pytest.mark.parametrize("body", [b"", b" \n", b"\0", b"\xef\xbb\xbf"])
def test_an_empty_file(kind: str, body: bytes) -> None:
    """An empty file is an error, of whatever kind."""
    with pytest.raises(ParseError, match="an empty body"):
        read(body, kind)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("date 2024-02-03", ".txt"),
        ("\u200b\u202e", ".txt"),
        ("---\ntitle:\n---\n", ".md"),
        ("<p><script>x</script>", ".html"),
        ("<link rel=canonical href=https://x.example/>", ".html"),
        ("X: y\n\n", ".eml"),
    ],
)
def test_a_file_without_text(body: str, kind: str) -> None:
    """A file in which there is nothing to read is an error with a remedy."""
    with pytest.raises(ParseError) as caught:
        read(body, kind)
    assert caught.value.hint


def test_an_unknown_kind() -> None:
    """What no reader is for names those that there are."""
    with pytest.raises(ParseError, match=r"no reader for '.pdf' \(there are readers for .*\.txt"):
        read("x", ".pdf")


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ("# One\n\ntext", "One", "text"),
        ("One\n---\ntext", "One", "text"),
        ("text\n\n## Two", "Two", "text\n\nTwo"),
        ("just text", "", "just text"),
        ("---\ntitle: Front\n---\n# Head\n\ntext", "Front", "text"),
        ("---\ntitle: 'It''s'\ndate\n: x\n...\ntext", "It''s", "text"),
        ("---\nnever closed", "", "never closed"),
        ("---\n" + "x: y\n" * 200 + "---\ntext", None, None),
        ("# *Em* `code` [link](javascript:alert(1))\n\n<script>alert(1)</script>\n\nx", None, "x"),
        ("# T\n\n| a | b |\n|---|---|\n| 1 | 2 |", "T", "a b\n\n1 2"),
        ("# T\n\n> quote\n\n```\ncode\n```", "T", "quote\n\ncode"),
    ],
)
def test_markdown(body: str, title: str | None, text: str | None) -> None:
    """Markdown is rendered, and then cleaned like any HTML."""
    entry = read(body, ".md")
    assert title is None or entry.title == title
    assert text is None or entry.text == text
    assert "alert" not in entry.text


@pytest.mark.parametrize(
    ("head", "field", "value"),
    [
        ("<title>T | Site</title>", "title", "T | Site"),
        ("<title>T</title><meta property=og:title content='<b>O</b> &amp;amp; P'>", "title", "O & P"),
        ("<meta property=og:url content=https://o.example/>", "url", "https://o.example/"),
        ("<link rel=canonical href=javascript:alert(1)>", "url", None),
        ("<meta itemprop=datePublished content=2024-01-02>", "published", "2024-01-02"),
        ("<meta name=DC.date content=2024-01-02>", "published", "2024-01-02"),
        ("<meta property=article:modified_time content=2024-01-03>", "updated", "2024-01-03"),
        ("<meta name=author content='A &lt;script&gt;alert(1)&lt;/script&gt;'>", "authors", ("A",)),
        ("<meta property=article:author content=https://face.example/a>", "authors", ()),
    ],
)
def test_the_head_of_a_page(head: str, field: str, value: object) -> None:
    """What a page says in its head is taken, and cleaned."""
    page = f"<!doctype html><html><head>{head}</head><body><p>text</p></body></html>"
    assert getattr(read(page, ".html"), field) == value


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\ntext",
        b"Subject: s\nContent-Type: multipart/mixed\n\ntext",
        b'Subject: s\nContent-Type: text/plain; charset="\xff"\n\ntext',
        b"Subject: s\nContent-Transfer-Encoding: base64\n\n!!!! dGV4dA==",
        b"Subject: s\nContent-Transfer-Encoding: nonsense\n\ntext",
        b'Subject: =?utf-8?b?cw==?=\nFrom: "<<>\n\ntext',
        b"Subject: s\nDate: not a date\nMessage-ID: <<<\n\ntext",
        b"Subject: s\nContent-Disposition: ;;;\nContent-Type: ;\n\ntext",
        b"Subject: s\n" + b"Content-Type: message/rfc822\n\n" * 50 + b"text",
    ],
)
def test_broken_mails(mail: bytes) -> None:
    """A mail with broken headers or parts still gives its subject."""
    assert read(mail, ".eml").title == "s"


def test_a_mail_of_many_levels() -> None:
    """Parts within parts end somewhere, as an entry or an error."""
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))
    found = attempt(b"Subject: s\n" + levels + b"\ntext", ".eml")
    assert found.hint if isinstance(found, ParseError) else found.title == "s"


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([".txt", ".md", ".html", ".eml"]),
    st.text(alphabet=st.sampled_from("date 2024-05:\n#->`<p/>=&;\"'[](){}*_|\u202eé\ud800.x"), max_size=80)
    | st.binary(max_size=80),
)
def test_any_file(kind: str, body: str | bytes) -> None:
    """Any bytes in a file are one report or one clear error."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    found = attempt(body, kind)
    if isinstance(found, ParseError):
        assert found.hint
    else:
        assert found.title or found.text
        assert "\n" not in found.title


@pytest.mark.parametrize("kind", [".txt", ".md", ".html"])
@pytest.mark.parametrize("piece", ["\n", " ", "date ", "---\n", "#", "> ", "[", "* ", "<p>", "&amp;", "|a"])
def test_no_file_takes_for_ever(kind: str, piece: str) -> None:
    """No pattern of ours is worse than linear (a safety net: most take a hundredth of this)."""
    started = time.process_time()
    attempt(piece * (20_000 // len(piece)) + "x", kind)
    assert time.process_time() - started < 5
