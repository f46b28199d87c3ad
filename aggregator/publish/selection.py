"""Which stories a feed shows."""

from collections.abc import Iterable

from aggregator.model import Story
from aggregator.settings import PublishedFeed


def select(feed: PublishedFeed, stories: Iterable[Story]) -> list[Story]:
    """The stories that the feed asks for, the last changed first.

    Tags are compared without regard to case: sources do not agree on it.
    """
    tags = {tag.casefold() for tag in feed.tags}
    fitting = [
        story
        for story in stories
        if len(story.publishers) >= feed.min_publishers and (not tags or tags & _tags(story))
    ]
    # Of equals the larger story comes first; then the id decides, so that the order of the question cannot
    # change the file. The database selects in the same order.
    fitting.sort(key=lambda story: (story.updated, len(story.members), story.id), reverse=True)
    return fitting[: feed.limit]


def _tags(story: Story) -> set[str]:
    return {tag.casefold() for member in story.members for tag in member.tags}
