"""Text from outside, as it is shown to people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.display import on_one_line, short, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:hunter2@db/news", "postgresql://ann:***@db/news"),
        ("postgresql+psycopg://ann:hunter2@db:5432/news", "postgresql+psycopg://ann:***@db:5432/news"),
        ("postgresql://ann:hun/ter@2@db/news", "postgresql://ann:***@db/news"),
        ("postgresql://:hunter2@db/news", "postgresql://:***@db/news"),
        ("https://ann:hunter2@example.org/feed", "https://ann:***@example.org/feed"),
        ("https://hunter2@example.org/feed", "https://***@example.org/feed"),
        ("HTTPS://hunter2@example.org/feed", "HTTPS://***@example.org/feed"),
        ("https://example.org/feed?key=hunter2", "https://example.org/feed?key=***"),
        ("https://example.org/feed?a=1&api_key=hunter2&b=2", "https://example.org/feed?a=1&api_key=***&b=2"),
        (
            "https://example.org/feed?access_token=hunter2#top",
            "https://example.org/feed?access_token=***#top",
        ),
        ("postgresql://db/news?user=ann&password=hunter2", "postgresql://db/news?user=ann&password=***"),
        ("two https://a:hunter2@b/ and https://c:hunter2@d/", "two https://a:***@b/ and https://c:***@d/"),
        ("x 'https://a.example/?token=hunter2' x", "x 'https://a.example/?token=***' x"),
    ],
)
def test_secrets_in_addresses_are_masked(text: str, shown: str) -> None:
    """The password, a token before the host, and keys in the query give way to stars; the rest stays."""
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org:8080/@ann/feed.rss",
        "https://example.org/@ann",
        "https://example.org/feed?page=2&keyword=ships",
        "postgresql+psycopg://ann@db/news",
        "sqlite:///var/aggregator.db",
        "mail ann@example.org at 10:30",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Ports, handles in a path, harmless queries and mail addresses are shown whole."""
    assert without_secrets(text) == text


@given(
    st.text("abcXYZ019_-!$%+=~/:@", min_size=1).filter(lambda word: not word.replace("/", "").isdigit()),
    st.sampled_from(
        ["postgresql://ann:{}@db/news", "https://ann:{}@example.org/", "text https://a:{}@b/ text"]
    ),
)
def test_no_password_is_too_odd_to_mask(password: str, address: str) -> None:
    """Whatever letters a password has, none of it is left between the user and the host."""
    masked = without_secrets(address.format("zq" + password + "qz"))
    assert "zq" not in masked
    assert "qz" not in masked


@given(st.text())
def test_a_line_stays_a_line(text: str) -> None:
    """Nothing that breaks a line, steers a terminal or turns the direction of text comes through."""
    assert on_one_line(text).isprintable()
    assert text.isprintable() == (on_one_line(text) == text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u2028b\u202ec\x85d", r"a\u2028b\u202ec\x85d"),
        ("Zürich – “Ñandú” 東京", "Zürich – “Ñandú” 東京"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_escaped_can_still_be_read(text: str, shown: str) -> None:
    """Controls become escapes; letters of all scripts stay."""
    assert on_one_line(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "://" + "a" * 1_000_000,
        "://a:" * 200_000,
        "https://" * 120_000,
        "x://" + "?key" * 250_000,
        "x://" + "?" * 500_000,
        "x://" + "@" * 10**6,
    ],
)
def test_masking_hostile_text_ends_soon(text: str) -> None:
    """Megabytes made to slow a regular expression down are through in seconds, not minutes."""
    assert without_secrets(text)


def test_a_long_value_is_cut() -> None:
    """A sentence about a value does not hold all of a huge one."""
    assert len(short("x" * 10_000)) < 80
    assert len(short(10**300)) < 80
