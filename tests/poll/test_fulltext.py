"""The whole text of reports: from real pages over real HTTP into a real database, once, and to stay."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import workbench

from aggregator.configuration import load
from aggregator.errors import ConfigurationError
from aggregator.poll.fulltext import PageResult
from aggregator.poll.pipeline import Pipeline
from aggregator.settings import FeedSource

SHORT = "The ferry Aurelia caught fire on Thursday night two miles off Port Sallow."
REST = (
    "Coastguard boats under Captain Ines Marrow took all 214 passengers and crew aboard, the harbour office "
    "said. Twelve people were treated for smoke. The fire began in the engine room shortly after nine, "
    "according to harbour master Tom Brel, who praised a calm crew and a quiet sea."
)


def page(text: str = f"<p>{SHORT}</p><p>{REST}</p>", title: str = "Ferry Aurelia burns") -> bytes:
    return f"<html lang=en><title>{title}</title><article><h1>{title}</h1>{text}</article></html>".encode()


class Bench(workbench.Bench):
    """With one feed that asks for the full text."""

    def __init__(self, folder: Path, origin: Any, rss: Any, **fetch: Any) -> None:
        source = {"name": "A", "url": f"{origin.url}/feed", "allow_private": True, "full_text": True}
        super().__init__(folder, source, fetch={"host_spacing": "0s"} | fetch)
        self.origin, self.rss = origin, rss

    def show(self, *numbers: int, **given: str) -> None:
        """Let the feed show these items, each with its short text."""
        items = [
            {
                "guid": f"tag:{n}",
                "title": "Ferry Aurelia burns",
                "link": f"{self.origin.url}/{n}",
                "description": SHORT,
            }
            | {"pubDate": f"Fri, 20 Nov 2026 10:{n:02}:00 GMT"}
            | given
            for n in numbers
        ]
        self.origin.pages["/feed"] = self.rss(*items)

    def let_read(self, path: str, body: bytes | int, kind: str = "text/html; charset=utf-8") -> None:
        self.origin.pages[path] = body
        self.origin.kinds[path] = kind

    def read(self) -> PageResult | None:
        """Read the pages that are due; None if there are none."""

        async def each(pipeline: Pipeline) -> PageResult | None:
            (source,) = pipeline.with_pages() or [None]
            return await pipeline.read_pages(source) if source else None

        (found,) = self.run(each)
        self.clock.later(hours=1)
        return found

    def texts(self) -> list[str]:
        return [text for (text,) in self.rows("SELECT text FROM story_reports ORDER BY report_id")]

    def asked(self) -> list[str]:
        return [path for path, _, _ in self.origin.asked if path != "/feed"]


@pytest.fixture
def bench(tmp_path, origin, rss) -> Bench:
    made = Bench(tmp_path, origin, rss)
    made.show(1)
    made.let_read("/1", page())
    return made


def test_a_report_is_there_with_the_short_text_and_gets_the_whole_one(bench):
    """As a revision: the old text is kept beside it, and the poll did not wait for it."""
    assert bench.poll().new == 1
    assert bench.texts() == [SHORT]
    assert bench.asked() == []
    reading = bench.read()
    assert (reading.taken, reading.failed, len(reading.stories)) == (1, (), 1)
    assert bench.texts() == [f"{SHORT}\n\n{REST}"]
    assert bench.rows("SELECT text FROM revision") == [(SHORT,)]
    assert bench.asked() == ["/robots.txt", "/1"]
    assert bench.origin.asked[-1][2]["Accept"].startswith("text/html")


def test_the_whole_text_stays_when_the_feed_shows_its_short_one_again(bench):
    """At every later poll, also in a body that has changed elsewhere; and no page is asked for twice."""
    bench.poll()
    bench.read()
    bench.show(1, 2)
    bench.let_read("/2", 404)
    assert (bench.poll().new, bench.texts()[0]) == (1, f"{SHORT}\n\n{REST}")
    bench.read()
    bench.show(2, 1)
    polled = bench.poll()
    assert (polled.new, polled.revised, bench.read()) == (0, 0, None)
    assert bench.texts() == [f"{SHORT}\n\n{REST}", SHORT]
    assert bench.asked() == ["/robots.txt", "/1", "/robots.txt", "/2"]
    assert len(bench.rows("SELECT * FROM revision")) == 1


def test_what_the_feed_changes_later_still_counts(bench):
    """A new title is taken, with the whole text; a longer text too, and does not flip either."""
    bench.poll()
    bench.read()
    bench.show(1, title="Ferry Aurelia burnt out")
    assert bench.poll().revised == 1
    assert bench.rows("SELECT title, text FROM story_reports") == [
        ("Ferry Aurelia burnt out", f"{SHORT}\n\n{REST}")
    ]
    longer = f"{SHORT} {REST} The owners promised an inquiry and a new ship by the spring of next year."
    for revised in (1, 0):
        bench.show(1, description=longer, title="Ferry Aurelia burnt out", category=str(revised))
        assert (bench.poll().revised, bench.texts()) == (revised, [longer])


def test_a_page_that_was_wanted_before_a_crash_is_read_after_it(bench):
    """What is wanted is committed with the report: nothing is forgotten in between."""
    bench.poll()
    assert bench.rows("SELECT report_id, tries, taken FROM page") == [(1, 0, 0)]
    assert bench.read().taken == 1


def test_the_better_text_is_kept(bench):
    """A page that shows less (a paywall), or something else (a request for consent), changes nothing."""
    paywall = page(f"<p>{SHORT[:40]}</p>")
    consent = page("<p>" + "Please choose your cookies here. " * 30, "Hello")
    for number, body in ((2, paywall), (3, consent)):
        bench.show(number)
        bench.let_read(f"/{number}", body)
        bench.poll()
        assert bench.read().taken == 0
        assert bench.read() is None
    assert set(bench.texts()) == {SHORT}
    assert bench.rows("SELECT count(*) FROM revision") == [(0,)]


def test_a_site_that_wants_no_robots_is_not_read(bench):
    """Its page is never asked for."""
    bench.let_read("/robots.txt", b"User-agent: *\nDisallow: /", "text/plain")
    bench.poll()
    assert bench.read().taken == 0
    assert bench.read() is None
    assert bench.asked() == ["/robots.txt"]
    assert bench.rows("SELECT said FROM page") == [("robots.txt asks robots not to read it",)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(404, "text/html"), (403, "text/html"), (b"%PDF-1.4", "application/pdf"), (b"<p>", "text/html")],
)
def test_a_page_that_is_not_there_is_asked_for_once(bench, body, kind):
    """What will not pass is not tried again."""
    bench.let_read("/1", body, kind)
    bench.poll()
    (said,) = bench.read().failed
    assert said.startswith(f"{bench.origin.url}/1: ")
    bench.clock.later(days=3)
    assert bench.read() is None
    assert bench.asked() == ["/robots.txt", "/1"]


def test_a_server_in_trouble_is_left_alone_and_asked_again_later_and_not_for_ever(bench):
    """The first failure ends the round: all pages of the source wait. Three more tries, then never."""
    bench.show(1, 2, 3)
    for number in (1, 2, 3):
        bench.let_read(f"/{number}", 503)
    bench.poll()
    bench.clock.later(minutes=-50)
    assert len(bench.read().failed) == 1
    bench.clock.later(hours=-1)
    assert bench.read() is None, "a quarter of an hour is not over"
    for _ in range(20):
        bench.clock.later(hours=13)
        bench.read()
    pages = [path for path in bench.asked() if path != "/robots.txt"]
    assert {path: pages.count(path) for path in pages} == {"/1": 4, "/2": 4, "/3": 4}
    assert bench.rows("SELECT count(*) FROM page WHERE due IS NOT NULL") == [(0,)]
    assert bench.texts() == [SHORT] * 3


def test_a_poll_asks_for_so_many_pages_and_no_more(tmp_path, origin, rss):
    """Those of the newest reports; the others keep what the feed showed."""
    bench = Bench(tmp_path, origin, rss, max_pages=2)
    bench.show(*range(1, 6))
    for number in range(1, 6):
        bench.let_read(f"/{number}", page())
    bench.poll()
    assert bench.read().taken == 2
    assert bench.read() is None
    assert bench.asked() == ["/robots.txt", "/5", "/4"]


def test_a_link_cannot_lead_into_a_private_network(bench):
    """Without allow_private nothing is asked there, for the page or its robots.txt."""
    bench.poll()
    source = bench.settings.sources[0]
    assert isinstance(source, FeedSource)
    guarded = source.model_copy(update={"allow_private": False})
    bench.settings = bench.settings.model_copy(update={"sources": (guarded,)})
    (said,) = bench.read().failed
    assert "127.0.0.1 is this machine" in said
    assert bench.asked() == []
    bench.clock.later(days=3)
    assert bench.read() is None


def test_a_source_that_does_not_ask_for_it_gets_no_page(bench):
    """Nothing is wanted, and nothing is looked up."""
    source = bench.settings.sources[0]
    bench.settings = bench.settings.model_copy(
        update={"sources": (source.model_copy(update={"full_text": False}),)}
    )
    bench.poll()
    assert bench.rows("SELECT * FROM page") == []
    assert bench.read() is None


def test_a_defect_costs_one_page(bench, monkeypatch):
    """It is told, and the page is not met again."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody foresaw it")

    bench.poll()
    monkeypatch.setattr("aggregator.normalise.full_text.whole_text", broken)
    reading = bench.read()
    assert (reading.taken, str(reading.broken[0])) == (0, "nobody foresaw it")
    assert bench.read() is None
    assert bench.rows("SELECT said, tries FROM page") == [("ZeroDivisionError('nobody foresaw it')", 1)]


