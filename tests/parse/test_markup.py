"""HTML becomes plain text, whatever it is made of."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.parse import markup
from aggregator.parse.plaintext import clip, paragraphs, tidy

# Ways to run a script that sanitisers have let through: in all of them `alert` must not be text.
PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt >alert(1)</sCrIpT>",
    "<script/x>alert(1)</script>",
    "<script>alert(1)",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<img src=x onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)//",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<a href='javascript:alert(1)'></a>",
    "<body onload=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<p style='background:url(javascript:alert(1))'>",
    "<xmp><script>alert(1)</script></xmp>",
    "<textarea><script>alert(1)</script></textarea>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&lt;img src=x onerror=alert(1)&gt;",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("read", [markup.plain, markup.prose, markup.line])
def test_scripts_are_gone(payload: str, read) -> None:  # type: ignore[no-untyped-def]  # any of three
    """Nothing of a script is left, neither its tag nor its content, and the text around it is."""
    if payload.startswith("&lt;") and read is markup.plain:
        # What was escaped in HTML is meant to be seen.
        assert read(payload) == markup.html.unescape(payload)
        return
    assert "alert" not in read(f"before {payload}")
    assert read(f"before {payload}").startswith("before")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br><br>three", "one two\n\nthree"),
        ("<ul><li>one<li>two</ul>", "one\n\ntwo"),
        ("<b>bold</b>ly", "boldly"),
        ("one <b>two</b>\nthree\n \nfour", "one two three\n\nfour"),
        ("<p>one\n\ntwo</p>", "one two"),
        ("a\n  b\tc", "a b c"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "1 2\n\n3"),
        ("&lt;b&gt; &amp;amp; &nbsp;x", "<b> &amp; x"),
        ("5 < 6 & 7 > 6", "5 < 6 & 7 > 6"),
        ("<p>unclosed <div>soup</p>", "unclosed\n\nsoup"),
        ("<h1>Head</h1>text<!-- no -->", "Head\n\ntext"),
        ("<title>no</title><select><option>no</select>yes", "yes"),
        ("", ""),
    ],
)
def test_plain(html: str, text: str) -> None:
    """Blocks become paragraphs, everything else inside them flows."""
    assert markup.plain(html) == text


def test_a_page_is_read_without_its_furniture() -> None:
    """Navigation, header, footer, aside and forms are no part of an article; in a fragment they are."""
    page = (
        "<nav>nav</nav><header>head</header><p>text</p><aside>aside</aside><form>f</form><footer>g</footer>"
    )
    assert markup.plain(page, page=True) == "text"
    assert "nav" in markup.plain(page)


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("5 < 6", "5 < 6"),
        ("x<y and y>z", "x<y and y>z"),
        ("I <3 NY", "I <3 NY"),
        ("The <blink> tag", "The <blink> tag"),
        ("<b>five</b>", "five"),
        ("one<br>two", "one two"),
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("<i>AT&amp;amp;T</i>", "AT&T"),
        ("&lt;i&gt;New&lt;/i&gt; moon", "New moon"),
        ("R&D; Q&A", "R&D; Q&A"),
        ("?a=1&copy=2&lt=3", "?a=1&copy=2&lt=3"),
        ("&#8220;Yes&#8221;", "“Yes”"),
        ("&#xD800; &#0; &#99999999;", "\ufffd \ufffd &#99999999;"),
        ("  two\n lines\u2028here ", "two lines here"),
        ("<i>a</i>&amp;#x202e;b", "ab"),
        ("cafe\u0301", "cafe\u0301"),
    ],
)
def test_line(title: str, line: str) -> None:
    """A title loses its tags and its escapes, and no less-than sign that is one."""
    assert markup.line(title) == line


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\0b\x07c\x7f", "abc"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("co\u00adop\u200bera\ufefftion", "cooperation"),
        ("pass\u200dword\u200c", "password"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("क्\u200d\u200d\u200d\u200cष", "क्\u200dष"),
        ("👩\u200d🚒", "👩\u200d🚒"),
        ("It\x92s \x93so\x94 \x85", "It’s “so” …"),
        ("\ud83d lone", "\ufffd lone"),
        ("tag\U000e0041s", "tags"),
        ("one\r\ntwo\rthree\x0bfour", "one\ntwo\nthree\nfour"),
    ],
)
def test_tidy(text: str, clean: str) -> None:
    """What cannot be seen goes; joiners stay in the scripts that need them."""
    assert tidy(text) == clean


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one\ntwo\n\nthree", ["one two", "three"]),
        ("one\ntwo\nthree\n", ["one", "two", "three"]),
        ("\n\n one \n\n\n\t\n two \n\n", ["one", "two"]),
        ("a\u2029b", ["a", "b"]),
        ("   ", [""]),
    ],
)
def test_paragraphs(text: str, parts: list[str]) -> None:
    """Blank lines part paragraphs; where there are none, each line is one."""
    assert paragraphs(text) == "\n\n".join(parts)


def test_clip_composes_and_cuts() -> None:
    """Text leaves in form NFC and never longer than its limit."""
    assert clip("cafe\u0301 au lait", 6) == "café"
    assert clip("\u0958" * 4, 4) == unicodedata.normalize("NFC", "\u0958" * 2)  # grows when it is composed


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.sampled_from("<>&;/!-=\"' \nabpsi#x1\u202e\u200d\ud800éا"), max_size=60))
def test_any_text_gives_clean_text(text: str) -> None:
    """Whatever comes in: one line or paragraphs go out, and cleaning them again changes nothing."""
    for out in (markup.plain(text), markup.prose(text), markup.line(text)):
        assert tidy(out) == out
        assert paragraphs(out) == out
        out.encode()
    assert "\n" not in markup.line(text)


@pytest.mark.parametrize(
    "text",
    [
        "<" * 100_000,
        "<a " * 30_000,
        "<a" + " " * 100_000,
        "&" * 100_000,
        "&#" + "1" * 100_000,
        "</b" + " " * 100_000,
        "<!--" * 100_000,
        "<p " + "a=1 " * 50_000 + ">",
        "\n" * 100_000,
        "\u200d" * 100_000,
        "a\u200c" * 100_000,
        "<b>" * 50_000,
        "x" * 1_000_000,
    ],
    ids=lambda text: ascii(text[:6]),
)
def test_no_text_takes_for_ever(text: str) -> None:
    """No pattern of ours is worse than linear (a safety net: the slowest takes a tenth of this)."""
    started = time.process_time()
    markup.line(text)
    markup.page(text)
    assert time.process_time() - started < 5


def test_page() -> None:
    """A page's head is read as a browser reads it, its feeds included."""
    page = markup.page(
        "<!doctype html><HTML class='a>b' LANG=pt-BR><head><title>A &amp; B</title>"
        "<meta property='og:title' content='x > \"y\"'><meta property='og:title' content='second'>"
        "<link rel='alternate' type='application/rss+xml' href='/feed?a=1&amp;b=2'>"
        "<link rel='alternate' type='text/html' href='/no'><link rel='x canonical' href='https://c.example/'>"
        "<svg><title>icon</title></svg><script>'<title>no</title>'</script></head><h1>Big <i>head</i></h1>"
    )
    assert page.title == "A & B"
    assert page.heading == "Big head"
    assert page.meta == {"og:title": 'x > "y"'}
    assert page.feeds == (("/feed?a=1&b=2", ""),)
    assert page.canonical == "https://c.example/"
    assert markup.page("<p>").title == ""
