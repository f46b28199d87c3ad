"""Taking reports in: once is enough, a change is a revision, and each is in exactly one story."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from events import BUDGET, FIRE, FIRE_AGAIN
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Report
from aggregator.settings import Dedup
from aggregator.stories.ingest import IngestResult, ingest
from aggregator.stories.linker import Linker, best_membership
from storage import reports, stories
from storage.database import Database
from storage.stories import Membership

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def made(words: tuple[str, str], number: int, publisher: str = "Harbour News", **given: object) -> Report:
    """A report with these words."""
    values: dict[str, object] = {
        "source": publisher,
        "publisher": publisher,
        "title": words[0],
        "text": words[1],
        "language": "en",
        "published": NOON - timedelta(minutes=number),
        "dated": True,
        "seen": NOON,
        "url": f"https://example.org/{number}",
        "keys": (f"guid:{publisher}:{number}", f"url:example.org/{number}"),
    }
    return Report(**(values | given))  # type: ignore[arg-type]


@pytest.fixture
def take(database) -> Callable[..., IngestResult]:
    """Takes reports in, in a transaction of their own."""
    linker = Linker(Dedup())

    def take_in(*found: Report, now: datetime = NOON) -> IngestResult:
        with database.writing() as tx:
            return ingest(tx, linker, found, now)

    return take_in


def shown(database) -> list[list[str]]:
    """The titles in each story, sorted."""
    with database.reading() as tx:
        loaded = stories.load(tx, stories.recent(tx), database.uuid)
    return sorted(sorted(member.title for member in story.members) for story in loaded)


def test_two_reports_of_one_event_are_one_story_from_an_empty_store(database, take):
    """Cold start counts: other words, same event, one story, with the evidence that carried it."""
    take(made(FIRE, 1))
    take(made(FIRE_AGAIN, 2, "Island Times"))
    take(made(BUDGET, 3, "Verden Post"))
    assert shown(database) == sorted([[BUDGET[0]], sorted([FIRE[0], FIRE_AGAIN[0]])])
    with database.reading() as tx:
        (story,) = (s for s in stories.load(tx, stories.recent(tx), database.uuid) if len(s.members) == 2)
    evidence = next(m.evidence for m in story.members if m.evidence["layer"] == "story")
    assert {"Aurelia", "Sallow", "Brel"} <= set(evidence["names"])
    assert "214" in evidence["numbers"]
    assert evidence["score"] >= evidence["bar"]
    assert story.publishers == ("Island Times", "Harbour News")
    assert story.voices == 2


def test_a_wire_copy_is_one_voice(database, take):
    """The same text by another publisher joins as a copy: two publishers, one voice."""
    take(made(FIRE, 1))
    take(made(FIRE, 2, "Island Times"))
    with database.reading() as tx:
        (story,) = stories.load(tx, stories.recent(tx), database.uuid)
    assert [member.evidence["layer"] for member in story.members].count("copy") == 1
    assert (len(story.publishers), story.voices) == (2, 1)


def test_a_change_by_its_own_source_is_a_revision(database, take):
    """New words under an old key change the report and its story's time, and make no second report."""
    take(made(FIRE, 1))
    later = NOON + timedelta(hours=1)
    gain = take(replace(made(FIRE, 1), title="Ferry fire: all saved", seen=later), now=later)
    assert (gain.new, len(gain.revised)) == ((), 1)
    with database.reading() as tx:
        (story,) = stories.load(tx, stories.recent(tx), database.uuid)
    assert (story.title, story.updated, story.members[0].revised) == ("Ferry fire: all saved", later, later)


def test_another_feeds_words_for_the_same_article_do_not_revise_it(database, take):
    """Two feeds of one publisher that show one article differently do not make it flip."""
    take(made(FIRE, 1))
    other = replace(
        made(FIRE, 1), source="Harbour World", title="Fire", keys=("guid:w:1", "url:example.org/1")
    )
    assert take(other) == IngestResult()
    assert take(made(FIRE, 1)) == IngestResult()
    assert shown(database) == [[FIRE[0]]]


def test_a_story_does_not_move_when_nothing_is_gained(database, take):
    """Showing the same entries again leaves ``updated`` alone."""
    take(made(FIRE, 1))
    take(made(FIRE, 1), now=NOON + timedelta(days=1))
    with database.reading() as tx:
        (story,) = stories.load(tx, stories.recent(tx), database.uuid)
    assert story.updated == NOON


def test_a_report_that_grew_finds_its_story(database, take):
    """A bare headline that says its event only in a later revision joins then; its old id still answers."""
    take(made(FIRE, 1))
    take(made(("Breaking news", ""), 2, "Island Times"))
    assert len(shown(database)) == 2
    take(made(FIRE_AGAIN, 2, "Island Times"), now=NOON + timedelta(hours=1))
    assert shown(database) == [sorted([FIRE[0], FIRE_AGAIN[0]])]
    with database.reading() as tx:
        assert {stories.resolve(tx, story) for story in (1, 2)} == {1}


