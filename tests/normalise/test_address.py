"""The canonical form of addresses."""

from random import Random
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.normalise.address import LONGEST, canonical, host, identifies

PAGE = "https://example.org/news/fire-in-leeds"

SAME_PAGE = [
    "http://example.org/news/fire-in-leeds",
    "HTTPS://EXAMPLE.ORG/news/fire-in-leeds",
    "https://www.example.org/news/fire-in-leeds",
    "https://m.example.org/news/fire-in-leeds",
    "https://www.m.example.org/news/fire-in-leeds",
    "https://amp.example.org/news/fire-in-leeds",
    "https://example.org:443/news/fire-in-leeds",
    "http://example.org:80/news/fire-in-leeds",
    "https://example.org./news/fire-in-leeds",
    "https://reader:secret@example.org/news/fire-in-leeds",
    "  https://example.org/news/fire-in-leeds\n",
    "https://example.org/news/fire-in-leeds/",
    "https://example.org//news///fire-in-leeds",
    "https://example.org/./sport/../news/fire-in-leeds",
    "https://example.org/news/%66ire-in-leed%73",
    "https://example.org/news/fire-in-leeds/amp",
    "https://example.org/news/fire-in-leeds/amp/",
    "https://example.org/amp/news/fire-in-leeds",
    "https://example.org/news/amp/fire-in-leeds",
    "https://example.org/news/fire-in-leeds.amp",
    "https://example.org/news/fire-in-leeds?amp",
    "https://example.org/news/fire-in-leeds?amp=1",
    "https://example.org/news/fire-in-leeds?outputType=amp",
    "https://example.org/news/fire-in-leeds;jsessionid=0A1B2C",
    "https://example.org/news/fire-in-leeds?PHPSESSID=0a1b2c",
    "https://example.org/news/fire-in-leeds#comments",
    "https://example.org/news/fire-in-leeds?",
    "https://example.org/news/fire-in-leeds?utm_source=rss&utm_medium=feed&UTM_CAMPAIGN=x",
    "https://example.org/news/fire-in-leeds?fbclid=abc&gclid=def&mc_cid=1&mc_eid=2",
    "https://example.org/news/fire-in-leeds?at_medium=RSS&at_campaign=KARANGA",
    "https://example.org/news/fire-in-leeds?ns_mchannel=rss&ns_campaign=1490&ito=1490",
    "https://example.org/news/fire-in-leeds?partner=rss&emc=rss",
    "https://example.org/news/fire-in-leeds?ref=rss&CMP=share_btn_tw",
    "https://example.org/news/fire-in-leeds?source=rss&mod=rss_markets_main",
    "https://example-org.cdn.ampproject.org/c/s/example.org/news/fire-in-leeds",
    "https://example-org.cdn.ampproject.org/v/s/www.example.org/news/amp/fire-in-leeds?amp_js_v=0.1",
    "https://www.google.com/amp/s/example.org/news/fire-in-leeds",
    "https://www.google.co.uk/amp/s/amp.example.org/news/fire-in-leeds",
    "https://www.google.com/url?rct=j&sa=t&url=https://example.org/news/fire-in-leeds&ct=ga&usg=AOv",
    "http://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fexample.org%2fnews%2ffire-in-leeds&c=1",
    "https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2Fnews%2Ffire-in-leeds%3Ffbclid%3D1&h=AT",
]

KEPT = {
    "https://example.org/?p=12": "https://example.org?p=12",
    "https://example.org/read?b=2&a=1": "https://example.org/read?a=1&b=2",
    "https://example.org/read?a=1&&b=2&a=0": "https://example.org/read?a=0&a=1&b=2",
    "https://example.org/read?q=two+words": "https://example.org/read?q=two%20words",
    "https://example.org/read?q=a%26b": "https://example.org/read?q=a%26b",
    "https://example.org/read?source=parliament": "https://example.org/read?source=parliament",
    "https://example.org/a%2Fb": "https://example.org/a%2Fb",
    "https://example.org/50%": "https://example.org/50%25",
    "https://example.org/caf\u00e9": "https://example.org/caf%C3%A9",
    "https://example.org/caf%c3%a9": "https://example.org/caf%C3%A9",
    "https://example.org/story,123": "https://example.org/story,123",
    "https://example.org/story%2C123": "https://example.org/story,123",
    "https://example.org/#!/story/1": "https://example.org#!/story/1",
    "https://example.org/app#/story/1": "https://example.org/app#/story/1",
    "https://example.org:8443/a": "https://example.org:8443/a",
    "https://b\u00fccher.example/a": "https://xn--bcher-kva.example/a",
    "https://en.m.wikipedia.org/wiki/Leeds": "https://en.wikipedia.org/wiki/Leeds",
    "https://amp.dev/about": "https://amp.dev/about",
    "https://example.org/amplifiers": "https://example.org/amplifiers",
    "https://EXAMPLE.org/Case": "https://example.org/Case",
    "https://[2001:DB8::1]:8080/a": "https://[2001:db8::1]:8080/a",
    "https://video.example/watch?v=dQw4&feature=youtu.be": "https://video.example/watch?v=dQw4",
    "https://feedproxy.google.com/~r/blog/~3/abc/": "https://feedproxy.google.com/~r/blog/~3/abc",
}

