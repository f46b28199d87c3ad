"""Whose report it is, and headlines without that name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Entry, Parsed
from aggregator.normalise.publisher import feed_name, headline, publisher
from aggregator.settings import FeedSource, FolderSource

FEED = FeedSource(name="beeb-world", url="https://feeds.example/world.xml")
FOLDER = FolderSource(name="drop", folder="drop")

FEED_NAMES = {
    ("BBC News - Home", None): "BBC News",
    ("BBC News", None): "BBC News",
    ("Example News RSS", None): "Example News",
    ("Example News - RSS Feed", None): "Example News",
    ("Example Times | Latest news", None): "Example Times",
    ("World news | The Guardian", "https://www.theguardian.com/world"): "The Guardian",
    ("Articles | Mail Online", "https://www.dailymail.co.uk/"): "Mail Online",
    ("Breaking News | Daily Telegraph", None): "Daily Telegraph",
    ("NYT > U.S. News", "https://www.nytimes.com/"): "NYT",
    ("WSJ.com: World News", None): "WSJ.com",
    ("Reuters: World News", None): "Reuters",
    ("CNN.com - RSS Channel - App International Edition", "https://www.cnn.com/"): "CNN.com",
    ("The Local - Sweden's News", "https://www.thelocal.se"): "The Local",
    ("Le Monde - Actualités à la une", "https://www.lemonde.fr"): "Le Monde",
    ("Science", None): "Science",
    ("Latest news", None): "Latest news",
    ("Hacker News: Front Page", "https://news.ycombinator.com/"): "Hacker News",
    ("", None): None,
    (None, None): None,
    ("7", None): None,
    ("x" * 200, None): None,
}

HEADLINES = {
    # behind the title
    "Fire in Leeds - BBC News": "Fire in Leeds",
    "Fire in Leeds - BBC": "Fire in Leeds",
    "Fire in Leeds | BBC News Online": "Fire in Leeds",
    "Fire in Leeds – bbc news": "Fire in Leeds",
    "Fire in Leeds — BBC NEWS": "Fire in Leeds",
    "Fire in Leeds :: BBC News": "Fire in Leeds",
    "Fire in Leeds » BBC News": "Fire in Leeds",
    "Fire in Leeds (BBC News)": "Fire in Leeds",
    "Fire in Leeds [BBC]": "Fire in Leeds",
    "Fire in Leeds_BBC": "Fire in Leeds",
    "Fire in Leeds | UK news | BBC News": "Fire in Leeds",
    "Fire in Leeds - police - BBC News": "Fire in Leeds - police",
    "Fire in Leeds - BBC News - BBC News": "Fire in Leeds",
    "Fire  in\tLeeds -  BBC News ": "Fire in Leeds",
    # before the title
    "BBC News: Fire in Leeds": "Fire in Leeds",
    "BBC: Fire in Leeds": "Fire in Leeds",
    "BBC | Fire in Leeds": "Fire in Leeds",
    "BBC News - Fire in Leeds": "Fire in Leeds",
    "[BBC] Fire in Leeds": "Fire in Leeds",
    "【BBC】Fire in Leeds": "Fire in Leeds",
    "BBC News: Fire in Leeds - BBC News": "Fire in Leeds",
    # no name, or no part of its own
    "Fire in Leeds": "Fire in Leeds",
    "Coronavirus: Fire in Leeds": "Coronavirus: Fire in Leeds",
    "Fire in Leeds - what we know": "Fire in Leeds - what we know",
    "Fire in Leeds - News": "Fire in Leeds - News",
    "Fire in Leeds | UK": "Fire in Leeds | UK",
    "Why the BBC is in trouble": "Why the BBC is in trouble",
    "Chairman: BBC News must change": "Chairman: BBC News must change",
    "Who pays - the BBC or you": "Who pays - the BBC or you",
    "Anti-BBC": "Anti-BBC",
    "12:30 BBC News": "12:30 BBC News",
    # never empty
    "BBC News": "BBC News",
    "BBC": "BBC",
    "- BBC News": "- BBC News",
    "BBC: ": "BBC:",
    "BBC News | BBC": "BBC News",
    "": "",
    "   ": "",
}


@pytest.mark.parametrize(("title", "url", "expected"), [(*key, name) for key, name in FEED_NAMES.items()])
def test_a_feed_title_gives_its_publishers_name(
    title: str | None, url: str | None, expected: str | None
) -> None:
    """What only says that it is a feed, or which one, goes; a title of nothing else stays whole."""
    assert feed_name(Parsed(entries=(), title=title, url=url)) == expected


@pytest.mark.parametrize(("title", "expected"), HEADLINES.items())
def test_a_headline_loses_its_publishers_name(title: str, expected: str) -> None:
    """Only where the name is a part of its own, with nothing added that says something."""
    assert headline(title, ("BBC", "BBC News - Home", None), "https://www.bbc.co.uk/news/1") == expected


@pytest.mark.parametrize(
    ("title", "name", "expected"),
    [
        ("China: floods kill ten", "China Daily", "China: floods kill ten"),
        ("Floods kill ten - China", "China Daily", "Floods kill ten - China"),
        ("Russia: floods", "Russia Today", "Russia: floods"),
        ("Inondations | Le Monde", "Le Monde", "Inondations"),
        ("Überschwemmung - SÜDDEUTSCHE ZEITUNG", "Süddeutsche Zeitung", "Überschwemmung"),
        ("Überschwemmung - Suddeutsche Zeitung", "Süddeutsche Zeitung", "Überschwemmung"),
        ("洪水 - 新华网", "新华网", "洪水"),
        ("洪水_新华网", "新华网", "洪水"),
        ("洪水｜新华网", "新华网", "洪水"),
        ("Наводнение — ТАСС", "ТАСС", "Наводнение"),
    ],
)
def test_names_in_all_scripts_and_names_with_a_country(title: str, name: str, expected: str) -> None:
    """Case and accents do not matter; a country in a publisher's name is not the publisher."""
    assert headline(title, (name,), None) == expected


