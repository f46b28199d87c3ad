"""Which entries are one report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.normalise.identity import SUBSTANTIAL, IdentityFields, groups, keys, united

MONDAY = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
FIRE = IdentityFields(
    guid="tag:example.org,2026:fire",
    url="https://example.org/news/fire",
    title="Fire destroys warehouse in Leeds",
    text="A fire destroyed a warehouse in Leeds on Friday.",
    published=MONDAY,
    publisher="Example News",
)
BRIEFING = replace(FIRE, title="Morning briefing", text="")
HOMES = ("https://example.org/", "https://example.org/rss.xml")


def _keys(*shown: IdentityFields, source: str = "feed", dropped: bool = False) -> list[tuple[str, ...]]:
    return keys(shown, source, homes=HOMES, dropped=dropped)


def _kinds(found: tuple[str, ...]) -> list[str]:
    return [key.partition(":")[0] for key in found]


def _one_report(one: IdentityFields, other: IdentityFields, source: str = "feed") -> bool:
    """Whether two polls, the second perhaps of another source, show one report."""
    return not set(_keys(one)[0]).isdisjoint(_keys(other, source=source)[0])


def test_an_entry_has_its_keys_strongest_first() -> None:
    """Guid within the source, address among all, moment and content within the source."""
    found = _keys(FIRE)[0]
    assert found[0] == "guid:feed:tag:example.org,2026:fire"
    assert found[1] == "url:https://example.org/news/fire"
    assert found[2].startswith("item:feed:2026-11-16T06:30:00+00:00:")
    assert len(found) == 3


REVISIONS = {
    "a new title": replace(FIRE, title="Warehouse burns down"),
    "a new text": replace(FIRE, text="A fire has destroyed two warehouses."),
    "a new date": replace(FIRE, published=TUESDAY),
    "a new address": replace(FIRE, url="https://example.org/news/fire-2"),
    "a new guid": replace(FIRE, guid="0815", title="Warehouse burns", published=TUESDAY),
    "a new guid and a tracked address": replace(
        FIRE, guid="0815", url="http://www.example.org/news/fire?utm_source=x"
    ),
    "a new guid and a new address": replace(FIRE, guid="0815", url="https://example.org/s/4711/fire"),
    "no guid": replace(FIRE, guid=None, title="Warehouse burns"),
}


@pytest.mark.parametrize("name", REVISIONS)
def test_a_revision_is_the_same_report(name: str) -> None:
    """Whatever one poll changes, one of the keys stays."""
    assert _one_report(FIRE, REVISIONS[name])


OTHERS = {
    "other guid and address and date": replace(
        BRIEFING, guid="tuesday", url="https://example.org/b/2", published=TUESDAY
    ),
    "other guid and date, no address": replace(BRIEFING, guid="tuesday", url=None, published=TUESDAY),
    "other address and date, no guid": replace(
        BRIEFING, guid=None, url="https://example.org/b/2", published=TUESDAY
    ),
    "other guid and address, no dates": replace(
        BRIEFING, guid="tuesday", url="https://example.org/b/2", published=None
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_column_with_the_same_title_every_day_stays_apart(name: str) -> None:
    """Monday's "Morning briefing" without a text is not Tuesday's."""
    assert not _one_report(BRIEFING, OTHERS[name])
    assert len(groups(_keys(BRIEFING, OTHERS[name]))) == 2


def test_a_column_that_always_links_to_its_front_page_stays_apart() -> None:
    """One address for entries of one body with several guids, or headlines, identifies none of them."""
    front = "https://example.org/briefing"
    days = [
        replace(BRIEFING, guid=f"day-{n}", url=front, published=MONDAY + n * timedelta(days=1))
        for n in range(3)
    ]
    assert len(groups(_keys(*days))) == 3
    assert all(_kinds(found) == ["guid", "item"] for found in _keys(*days))
    unnamed = [replace(day, guid=None) for day in days]
    assert len(groups(_keys(*unnamed))) == 3


def test_another_feed_may_use_the_same_guids() -> None:
    """A guid counts within its source, an address among all."""
    stranger = replace(FIRE, url="https://example.com/1", title="Another thing altogether, elsewhere")
    assert not _one_report(FIRE, stranger, source="other")
    assert _one_report(FIRE, replace(FIRE, guid="1", title="Burning"), source="other")
    assert keys([FIRE], "a:b")[0][0] != keys([replace(FIRE, guid="b:" + str(FIRE.guid))], "a")[0][0]


@pytest.mark.parametrize(
    "guid", ["", "  ", "0", "null", "None", "https://example.org/", "http://www.example.org"]
)
def test_a_guid_that_says_nothing_is_none(guid: str) -> None:
    """Neither an empty word nor the site's home page identifies an entry."""
    assert "guid" not in _kinds(_keys(replace(FIRE, guid=guid))[0])


