"""JSON Feed and records: wrong types, wild sizes and broken JSON cost what they must and no more."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.model import Parsed
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

LIMITS = Limits(entries=50, text=1000, title=100)


def parse(body: bytes | str, kind: str = "feed") -> Parsed:
    return parse_here(body.encode() if isinstance(body, str) else body, kind, limits=LIMITS)


def attempt(body: str, kind: str) -> Parsed | ParseError:
    try:
        return parse(body, kind)
    except ParseError as error:
        return error


def feed(*items: Any, **members: Any) -> str:
    return json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": items, **members}
    )


@pytest.mark.parametrize("kind", ["feed", ".json", ".jsonl"])
@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '{"items": [' + "[" * 100_000])
def test_deep_nesting(body: str, kind: str) -> None:
    """A hundred thousand levels are an error that says so, and no crash."""
    with pytest.raises(ParseError, match="no line holds a record" if kind == ".jsonl" else "nested too deep"):
        parse(body, kind)


@pytest.mark.parametrize(
    ("written", "guid"),
    [
        ("7", "7"),
        ("1.50", "1.50"),
        ("1e400", "1e400"),
        ("9" * 1500, "9" * 1500),
        ("9" * 5000, None),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("true", None),
        ("null", None),
        ('"\\ud800x"', "\ufffdx"),
        ('" a\\u0000b "', "ab"),
    ],
)
def test_identifiers(written: str, guid: str | None) -> None:
    """A number is as good an identifier as a string, digit for digit."""
    parsed = parse('{"items": [{"title": "x", "id": ' + written + "}]}")
    assert parsed.entries[0].guid == guid


def test_the_last_of_two_equal_keys_counts() -> None:
    """Keys given twice are no error."""
    assert parse('{"items": [], "items": [{"title": "a", "title": "b"}]}').entries[0].title == "b"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    """JSON is read in any of Unicode's encodings."""
    body = json.dumps({"items": [{"title": "Überfall"}]}, ensure_ascii=False).encode(encoding)
    assert parse(body).entries[0].title == "Überfall"


def test_bytes_that_are_no_utf8() -> None:
    """A bad byte costs a character, or is read as Windows' encoding."""
    assert parse(b'{"items": [{"title": "a\x93b"}]}').entries[0].title == "a“b"
    assert parse(b'{"items": [{"title": "a\0b"}]}').entries[0].title == "ab"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not JSON: .* line 1, column 2"),
        ('{"items": [}', "not JSON"),
        ("[]", "no JSON Feed"),
        ('{"items": {"a": 1}}', "no JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1"}', "there is no list `items`"),
    ],
)
def test_what_is_no_json_feed(body: str, message: str) -> None:
    """The error says where the JSON breaks, or what is missing."""
    with pytest.raises(ParseError, match=message):
        parse(body)


def test_items_are_bounded() -> None:
    """Of too many items the first are taken, and the damage says so."""
    parsed = parse(feed(*({"id": n, "title": f"t{n}"} for n in range(1000))))
    assert [entry.title for entry in parsed.entries] == [f"t{n}" for n in range(50)]
    assert parsed.damaged == "it has more than 50 entries; the rest was left out"


def test_an_empty_feed_is_valid() -> None:
    """No items are no error and no damage."""
    assert parse(feed()) == Parsed(entries=(), title="t")


def test_markup_everywhere() -> None:
    """No field of an item keeps a script, and no address is other than http or https."""
    evil = "a<script>alert(1)</script><img src=x onerror=alert(1)>"
    item = {
        **dict.fromkeys(
            ["title", "summary", "content_text", "content_html", "language", "date_published"], evil
        ),
        **dict.fromkeys(["url", "external_url"], "javascript:alert(1)"),
        "authors": [{"name": evil}],
        "tags": [evil],
        "attachments": [{"url": "data:text/html,alert(1)"}],
    }
    parsed = parse(
        feed(item, title=evil, home_page_url="javascript:alert(1)", hubs=[{"type": "WebSub", "url": evil}])
    )
    entry = parsed.entries[0]
    shown = [
        parsed.title,
        parsed.url,
        parsed.hub,
        entry.title,
        entry.text,
        entry.authors,
        entry.tags,
        entry.language,
    ]
    assert "alert" not in str([*shown, entry.url, entry.links])
    assert (entry.title, entry.text, entry.url, entry.links) == ("a", "a", None, ())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FEED = ["version", "title", "home_page_url", "language", "hubs", "items"]
ITEM = [
    "id",
    "url",
    "external_url",
    "content_html",
    "content_text",
    "summary",
    "date_published",
    "tags",
    "authors",
]
RECORD = ["text", "published", "source", "lang", "author", "attachments", "name"]
OBJECTS = st.dictionaries(st.sampled_from(FEED + ITEM + RECORD), VALUES, max_size=6)


@settings(deadline=None, max_examples=80)
@given(st.lists(OBJECTS | VALUES, max_size=4), OBJECTS)
def test_any_types(items: list[Any], top: dict[str, Any]) -> None:
    """Whatever type a member has, it is entries or one clear error, as a feed, a file and a line."""
    whole = json.dumps({**top, "items": items})
    assert len(parse(whole).entries) <= len(items)
    lines = "\n".join(json.dumps(item) for item in items)
    for body, kind in (
        (whole, ".json"),
        (json.dumps(items), ".json"),
        (json.dumps(top), ".json"),
        (lines, ".jsonl"),
    ):
        found = attempt(body, kind)
        assert isinstance(found, Parsed) or found.hint


@pytest.mark.parametrize("body", ["5", '"x"', "[1, [2]]", '{"lang": "en"}', "[{}]"])
def test_what_is_no_record(body: str) -> None:
    """A file without a record says what a record is."""
    with pytest.raises(ParseError, match="no record holds a record") as caught:
        parse(body, ".json")
    assert "title" in str(caught.value.hint)


def test_lines_are_named_and_bounded() -> None:
    """The first bad lines are named and all are counted; too many lines are left."""
    lines = [
        '{"title": "good"}',
        "bad",
        "",
        "\ufeff",
        "null",
        "[",
        "{",
        "}",
        '{"id": 1}',
        '{"title": "good"}',
    ]
    parsed = parse("\n".join(lines), ".jsonl")
    assert len(parsed.entries) == 2
    assert parsed.damaged == "7 of 9 lines hold no record: line 2, 4, 5, 6, 7 …"
    many = parse('{"title": "x"}\n' * 60, ".jsonl")
    assert (len(many.entries), many.damaged) == (50, "it has more than 50 entries; the rest was left out")
    assert parse('{"title": "x"}\n' * 50, ".jsonl").damaged is None
    with pytest.raises(ParseError, match="no line holds a record"):
        parse("not json at all", ".jsonl")


def test_a_line_may_hold_any_end_of_line_but_lf() -> None:
    """Unicode's own line ends are characters of a string, and CRLF ends a line too."""
    parsed = parse('{"title": "a\u2028b\u0085c"}\r\n{"title": "d"}\r\n', ".jsonl")
    assert [entry.title for entry in parsed.entries] == ["a b…c", "d"]
