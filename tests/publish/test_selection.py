"""Which stories a feed shows."""

import itertools
from dataclasses import replace

import pytest

from aggregator.publish.selection import select
from aggregator.settings import PublishedFeed


def test_the_last_changed_story_comes_first(story):
    """Stories are ordered by their last change, whatever order they came in."""
    stories = [story(number) for number in (2, 3, 1)]
    for order in itertools.permutations(stories):
        assert [each.id for each in select(PublishedFeed(name="all"), order)] == [3, 2, 1]


def test_equal_dates_keep_one_order(story):
    """Stories that changed at the same moment are in the same order each time: the bytes must not flip."""
    twins = [replace(story(number), updated=story(1).updated) for number in (1, 2, 3)]
    for order in itertools.permutations(twins):
        assert [each.id for each in select(PublishedFeed(name="all"), order)] == [3, 2, 1]


def test_the_limit_keeps_the_newest(story):
    """A limit cuts the oldest off."""
    stories = [story(number) for number in range(1, 8)]
    assert [each.id for each in select(PublishedFeed(name="all", limit=3), stories)] == [7, 6, 5]


@pytest.mark.parametrize(("minimum", "shown"), [(1, [3, 2, 1]), (2, [3, 2]), (3, [3]), (4, [])], ids=str)
def test_few_publishers_are_not_enough(story, minimum, shown):
    """Publishers count, not reports."""
    stories = [story(number, reports=number) for number in (1, 2, 3)]
    stories.append(replace(story(9, reports=5), publishers=()))
    assert [each.id for each in select(PublishedFeed(name="f", min_publishers=minimum), stories)] == shown


@pytest.mark.parametrize(
    ("tags", "shown"),
    [
        ((), [3, 2, 1]),
        (("sea",), [3, 1]),
        (("land", "SEA"), [3, 2, 1]),
        (("sky",), []),
        (("sea level",), [3]),
    ],
    ids=str,
)
def test_one_tag_of_one_report_is_enough(story, member, tags, shown):
    """A story is in when any of its reports has any of the tags, in any case."""
    stories = [
        story(1, members=(member(1, tags=()), member(2, tags=("Sea", "boats")))),
        story(2, members=(member(1, tags=("LAND",)),)),
        story(3, members=(member(1, tags=("sea", "Sea Level")),)),
    ]
    assert [each.id for each in select(PublishedFeed(name="f", tags=tags), stories)] == shown


def test_of_stories_changed_at_once_the_larger_comes_first(story):
    """What many tell is shown before what one tells, though they came in one poll."""
    twins = [
        replace(story(number, reports=size), updated=story(1).updated) for number, size in ((1, 3), (2, 1))
    ]
    assert [each.id for each in select(PublishedFeed(name="all"), twins)] == [1, 2]
