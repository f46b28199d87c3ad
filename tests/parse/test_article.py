"""The article in a page."""

import pytest

from aggregator.errors import ParseError
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

LIMITS = Limits(entries=10, text=5000, title=100)
FIRST = (
    "The ferry Aurelia caught fire on Thursday night two miles off Port Sallow. Coastguard boats under "
    "Captain Ines Marrow took all 214 passengers and crew aboard, the harbour office said."
)
SECOND = (
    "Twelve people were treated for smoke. The fire began in the engine room shortly after nine, according "
    "to harbour master Tom Brel, who praised a calm crew."
)
PAGE = f"""<!doctype html><html lang="en-GB"><head><title>Ferry burns | Gazette</title>
<meta property="og:title" content="Ferry burns"></head><body>
<nav><a href="/">Home</a> <a href="/w">World</a></nav>
<div class="cookie-banner">We use cookies to improve your visit.</div><script>alert("{FIRST}")</script>
<article><h1>Ferry burns</h1><p>{FIRST}</p><p>{SECOND}</p></article>
<aside>Most read: nine recipes with pumpkin</aside><footer>Copyright Gazette</footer></body></html>"""


def test_the_article_is_taken_and_nothing_around_it():
    """Its paragraphs, its title and the language of the page."""
    (entry,) = parse_here(PAGE.encode(), "article", limits=LIMITS, url="https://a.example/1").entries
    assert entry.text.split("\n\n")[-2:] == [FIRST, SECOND]
    assert (entry.title, entry.language) == ("Ferry burns", "en-GB")
    assert not any(word in entry.text for word in ("Home", "cookies", "pumpkin", "Copyright", "alert", "<"))


@pytest.mark.parametrize("body", ["<p>hi", "<html>" * 1000, "%PDF-1.4 \x01", "{}", "<div>" * 2_000 + "x"])
def test_a_page_without_an_article_is_said(body):
    """Whatever it is."""
    with pytest.raises(ParseError):
        parse_here(body.encode(), "article", limits=LIMITS, url="https://a.example/1")
