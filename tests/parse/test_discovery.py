"""Which feeds a page names, and where to look where it names none."""

import pytest

from aggregator.parse.discovery import offers, usual_places
from aggregator.parse.entry_fields import Limits

LIMITS = Limits(entries=10, text=1000, title=20)
RSS = 'rel="alternate" type="application/rss+xml"'


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (f'<link {RSS} href="/f.xml" title="All &amp; more">', [("https://a.example/f.xml", "All & more")]),
        (f"<LINK HREF=f.xml {RSS}>", [("https://a.example/blog/f.xml", "")]),
        (f'<base href="/x/"><link {RSS} href="f.xml">', [("https://a.example/x/f.xml", "")]),
        (f'<base href="javascript:1"><link {RSS} href="f.xml">', [("https://a.example/blog/f.xml", "")]),
        (
            '<link rel="feed alternate" type="application/atom+xml;charset=utf-8" href="//b.example/">',
            [("https://b.example/", "")],
        ),
        (
            '<link rel=alternate type="application/feed+json" href="f.json">',
            [("https://a.example/blog/f.json", "")],
        ),
        (
            f'<link {RSS} href="f"><link {RSS} href="f" title="again"><link {RSS} href="g">',
            [("https://a.example/blog/f", ""), ("https://a.example/blog/g", "")],
        ),
        (f'<link {RSS} href="f" title="{"t" * 99}">', [("https://a.example/blog/f", "t" * 20)]),
        ('<link rel="stylesheet" type="application/rss+xml" href="f">', []),
        ('<link rel="alternate" type="application/json" href="/wp-json/1">', []),
        ('<link rel="alternate" hreflang="de" href="/de/">', []),
        (f'<link {RSS} href="javascript:alert(1)"><link {RSS} href="file:///etc/passwd"><link {RSS}>', []),
        (f"<!-- <link {RSS} href=f> --><script>'<link {RSS} href=f>'</script>", []),
        ("no page at all", []),
    ],
)
def test_a_page_names_feeds(page, found):
    """As browsers read it: absolute web addresses, each once, in its order."""
    entries = offers(page, LIMITS, "https://a.example/blog/post.html").entries
    assert [(entry.url, entry.title) for entry in entries] == found


def test_a_page_cannot_name_feeds_without_end():
    """The first fifty are taken."""
    page = "".join(f'<link {RSS} href="{number}">' for number in range(1000))
    assert len(offers(page, LIMITS, "https://a.example/").entries) == 50


@pytest.mark.parametrize(
    ("url", "first", "count"),
    [
        ("https://a.example", "https://a.example/feed", 7),
        ("https://a.example:8443/?q=1", "https://a.example:8443/feed", 7),
        ("https://a.example/blog/", "https://a.example/blog/feed", 9),
        ("https://a.example/blog", "https://a.example/blog/feed", 9),
    ],
)
def test_the_usual_places_are_few_and_at_the_same_host(url, first, count):
    """Those below the page first."""
    places = usual_places(url)
    assert places[0] == first
    assert len(places) == count == len(set(places))
    assert {place[: place.index("/", 8)] for place in places} == {first[: first.index("/", 8)]}