def test_one_guid_for_all_entries_is_none() -> None:
    """Where entries differ in address and headline it is not believed; a revision listed twice has one."""
    broken = [replace(FIRE, title=f"Headline number {n}", url=f"https://example.org/{n}a") for n in range(3)]
    assert len(groups(_keys(*broken))) == 3
    assert all("guid" not in _kinds(found) for found in _keys(*broken))
    bare = [replace(entry, url=None) for entry in broken]
    assert len(groups(_keys(*bare))) == 3
    twice = [FIRE, replace(FIRE, title="Warehouse burns down")]
    assert len(groups(_keys(*twice))) == 1


@pytest.mark.parametrize(
    "url", [None, "https://example.org/", "https://example.org/rss.xml?x", "javascript:alert(1)"]
)
def test_a_home_page_is_no_key(url: str | None) -> None:
    """Entries that link to the site, to the feed or nowhere have no address key."""
    homes = (*HOMES, "https://www.example.org/rss.xml?x=")
    assert "url" not in _kinds(keys([replace(FIRE, url=url)], "feed", homes=homes)[0])


def test_numbers_from_a_drop_folder_are_no_guids() -> None:
    """Every file may begin at 1; an identifier that is meant for the world counts."""
    assert "guid" not in _kinds(_keys(replace(FIRE, guid="1"), dropped=True)[0])
    assert "guid" not in _kinds(_keys(replace(FIRE, guid="1234567890"), dropped=True)[0])
    assert "guid" in _kinds(_keys(replace(FIRE, guid="<1234@mail.example.org>"), dropped=True)[0])
    assert "guid" in _kinds(_keys(replace(FIRE, guid="1"))[0])


NOTE = IdentityFields(None, None, FIRE.title, FIRE.text, None, "Example News")


def test_a_text_without_address_is_known_by_its_content() -> None:
    """The same file under another name or in another folder is one report of its publisher."""
    assert _kinds(_keys(NOTE)[0]) == ["content"]
    again = replace(NOTE, title=NOTE.title.upper() + "!", text=f"\n  {NOTE.text} ")
    assert _one_report(NOTE, again, source="other folder")
    assert not _one_report(NOTE, replace(NOTE, publisher="Another"), source="other folder")
    assert not _one_report(NOTE, replace(NOTE, text=NOTE.text + " Nobody was hurt."))


@pytest.mark.parametrize("entry", [FIRE, replace(FIRE, guid=None), replace(FIRE, url=None)])
def test_content_is_no_key_where_there_is_a_better_one(entry: IdentityFields) -> None:
    """Two papers of one publisher may print one text on two pages."""
    assert "content" not in _kinds(_keys(entry)[0])


@pytest.mark.parametrize("published", [None, MONDAY])
@pytest.mark.parametrize("title", ["Rain", "", "🎉"])
def test_an_entry_with_no_other_key_is_still_known(title: str, published: datetime | None) -> None:
    """However little it says, it is found again, and kept once."""
    bare = IdentityFields(None, None, title, "", published, "Example News")
    assert len(_keys(bare)[0]) == 1
    assert _one_report(bare, bare)
    assert not _one_report(bare, replace(bare, title="Snow"))
    assert not _one_report(bare, replace(bare, published=TUESDAY))


