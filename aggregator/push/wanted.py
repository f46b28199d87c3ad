"""Which stories a target is told of, and when; pure."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from aggregator.model import Member, Story
from aggregator.settings import Target


def is_wanted(target: Target, story: Story) -> bool:
    """Whether a target is to be told of a story as it is now."""
    if len(story.publishers) < target.min_publishers:
        return False
    tags = {tag.casefold() for tag in target.tags}
    if tags and not any(tag.casefold() in tags for member in story.members for tag in member.tags):
        return False
    return not target.words or any(_has_all(member, target.words) for member in story.members)


def _has_all(member: Member, words: tuple[str, ...]) -> bool:
    """Whether a report has all these words or phrases, in any case and with whatever stands between words."""
    said = f" {_bare(f'{member.title} {member.text}')} "
    return all(f" {_bare(phrase)} " in said for phrase in words)


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def due(target: Target, now: datetime) -> datetime:
    """When a story that fits now is told: at once, or at the next of the digest's times of day."""
    if not target.at:
        return now
    times = sorted(time.fromisoformat(each) for each in target.at)
    today = [datetime.combine(now.date(), each, now.tzinfo) for each in times]
    tomorrow = datetime.combine(now.date() + timedelta(days=1), times[0], now.tzinfo)
    return next((each for each in today if each > now), tomorrow)


_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = timedelta(days=1)
"""How long a target that fails is tried; what has waited longer is given up, so that the rest can go on."""


def wait(tries: int) -> timedelta:
    """How long after so many failures it is tried again."""
    return min(_FIRST_WAIT * (1 << min(tries, 10)), _LONGEST_WAIT)
