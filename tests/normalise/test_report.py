"""From entries to reports."""

import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Entry, Parsed, Report
from aggregator.normalise.report import RECIPE, normalise
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits
from aggregator.settings import FeedSource, FolderSource

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEED = FeedSource(name="beeb", url="https://feeds.example/beeb.xml", tags=("news",))
FOLDER = FolderSource(name="drop", folder=Path("drop"), tags=("dropped",))
TEXT = (
    "The council voted on Tuesday to close three of the city's libraries, after months of protest by readers."
)
ENTRY = Entry(
    guid="tag:example.org,2026:1",
    url="https://www.example.org/news/1?utm_source=rss",
    title="Council closes three libraries - Example News",
    text=f"LEEDS (Reuters) - {TEXT}\n\nRead more",
    authors=("Ann Example", "Ann Example", " "),
    published="Sat, 21 Nov 2026 10:00:00 +0100",
    language="en-GB",
    links=("https://example.com/original", "https://www.example.org/news/1?utm_source=rss"),
    tags=("Libraries", "news"),
)


def _one(entry: Entry, source: FeedSource | FolderSource = FEED, **feed: str | None) -> Report:
    (report,) = normalise(Parsed(entries=(entry,), **{"title": "Example News - Home", **feed}), source, NOW)  # type: ignore[arg-type]
    return report


def test_an_entry_becomes_a_report() -> None:
    """Whole and clean: every field says what the model says it does."""
    report = _one(ENTRY)
    assert report == Report(
        source="beeb",
        publisher="Example News",
        title="Council closes three libraries",
        text=f"LEEDS - {TEXT}",
        language="en",
        published=datetime(2026, 11, 21, 9, tzinfo=UTC),
        dated=True,
        seen=NOW,
        authors=("Ann Example",),
        url="https://www.example.org/news/1?utm_source=rss",
        links=("https://example.com/original",),
        tags=("news", "Libraries"),
        keys=report.keys,
        recipe=RECIPE,
    )
    assert [key.partition(":")[0] for key in report.keys] == ["guid", "url", "item"]


@pytest.mark.parametrize(
    ("published", "updated", "expected", "dated"),
    [
        ("2022-12-02", None, datetime(2022, 12, 2, tzinfo=UTC), True),
        (None, "2022-12-02", datetime(2022, 12, 2, tzinfo=UTC), True),
        ("soon", "2022-12-02", datetime(2022, 12, 2, tzinfo=UTC), True),
        ("2026-11-22T13:00Z", None, NOW, True),
        ("2026-12-24", None, NOW, False),
        ("1970-01-01", None, NOW, False),
        (None, None, NOW, False),
    ],
)
def test_a_report_is_dated_by_its_source_or_by_when_it_was_seen(
    published: str | None, updated: str | None, expected: datetime, dated: bool
) -> None:
    """A date that cannot be is none; one a little ahead is now; an archive keeps its dates."""
    report = _one(replace(ENTRY, published=published, updated=updated))
    assert (report.published, report.dated) == (expected, dated)


def test_a_clock_that_runs_ahead_does_not_change_identity() -> None:
    """A date in the near future gives the same keys at the next poll, when it is past."""
    entry = replace(ENTRY, published="2026-11-22T13:00Z")
    parsed = Parsed(entries=(entry,))
    now, later = (normalise(parsed, FEED, NOW + n * timedelta(hours=2))[0] for n in range(2))
    assert now.published != later.published
    assert now.keys == later.keys


@pytest.mark.parametrize(
    ("source", "entry", "feed", "expected"),
    [
        (None, "en-US", None, "de"),
        (None, None, "en-US", "de"),
        (None, None, None, "de"),
        ("pt-BR", "de", None, "pt"),
    ],
)
def test_the_language_is_told_by_the_text(
    source: str | None, entry: str | None, feed: str | None, expected: str
) -> None:
    """The configuration is right, the text comes next, a declaration last."""
    german = replace(
        ENTRY,
        title="Rat schließt drei Büchereien",
        text="Der Stadtrat hat am Dienstag beschlossen, drei Büchereien zu schließen, trotz aller Proteste.",
        language=entry,
    )
    assert _one(german, FEED.model_copy(update={"language": source}), language=feed).language == expected
    assert _one(replace(german, title="Fox", text="", language="de-AT")).language == "de"


def test_an_aggregators_entry_has_its_true_publisher() -> None:
    """The publisher that the entry names is its publisher, and its name goes from the title."""
    report = _one(
        replace(ENTRY, publisher="The Daily Sample", title="Libraries close - The Daily Sample"),
        title='"libraries" - Example Alerts',
    )
    assert (report.publisher, report.title) == ("The Daily Sample", "Libraries close")


def test_a_dropped_text_needs_no_title_guid_or_address() -> None:
    """A bare text file becomes a report of the source's publisher, known by its content."""
    report = _one(Entry(text=TEXT), FOLDER, title=None)
    assert (report.publisher, report.title, report.text, report.url) == ("drop", "", TEXT, None)
    assert [key.partition(":")[0] for key in report.keys] == ["content"]
    assert report.tags == ("dropped",)