def test_a_transaction_that_failed_is_forgotten_by_the_linker(database):
    """Memory that ran ahead of a rolled-back transaction does not show in the next one."""
    linker = Linker(Dedup())

    def fail() -> None:
        with database.writing() as tx:
            ingest(tx, linker, [made(FIRE, 1)], NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    linker.forget()
    with database.writing() as tx:
        ingest(tx, linker, [made(BUDGET, 9)], NOON)
        ingest(tx, linker, [made(FIRE_AGAIN, 2, "Island Times")], NOON)
    assert shown(database) == sorted([[BUDGET[0]], [FIRE_AGAIN[0]]])


def test_what_another_process_revises_is_known(database):
    """Whoever links goes by the words that stand in the database, not by those that it remembers."""
    service, other = Linker(Dedup()), Linker(Dedup())
    with database.writing() as tx:
        ingest(tx, service, [made(FIRE, 1)], NOON)
    with database.writing() as tx:
        ingest(tx, other, [made(BUDGET, 1)], NOON)
    with database.writing() as tx:
        known = service.known
        ingest(tx, service, [made(FIRE_AGAIN, 2, "Island Times"), made(BUDGET, 3, "Budget Weekly")], NOON)
    assert shown(database) == sorted([[BUDGET[0], BUDGET[0]], [FIRE_AGAIN[0]]])
    assert service.known is known
    with database.writing() as tx:  # its own revisions are no news to it
        kept = service.known.keys[3]
        ingest(
            tx,
            service,
            [made((FIRE_AGAIN[0], FIRE_AGAIN[1] + " No more is known."), 2, "Island Times")],
            NOON,
        )
        ingest(tx, service, [made(FIRE, 4, "Coast Radio")], NOON)
        assert service.known.keys[3] is kept


def test_one_publisher_is_one_whatever_the_case_of_its_name(database):
    """What counts against a pair by one publisher counts there too."""
    linker = Linker(Dedup())
    with database.writing() as tx:
        ingest(tx, linker, [made(FIRE, 1, "FOX News"), made(BUDGET, 2, "Fox News")], NOON)
        one, other = (linker.profile(tx, reports.get(tx, [number])[number]) for number in (1, 2))
    assert one.publisher == other.publisher is not None


def test_a_restart_decides_the_same(database):
    """What the linker holds in memory is derived: a new one goes on as the old one would have."""
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(BUDGET, 9), made(FIRE, 1)], NOON)
    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(FIRE_AGAIN, 2, "Island Times")], NOON)
    assert sorted([FIRE[0], FIRE_AGAIN[0]]) in shown(database)


def test_writers_that_come_together_make_one_story(database, address):
    """Who writes second sees what the first has written, though he began before it was committed."""

    def second() -> None:
        with closing(Database(address)) as other, other.writing() as tx:
            ingest(tx, Linker(Dedup()), [made(FIRE_AGAIN, 2, "Island Times")], NOON)

    with database.writing() as tx:
        ingest(tx, Linker(Dedup()), [made(FIRE, 1)], NOON)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.5)  # long enough for one that does not wait to be done
        assert waiting.is_alive()
    waiting.join()
    assert shown(database) == [sorted([FIRE[0], FIRE_AGAIN[0]])]


def test_writers_at_the_same_time_corrupt_nothing(database, address):
    """Three services take in the same reports at once: each is there once, in one story."""

    def take_in() -> None:
        with closing(Database(address)) as other:
            for number, words in enumerate((FIRE, BUDGET, FIRE_AGAIN) * 3):
                with other.writing() as tx:
                    ingest(tx, Linker(Dedup()), [made(words, number, f"Paper {number}")], NOON)

    threads = [threading.Thread(target=take_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(titles) for titles in shown(database)] == [6, 3]


@pytest.mark.parametrize(
    ("prefer", "best"),
    [
        ((), "B"),
        (("C",), "C"),
        (("a", "c"), "A"),
        (("D", "C"), "D"),
        (("Nobody",), "B"),
    ],
)
def test_the_best_report_is_by_who_is_preferred_then_titled_then_whole_then_early(prefer, best):
    """B is the longest with a title; C is shorter, A as long and later; D has no title."""

    def membership(number: int, publisher: str, title: str, length: int) -> Membership:
        return Membership(1, number, publisher, title, length, NOON + timedelta(minutes=number), True, number)

    memberships = [
        membership(1, "B", "b", 50),
        membership(2, "A", "a", 50),
        membership(3, "C", "c", 20),
        membership(4, "D", "", 90),
    ]
    wanted = {name.casefold(): -rank for rank, name in enumerate(prefer)}
    assert best_membership(memberships, wanted).publisher == best


@given(batches=st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=6), max_size=6))
@settings(max_examples=15, deadline=None)
def test_every_report_is_there_once_and_in_one_story(empty, batches):
    """Whatever comes in whatever order and repetition: one report a key, one story a report, none empty."""
    words, linker = (FIRE, FIRE_AGAIN, BUDGET), Linker(Dedup())
    with empty() as address, closing(Database(address)) as database:
        for step, batch in enumerate(batches):
            with database.writing() as tx:
                found = [made(words[text], number, f"Paper {number}") for number, text in batch]
                ingest(tx, linker, found, NOON + timedelta(minutes=step))
        with database.reading() as tx:
            loaded = stories.load(tx, stories.recent(tx), database.uuid)
            count = reports.count(tx)
    seated = Counter(member.id for story in loaded for member in story.members)
    assert count == len({number for batch in batches for number, _ in batch}) == len(seated)
    assert set(seated.values()) <= {1}