def test_the_host_is_a_name_behind_a_title_only() -> None:
    """``- example.org`` and ``- Example`` go where the entry is at example.org; ``Example: …`` stays."""
    url = "https://news.example.co.uk/a"
    assert headline("Fire in Leeds - news.example.co.uk", (), url) == "Fire in Leeds"
    assert headline("Fire in Leeds - Example", (), url) == "Fire in Leeds"
    assert headline("Example: fire in Leeds", (), url) == "Example: fire in Leeds"


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
@settings(deadline=None)
def test_a_headline_is_a_part_of_its_title_and_never_emptied(title: str, names: list[str]) -> None:
    """Nothing is added, and something stays."""
    found = headline(title, tuple(names), None)
    assert found in " ".join(title.split())
    assert bool(found) == bool(title.split())
    assert headline(" - ".join([title, *names]), tuple(names), None) is not None


PARSED = Parsed(entries=(), title="BBC News - Home", url="https://www.bbc.co.uk/news")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Reuters", "Reuters"),
        ("  The   Example Times ", "The Example Times"),
        ("https://www.example.org/news?x=1", "example.org"),
        (None, "BBC News"),
        ("", "BBC News"),
        ("BBC", "BBC News"),
        ("BBC News Online", "BBC News"),
        ("BBC News - Home", "BBC News"),
        ("desk@example.org", "BBC News"),
        ("7", "BBC News"),
        ("2026", "BBC News"),
        ("x" * 100, "BBC News"),
        ("http://", "BBC News"),
    ],
)
def test_an_entry_may_name_another_publisher(named: str | None, expected: str) -> None:
    """Only what is a name, and not the source's own, counts."""
    assert publisher(Entry(publisher=named), PARSED, FEED) == expected


def test_the_configuration_names_the_publisher_before_the_feed() -> None:
    """Then the feed's title, then the source's name; a folder has no title of its own."""
    configured = FEED.model_copy(update={"publisher": "BBC"})
    assert publisher(Entry(), PARSED, configured) == "BBC"
    assert publisher(Entry(publisher="BBC News"), PARSED, configured) == "BBC"
    assert publisher(Entry(publisher="Reuters"), PARSED, configured) == "Reuters"
    assert publisher(Entry(), Parsed(entries=()), FEED) == "beeb-world"
    assert publisher(Entry(), PARSED, FOLDER) == "drop"
    assert publisher(Entry(), PARSED, FOLDER.model_copy(update={"publisher": "Desk"})) == "Desk"
    assert publisher(Entry(publisher="Reuters"), PARSED, FOLDER) == "Reuters"