def test_a_short_text_counts_with_a_time_of_day_and_alone() -> None:
    """Ten pictures called "Photo" are ten entries; one that is shown under a new guid and address is one."""
    photo = replace(FIRE, title="Photo", text="")
    assert _one_report(photo, replace(photo, guid="new", url="https://example.org/new-one"))
    many = [replace(photo, guid=f"g{n}", url=f"https://example.org/photo/{n}") for n in range(10)]
    assert len(groups(_keys(*many))) == 10
    midnight = replace(photo, published=MONDAY.replace(hour=0, minute=0))
    assert not _one_report(midnight, replace(midnight, guid="new", url="https://example.org/new-one"))


def test_a_substantial_text_at_one_moment_is_one_report() -> None:
    """A feed that lists it under two guids and two addresses shows it twice."""
    twin = replace(FIRE, guid="twin", url="https://example.org/sport/fire")
    assert groups(_keys(FIRE, twin)) == [[0, 1]]


def test_hostile_parts_become_short_printable_keys() -> None:
    """No part of a key is long, breaks a line or cannot be stored."""
    hostile = replace(
        FIRE, guid="g" * 100_000, url="https://example.org/" + "a" * 2000, publisher="\ud800\n" * 300
    )
    for found in (
        _keys(hostile)[0],
        _keys(replace(hostile, guid="\x00\udcff"))[0],
        _keys(replace(NOTE, publisher="\n"))[0],
    ):
        for key in found:
            assert len(key) < 400
            assert key.isprintable()
            assert key.encode()


def test_keys_of_one_report_are_bounded() -> None:
    """A body that ties hundreds of entries together does not make a report of hundreds of keys."""
    assert len(united([(f"guid:feed:{n}",) for n in range(500)])) == 20
    assert united([("url:b", "item:c"), ("guid:a", "url:b")]) == ("guid:a", "url:b", "item:c")


moments = st.sampled_from([None, MONDAY, TUESDAY, MONDAY.replace(hour=0, minute=0)])
entries = st.builds(
    IdentityFields,
    guid=st.sampled_from([None, "", "1", "2", "<long-enough@example.org>"]) | st.text(max_size=5),
    url=st.sampled_from(
        [None, "https://example.org/", "https://example.org/a1", "https://www.example.org/a1/", "x"]
    ),
    title=st.sampled_from(["", "Photo", "Morning briefing", FIRE.title, FIRE.title.upper()]),
    text=st.sampled_from(["", FIRE.text, "🎉"]) | st.text(max_size=SUBSTANTIAL),
    published=moments,
    publisher=st.sampled_from(["Example News", "Another"]),
)


@given(st.lists(entries, max_size=8), st.randoms(), st.booleans())
@settings(deadline=None)
def test_the_order_of_the_body_changes_nothing(
    shown: list[IdentityFields], chance: Random, dropped: bool
) -> None:
    """Every entry keeps its keys, and the groups hold the same entries, however the body is ordered."""
    order = chance.sample(range(len(shown)), len(shown))
    straight = _keys(*shown, dropped=dropped)
    shuffled = _keys(*(shown[at] for at in order), dropped=dropped)
    assert shuffled == [straight[at] for at in order]
    there = {frozenset(order[at] for at in group) for group in groups(shuffled)}
    assert there == {frozenset(group) for group in groups(straight)}


@given(st.lists(entries, max_size=8))
@settings(deadline=None)
def test_twice_in_is_once_there(shown: list[IdentityFields]) -> None:
    """The same body gives the same keys, each entry has one at least, and groups share none."""
    found = _keys(*shown)
    assert found == _keys(*shown)
    assert all(found)
    owners = [{key for at in group for key in found[at]} for group in groups(found)]
    assert sum(map(len, owners)) == len(set().union(*owners))
    assert sorted(at for group in groups(found) for at in group) == list(range(len(shown)))