def test_once_reads_pages_too(bench, aggregator, tmp_path):
    """A run that ends leaves nothing for later that is due now."""
    source = f"{{name: A, url: '{bench.origin.url}/feed', allow_private: true, full_text: true}}"
    (tmp_path / "a.yaml").write_text(f"sources: [{source}]\nfetch: {{host_spacing: 0s}}\n")
    assert aggregator("--config", "a.yaml", "once").status == 0
    with closing(sqlite3.connect(tmp_path / "var/aggregator.db")) as connection:
        assert connection.execute("SELECT text FROM story_reports").fetchall() == [(f"{SHORT}\n\n{REST}",)]


def test_what_is_asked_for_and_not_installed_is_said(tmp_path, monkeypatch):
    """With the command that installs it, at the place in the file."""
    file = tmp_path / "a.yaml"
    file.write_text("sources:\n  - name: A\n    url: https://a.example/\n    full_text: true\n")
    load(file, {})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as raised:
        load(file, {})
    assert str(raised.value).endswith(
        "a.yaml:4:16: sources[0].full_text: needs libraries that are not installed: "
        "pip install 'story-aggregator[fulltext]'"
    )
    file.write_text("sources:\n  - name: A\n    url: https://a.example/\n    full_text: false\n")
    load(file, {})