def test_a_text_that_is_all_boilerplate_is_kept_where_there_is_no_title() -> None:
    """Something to read remains of every report that has nowhere to lead to."""
    assert _one(replace(ENTRY, title="", text="Read more")).text == "Read more"
    assert _one(replace(ENTRY, text="Read more")).text == ""


def test_an_entry_of_nothing_is_no_report() -> None:
    """Without title, text and address there is nothing to keep; a title or an address is enough."""
    parsed = Parsed(entries=(Entry(), Entry(guid="1", tags=("x",)), Entry(title=" ", text="\n")))
    assert normalise(parsed, FEED, NOW) == []
    assert _one(Entry(url="https://example.org/a")).title == ""
    assert _one(Entry(title="Rain")).text == ""


def test_entries_of_one_body_that_are_one_report_become_one() -> None:
    """The fullest is taken, the keys of all are kept, and so are their addresses."""
    short = replace(ENTRY, text="Libraries close.", url="https://example.org/sport/1", tags=("Leeds",))
    for body in ((short, ENTRY), (ENTRY, short)):
        (report,) = normalise(Parsed(entries=body), FEED, NOW)
        assert report.text == f"LEEDS - {TEXT}"
        assert "https://example.org/sport/1" in report.links
        assert report.tags == ("news", "Libraries", "Leeds")
        assert {"url:https://example.org/sport/1", "url:https://example.org/news/1"} < set(report.keys)


def test_the_reports_come_in_the_order_of_the_body() -> None:
    """The first of several entries of a report has its place."""
    titles = ["Rain in Leeds today", "Snow in York today", "Wind in Hull today"]
    body = [Entry(guid=f"guid-{n}", title=title) for n, title in enumerate(titles)]
    parsed = Parsed(entries=(*body, body[0]))
    assert [report.title for report in normalise(parsed, FEED, NOW)] == titles


def test_lists_are_bounded() -> None:
    """Hundreds of tags, authors and links of one entry are cut to fifty."""
    many = tuple(f"https://example.org/{n}" for n in range(300))
    report = _one(replace(ENTRY, tags=many, links=many, authors=many))
    assert {len(report.tags), len(report.links), len(report.authors)} == {50}


words = st.sampled_from(["", "Rain", TEXT, "Example News", "Read more", "Fire - Example News"]) | st.text(
    max_size=30
)
entries = st.builds(
    Entry,
    guid=st.none() | st.sampled_from(["", "1", "tag:example.org,2026:1"]) | st.text(max_size=10),
    url=st.none() | st.sampled_from(["https://example.org/", "https://example.org/a1?ref=x", "no address"]),
    title=words,
    text=words,
    published=st.none()
    | st.sampled_from(["2022-12-02", "2026-11-21T10:00Z", "1970-01-01"])
    | st.text(max_size=10),
    language=st.none() | st.sampled_from(["en", "und", "xx-YY"]),
    publisher=st.none() | st.sampled_from(["Reuters", "Example News", "\x00"]),
)
sources = st.sampled_from([FEED, FOLDER])


@given(st.lists(entries, max_size=6), sources, st.randoms())
@settings(deadline=None)
def test_the_same_body_gives_the_same_reports(body: list[Entry], source: FeedSource, chance: Random) -> None:
    """Twice, and in any order; no two of them share a key, and every entry that says something is in one."""
    parsed = Parsed(entries=tuple(body), title="Example News")
    reports = normalise(parsed, source, NOW)
    assert reports == normalise(parsed, source, NOW)
    shuffled = normalise(replace(parsed, entries=tuple(chance.sample(body, len(body)))), source, NOW)
    assert {report.keys for report in shuffled} == {report.keys for report in reports}
    assert {report.text for report in shuffled} == {report.text for report in reports}
    all_keys = [key for report in reports for key in report.keys]
    assert len(all_keys) == len(set(all_keys))
    assert bool(reports) == any(entry.title.strip() or entry.text.strip() or entry.url for entry in body)
    for report in reports:
        assert report.keys
        assert report.published <= report.seen == NOW
        assert report.publisher


def test_a_report_is_known_again_at_every_poll(shared: Path, tmp_path: Path) -> None:
    """The same real answer, normalised twice, brings nothing new; no two reports share a key."""
    limits = Limits(entries=2000, text=200_000, title=1000)
    with tarfile.open(shared / "replay" / "feeds.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    for folder in sorted(tmp_path.iterdir()):
        source = FeedSource(name=folder.name, url="https://feeds.example/x")
        body = max(sorted(folder.iterdir())[:5], key=lambda path: path.stat().st_size).read_bytes()
        parsed = parse_here(body, "feed", limits=limits)
        reports = normalise(parsed, source, NOW)
        assert 0 < len(reports) <= len(parsed.entries)
        assert [report.keys for report in normalise(parsed, source, NOW)] == [
            report.keys for report in reports
        ]
