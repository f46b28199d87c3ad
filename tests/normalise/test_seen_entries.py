"""What has not changed since the body before is not read again, and nothing else comes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Entry, Parsed
from aggregator.normalise.report import changes, normalise
from aggregator.normalise.seen_entries import SIZE, unpacked
from aggregator.settings import FeedSource

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEED = FeedSource(name="Harbour", url="https://harbour.example/feed")


def entry(number: int, **given: str) -> Entry:
    return Entry(
        **{
            "guid": f"tag:{number}",
            "url": f"https://harbour.example/{number}",
            "title": f"Ferry number {number} arrives late",
            "text": f"The ferry number {number} came {number + 3} minutes late to the harbour.",
            "published": "Fri, 20 Nov 2026 10:00:00 GMT",
        }
        | given
    )


BEFORE = Parsed(tuple(map(entry, range(5))), title="Harbour", language="en")


def after(**changed: object) -> list[str]:
    """The titles that are read of a second body."""
    shown = changes(BEFORE, FEED, NOON).shown
    return [report.title for report in changes(replace(BEFORE, **changed), FEED, NOON, shown).reports]


def test_only_what_is_new_or_changed_is_read():
    """One more entry, one with other words, one that is gone."""
    assert after() == []
    assert after(entries=(entry(9), *BEFORE.entries)) == [entry(9).title]
    assert after(entries=(entry(0, text="It sank."), *BEFORE.entries[1:])) == [entry(0).title]
    assert after(entries=BEFORE.entries[2:]) == []


@pytest.mark.parametrize("changed", [{"title": "Port"}, {"language": "de"}, {"url": "https://port.example/"}])
def test_all_is_read_where_the_feed_speaks_of_itself_anew(changed):
    """Its title, language and home are part of every report."""
    assert len(after(**changed)) == 5


@pytest.mark.parametrize(
    "changed", [{"publisher": "One"}, {"tags": ("sea",)}, {"language": "fr"}, {"url": "https://b.example/"}]
)
def test_all_is_read_where_the_configuration_is_another(changed):
    """What the user says of a source is part of every report too."""
    shown = changes(BEFORE, FEED, NOON).shown
    assert len(changes(BEFORE, FEED.model_copy(update=changed), NOON, shown).reports) == 5


def test_all_is_read_every_third_day():
    """So that what is still shown is known to be."""
    shown = changes(BEFORE, FEED, NOON).shown
    counts = [len(changes(BEFORE, FEED, NOON + timedelta(days=day), shown).reports) for day in range(5)]
    assert counts[0] == 0
    assert counts[3:] == [5, 5]


def test_identity_is_decided_with_all_in_view():
    """A guid that a new entry has in common with an unchanged one is believed of neither."""
    alike = entry(7, guid="tag:1")
    (report,) = changes(
        replace(BEFORE, entries=(alike, *BEFORE.entries)), FEED, NOON, changes(BEFORE, FEED, NOON).shown
    ).reports
    assert not any(key.startswith("guid:") for key in report.keys)


@given(
    st.lists(st.integers(0, 9), unique=True, max_size=8),
    st.lists(st.integers(0, 9), unique=True, max_size=8),
)
def test_nothing_is_lost(first, second):
    """Whatever two bodies show: what is read, and the keys beside it, are all that the second one has."""
    one, two = (Parsed(tuple(map(entry, numbers))) for numbers in (first, second))
    shown = changes(one, FEED, NOON).shown
    found = changes(two, FEED, NOON, shown)
    assert len(unpacked(shown)) * SIZE == len(shown)
    whole = {report.keys: report for report in normalise(two, FEED, NOON)}
    assert {report.keys for report in found.reports} | set(found.beside) == set(whole)
    assert [report.title for report in found.reports] == [
        entry(number).title for number in second if number not in first
    ]