def test_a_report_rewritten_to_something_else_leaves_its_story_and_its_copies(database, take):
    """New words on another event do not drag the old story along: group, evidence and place are made anew."""
    take(made(FIRE, 1))
    take(made(FIRE, 2, "Island Times"))
    take(made(BUDGET, 2, "Island Times"), now=NOON + timedelta(hours=1))
    assert shown(database) == sorted([[BUDGET[0]], [FIRE[0]]])
    with database.reading() as tx:
        loaded = stories.load(tx, stories.recent(tx), database.uuid)
    assert all(story.voices == len(story.members) == 1 for story in loaded)
    assert next(story for story in loaded if story.title == FIRE[0]).updated == NOON


def test_a_revision_that_is_no_copy_any_more_is_a_voice_of_its_own(database, take):
    """A wire copy that becomes a report of the same event stays in the story, with new evidence."""
    take(made(FIRE, 1))
    take(made(FIRE, 2, "Island Times"))
    take(made(FIRE_AGAIN, 2, "Island Times"), now=NOON + timedelta(hours=1))
    with database.reading() as tx:
        (story,) = stories.load(tx, stories.recent(tx), database.uuid)
    assert story.voices == 2
    assert {member.evidence["layer"] for member in story.members} == {"first", "story"}


def at(guid: int, place: str, text: str = "") -> Report:
    """An entry of a feed, shown at an address."""
    keys = (f"guid:Harbour News:{guid}", f"url:example.org/{place}")
    return made(
        (f"Title {guid}", f"Text {guid}. {text}"), guid, url=f"https://example.org/{place}", keys=keys
    )


def test_todays_news_in_yesterdays_place_is_a_report_of_its_own(take):
    """One address for the latest news: each day's is new, and yesterday's stays what it was."""
    assert take(at(1, "today")).new == (1,)
    for day in (2, 3, 4):
        body = (at(day, "today"), at(day - 1, f"archive-{day - 1}"))  # the day before that has left the feed
        gain = take(*body)
        assert (len(gain.new), gain.revised) == (1, ())
        assert take(*body) == IngestResult()


def test_a_new_guid_for_an_old_address_is_no_new_report(take):
    """Where nobody else has the report, its address is enough."""
    take(at(1, "a"))
    assert take(at(2, "a"), at(3, "b")).new == (2,)


@given(
    bodies=st.lists(
        st.lists(
            st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 2)),
            unique_by=(lambda entry: entry[0], lambda entry: entry[1]),
            max_size=5,
        ),
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_the_same_body_again_changes_nothing(empty, bodies):
    """However guids and addresses have moved about, a body brings nothing the second time."""
    linker = Linker(Dedup())
    with empty() as address, closing(Database(address)) as database:
        for step, body in enumerate(bodies):
            entries = [at(guid, str(place), f"Words {text}.") for guid, place, text in body]
            with database.writing() as tx:
                ingest(tx, linker, entries, NOON + timedelta(minutes=2 * step))
            with database.writing() as tx:
                assert ingest(tx, linker, entries, NOON + timedelta(minutes=2 * step + 1)) == IngestResult()


def test_reports_revised_together_are_linked_where_they_sit_by_then(database, take):
    """Of two that are revised in one batch, the first may move or merge what the second sits in."""
    take(made(FIRE, 1), made(FIRE_AGAIN, 2, "Island Times"), made(BUDGET, 3, "Verden Post"))
    take(
        made(BUDGET, 1),
        made(BUDGET, 2, "Island Times"),
        made(FIRE, 3, "Verden Post"),
        now=NOON + timedelta(hours=1),
    )
    assert shown(database) == sorted([sorted([BUDGET[0], BUDGET[0]]), [FIRE[0]]])


def test_what_is_as_it_was_still_has_its_report(database, take):
    """Yesterday's news, unchanged at a new address, is not what stands at its old address today."""
    old = made(FIRE, 1)
    (report,) = take(old).new
    today = made(BUDGET, 2, keys=("guid:Harbour News:2", "url:example.org/1"))
    with database.writing() as tx:
        gain = ingest(tx, Linker(Dedup()), [today], NOON, [("guid:Harbour News:1", "url:example.org/9")])
    assert (len(gain.new), gain.revised) == (1, ())
    assert report not in gain.new
