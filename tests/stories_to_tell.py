"""Stories as they come from the database, for whoever shows or tells them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aggregator.model import NO_MEDIA, Enclosure, Media, Member, Story

MORNING = datetime(2026, 11, 3, 6, 0, tzinfo=UTC)
NAMESPACE = UUID("5f0c9d52-6c1e-4c07-9f5b-0d6a1f1f3c11")
_MEDIA = Media(
    "https://paper-1.example/ferry.jpg?a=1&b=2",
    (
        Enclosure("https://paper-1.example/e1.mp3", "audio/mpeg", 12_345, 67),
        Enclosure("https://a.example/e2"),
    ),
)


def make_member(number: int = 1, **changes: Any) -> Member:
    """A report that came in `number` hours after the morning began."""
    at = MORNING + timedelta(hours=number)
    member = Member(
        id=number,
        source=f"feed-{number}",
        publisher=f"Paper {number}",
        title=f"Ferry aground off Larvik, version {number}",
        text="The ferry ran aground in fog.\n\nNobody was hurt.",
        language="en",
        published=at,
        dated=True,
        seen=at,
        url=f"https://paper-{number}.example/ferry?id={number}&from=rss",
        authors=("A. Reporter",),
        tags=("Sea", f"tag {number}"),
        copy_group=number,
        evidence={"layer": "first"},
        joined=at,
        media=_MEDIA if number == 1 else NO_MEDIA,
        adds=("Its captain, 41, had slept for two hours.",) if number == 2 else (),
    )
    return replace(member, **changes)


def make_story(number: int = 1, *, reports: int = 2, **changes: Any) -> Story:
    """A story of some reports, that changed last `number` days after the morning."""
    members = changes.pop("members", tuple(make_member(n) for n in range(1, reports + 1)))
    story = Story(
        id=number,
        uuid=str(UUID(int=number)),
        title=f"Ferry {number} aground off Larvik",
        lead="The ferry ran aground in fog.",
        url=f"https://paper-1.example/ferry/{number}",
        created=MORNING,
        updated=MORNING + timedelta(days=number),
        members=members,
        publishers=tuple(dict.fromkeys(member.publisher for member in members)),
        voices=len(members),
        best=members[0].id if members else 0,
    )
    return replace(story, **changes)