NO_ADDRESS = [
    None,
    "",
    "   ",
    "example.org/a",
    "/news/1",
    "mailto:news@example.org",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.org/a",
    "file:///etc/passwd",
    "urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6",
    "https://",
    "https:///path",
    "https://[::1/a",
    "https://[not-an-address]/a",
    "https://example.org:port/a",
    "https://example.org:99999/a",
    "https://exam ple.org/a",
    "https://ex\u2100mple.org/a",
    "https://" + "\u00fc" * 300 + ".example/a",
    "https://example.org/" + "a" * LONGEST,
]


@pytest.mark.parametrize("url", SAME_PAGE)
def test_the_same_page_has_one_canonical_address(url: str) -> None:
    """However a page is addressed, the canonical form is one."""
    assert canonical(url) == PAGE


@pytest.mark.parametrize(("url", "expected"), KEPT.items())
def test_what_may_matter_is_kept(url: str, expected: str) -> None:
    """Parameters, routes, ports and letter case that may lead to another page stay."""
    assert canonical(url) == expected


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_web_address_has_no_canonical_form(url: str | None) -> None:
    """Anything but a usable http or https address gives None, and never an exception."""
    assert canonical(url) is None
    assert not identifies(url)
    assert host(url) is None


hosts = st.sampled_from(
    ["example.org", "www.Example.org", "m.amp.example.org", "cdn.ampproject.org", "google.com"]
)
pieces = st.text(alphabet="aZ0/.%2eFf?&=+#!;:~ \u00e9\ud800amp", max_size=30)
wrapped = st.builds(
    "https://{}/{}{}".format,
    hosts,
    st.sampled_from(["", "amp/s/", "c/s/", "c/s/example.org/", "url?url=https://example.org/", "x;sid=1"]),
    pieces,
)


@given(wrapped | st.text() | st.builds("http://{}".format, st.text()))
@settings(max_examples=500, deadline=None)
@example("https://cdn.ampproject.org/c/s/host%2Ecom/")
@example("https://cdn.ampproject.org/./c/s/x.com")
@example("https://example.org/amp.amp")
@example("https://example.org/a%3Bsid=1")
def test_the_canonical_form_is_its_own_canonical_form(url: str) -> None:
    """Canonical addresses stay as they are, whatever they were made of."""
    address = canonical(url)
    assert canonical(address) == address
    assert address is None or address.isascii()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("xy&=% ", max_size=4)), max_size=5), st.randoms())
def test_the_order_of_parameters_does_not_matter(pairs: list[tuple[str, str]], chance: Random) -> None:
    """Shuffled parameters lead to one canonical address."""
    shuffled = chance.sample(pairs, len(pairs))
    assert canonical(f"{PAGE}?{urlencode(pairs)}") == canonical(f"{PAGE}?{urlencode(shuffled)}")


def test_an_address_wrapped_again_and_again_ends() -> None:
    """Twenty wrappings are more than enough; a longer chain is no address at all."""
    assert canonical("https://www.google.com/amp/s/" * 5 + "example.org/a") is not None
    assert canonical("https://cdn.ampproject.org/c/s/" + "cdn.ampproject.org/c/s/" * 60 + "x.org/a") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/index.html",
        "/index.php",
        "/default.aspx",
        "/home",
        "/rss",
        "/feed/",
        "/feeds",
        "/rss.xml",
        "/atom.xml",
        "/en",
        "/pt-br/",
        "/#top",
        "/?utm_source=rss",
        "/amp/",
        "/#!",
    ],
)
def test_a_home_page_identifies_nothing(path: str) -> None:
    """The address of a whole site or of its feed tells no report from another."""
    assert not identifies(f"https://www.example.org{path}")


@pytest.mark.parametrize(
    "path", ["/?p=12", "/a-story", "/index.php?id=4", "/rss/story", "/#!/story/1", "/news/1/"]
)
def test_a_page_identifies(path: str) -> None:
    """The address of a page tells it from others."""
    assert identifies(f"https://www.example.org{path}")


def test_the_host_stands_without_prefix_and_port() -> None:
    """The host is the canonical one."""
    assert host("http://www.Example.org:8080/a") == "example.org"
    assert host("https://[::1]:8080/a") == "::1"
