"""What the API gives and takes, as JSON; made from what the store knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aggregator.model import Correction, Member, Story, headline
from aggregator.poll.source_status import SourceStatus
from aggregator.publish.ranking import Weight
from aggregator.stories import correct
from storage.front import Listed
from storage.marks import Mark

LARGEST = 2**53 - 1  # more is no number that every program reads from JSON as it is
Id = Annotated[int, Field(ge=1, le=LARGEST)]
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class Taken(BaseModel):
    """A body; what it does not know it refuses, so that nobody believes a misspelt wish was heard."""

    model_config = ConfigDict(extra="forbid")


class Marks(BaseModel):
    """What the reader has marked of a story."""

    read: bool = Field(description="Read, and nothing has come since that says something new.")
    grown: int = Field(description="Independent texts that have come since it was read.")
    starred: bool
    muted: bool
    muted_until: datetime | None = Field(None, description="When it is heard of again.")
    muted_voices: int | None = Field(
        None, description="With how many independent texts it is heard of again."
    )


class StorySummary(BaseModel):
    """A story in a list."""

    id: int
    title: str
    lead: str = Field(description="The first characters of the best report.")
    publisher: str = Field(description="Whose the best report is.")
    url: str | None
    language: str
    updated: datetime = Field(description="When it last gained something.")
    reports: int
    publishers: list[str] = Field(description="In the order of coming.")
    voices: int = Field(description="Independent texts: copies count once.")
    weight: float = Field(description="By which the front page orders.")
    marks: Marks


class StoryList(BaseModel):
    """Stories, and where the list goes on."""

    stories: list[StorySummary]
    next: str | None = Field(None, description="The cursor of the next page; null on the last one.")


class Report(BaseModel):
    """A report in its story."""

    id: int
    story: int
    source: str
    publisher: str
    title: str
    text: str
    language: str
    published: datetime
    dated: bool = Field(description="False: it has no date, and `published` is when it was seen.")
    seen: datetime
    url: str | None
    authors: list[str]
    tags: list[str]
    copy_group: int = Field(description="Id of the first report with the same text.")
    evidence: dict[str, Any] = Field(description="Why it is in this story.")
    joined: datetime
    revised: datetime | None


class StoryDetail(BaseModel):
    """A story with every report in it."""

    id: int
    uuid: str = Field(description="As feeds have it.")
    title: str
    lead: str
    url: str | None
    created: datetime
    updated: datetime
    publishers: list[str]
    voices: int
    former: list[str] = Field(description="Ids in feeds of stories that were merged into it.")
    marks: Marks
    reports: list[Report]


class ReportList(BaseModel):
    """The reports of a story."""

    reports: list[Report]


class Marking(Taken):
    """What is to be marked; what is left out stays as it is."""

    read: bool | None = None
    starred: bool | None = None
    muted: bool | None = None
    muted_until: datetime | None = Field(None, description="With `muted`: until then.")
    muted_growth: int | None = Field(
        None, ge=1, le=10_000, description="With `muted`: until it has so many independent texts more."
    )


class ManyRead(Taken):
    """Stories that were read."""

    stories: list[Id] = Field(max_length=1000)


class MutedWords(BaseModel):
    """Words; stories that have one in their title are left out."""

    words: list[str]


class MutedWord(Taken):
    """A word, or several that stand together."""

    word: Word


class Merge(Taken):
    """These stories are one: the first of them stays."""

    what: Literal["merge"]
    stories: list[Id] = Field(min_length=2, max_length=100)


class Split(Taken):
    """These reports are another story."""

    what: Literal["split"]
    story: Id
    reports: list[Id] = Field(min_length=1, max_length=500)


class CorrectionShown(BaseModel):
    """What a person said about stories."""

    id: int
    at: datetime
    what: str
    story: int
    said: str = Field(description="In words.")
    undone: datetime | None


class CorrectionList(BaseModel):
    """Corrections, the newest first."""

    corrections: list[CorrectionShown]


class CorrectionDone(BaseModel):
    """What came of a correction."""

    correction: CorrectionShown
    stories: dict[int, str] = Field(
        description="Id and title of each story that it is about, as it stands now."
    )
    left: list[int] = Field(description="Copies of what was split off that stay behind.")


class SourceList(BaseModel):
    """How each source fares, as `aggregator sources --json` says it."""

    sources: list[dict[str, Any]]


class PauseWanted(Taken):
    """A source that is to be polled no more for a while."""

    source: str = Field(max_length=200)
    until: datetime | None = Field(None, description="In UTC where no offset is given; null: until resumed.")


class ResumeWanted(Taken):
    """A source that is to be polled again."""

    source: str = Field(max_length=200)


class Explained(BaseModel):
    """Why two reports are, or are not, one story, as `aggregator explain --json` says it."""

    model_config = ConfigDict(extra="allow")

    probability: float
    bar: float
    verdict: str


class Health(BaseModel):
    """That the database answers."""

    status: Literal["ok"] = "ok"
    version: str


def marks(mark: Mark, voices: int, now: datetime) -> Marks:
    """What a reader has marked of a story with so many voices."""
    read = mark.is_read(voices)
    return Marks(
        read=read,
        grown=voices - mark.voices if mark.read and not read else 0,
        starred=mark.starred is not None,
        muted=mark.is_muted(voices, now),
        muted_until=mark.muted_until,
        muted_voices=mark.muted_voices,
    )


def summary(story: Listed, weight: Weight, mark: Mark, now: datetime) -> StorySummary:
    """A story in a list."""
    return StorySummary(
        id=story.id,
        title=headline(story.title, story.lead),
        lead=story.lead,
        publisher=story.publisher,
        url=story.url,
        language=story.language,
        updated=story.updated,
        reports=len(story.arrivals),
        publishers=list(story.publishers),
        voices=story.voices,
        weight=round(weight.total, 4),
        marks=marks(mark, story.voices, now),
    )


def report(member: Member, story: int) -> Report:
    """A report, whole."""
    return Report(
        story=story,
        evidence=dict(member.evidence),
        authors=list(member.authors),
        tags=list(member.tags),
        **{name: getattr(member, name) for name in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    *("id", "source", "publisher", "title", "text", "language", "published", "dated", "seen", "url"),
    *("copy_group", "joined", "revised"),
)


def detail(story: Story, mark: Mark, now: datetime) -> StoryDetail:
    """A story, whole."""
    return StoryDetail(
        id=story.id,
        uuid=story.uuid,
        title=headline(story.title, story.lead),
        lead=story.lead,
        url=story.url,
        created=story.created,
        updated=story.updated,
        publishers=list(story.publishers),
        voices=story.voices,
        former=list(story.former),
        marks=marks(mark, story.voices, now),
        reports=[report(member, story.id) for member in story.members],
    )


def correction(found: Correction) -> CorrectionShown:
    """A correction, with what it says in words."""
    return CorrectionShown(
        id=found.id,
        at=found.at,
        what=found.what,
        story=found.story,
        said=correct.describe(found),
        undone=found.undone,
    )


def corrections(found: Iterable[Correction]) -> CorrectionList:
    """Corrections, the newest first."""
    return CorrectionList(corrections=[correction(each) for each in found][::-1])


def done(outcome: correct.Outcome) -> CorrectionDone:
    """What came of a correction."""
    return CorrectionDone(
        correction=correction(outcome.correction), stories=outcome.stories, left=list(outcome.left)
    )


def sources(found: Iterable[SourceStatus]) -> SourceList:
    """How each source fares."""
    return SourceList(sources=[each.as_json() for each in found])
