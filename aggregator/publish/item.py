"""A story as one item of a feed: the same words in all formats, each of them clean.

The formats only spell an `Item`; nothing that a report says reaches them any other way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from aggregator.model import Member, Story
from aggregator.publish.words import address, headline, one_line, paragraphs

# A feed without a story has not changed since time began; the time of writing would make each copy differ.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


TERMS = {"xmlns:dcterms": "http://purl.org/dc/terms/"}
"""The namespace of ``dcterms:replaces``, which RSS and Atom say with what `Item.replaces` holds."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What a feed says about itself.

    Attributes:
        title: one line.
        id: a URI that stays the same for ever, wherever the feed is served.
        author: who publishes it.
        home: public address of the folder of feeds, if it has one.
        address: public address of this very file, if it has one.
    """

    title: str
    id: str
    author: str
    home: str | None = None
    address: str | None = None

    @property
    def description(self) -> str:
        """One line for a person."""
        return f"{self.title}: each story once, with every report in it"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One report of a story; attributes as in `aggregator.model.Member`, the title never empty."""

    id: int
    copy_group: int
    source: str
    publisher: str
    title: str
    link: str | None
    published: datetime
    language: str


@dataclass(frozen=True, slots=True)
class Item:
    """One story, ready to be spelt in any format.

    Attributes:
        id: ``urn:uuid:…``; stays the same while the story grows.
        title: plain text, one line, never empty.
        link: where to read the best report, if anywhere; http or https.
        summary: plain text, one line; may be empty.
        html: paragraphs and a list; every word from a report is escaped.
        published: when its first report came in, to the second.
        updated: when it last gained something, to the second.
        publishers: names, in the order in which they reported.
        voices: number of independent texts.
        tags: of all reports, each once.
        replaces: ids of items that this one stands for now, because their stories were merged into it.
        lines: its reports, in the order of publishing.
    """

    id: str
    title: str
    link: str | None
    summary: str
    html: str
    published: datetime
    updated: datetime
    publishers: tuple[str, ...]
    voices: int
    tags: tuple[str, ...]
    replaces: tuple[str, ...]
    lines: tuple[ReportLine, ...]


def item(story: Story) -> Item:
    """The story as an item."""
    lines = tuple(_line(member) for member in story.members)
    lead = paragraphs(story.lead)
    publishers = _distinct(story.publishers)
    return Item(
        id=_urn(story.uuid),
        title=headline(story.title, story.lead),
        link=address(story.url),
        summary=" ".join(lead),
        html=_html(lead, _counts(len(publishers), story.voices), lines),
        published=_to_the_second(story.created),
        updated=_to_the_second(story.updated),
        publishers=publishers,
        voices=story.voices,
        tags=_distinct(tag for member in story.members for tag in member.tags),
        replaces=tuple(_urn(former) for former in story.former),
        lines=lines,
    )


def _urn(uuid: str) -> str:
    return f"urn:uuid:{one_line(uuid)}"


def last_change(items: Sequence[Item]) -> datetime:
    """When the newest of them changed; `NEVER` where there is none."""
    return max((each.updated for each in items), default=NEVER)


def _line(member: Member) -> ReportLine:
    return ReportLine(
        id=member.id,
        copy_group=member.copy_group,
        source=one_line(member.source),
        publisher=one_line(member.publisher),
        title=headline(member.title, member.text),
        link=address(member.url),
        published=_to_the_second(member.published),
        language=one_line(member.language),
    )


def _html(lead: Sequence[str], counts: str, lines: Sequence[ReportLine]) -> str:
    parts = [f"<p>{escape(paragraph)}</p>" for paragraph in (*lead, counts)]
    parts += ["<ul>", *(f"<li>{_html_line(line)}</li>" for line in lines), "</ul>"] if lines else []
    return "\n".join(parts)


def _html_line(line: ReportLine) -> str:
    title = escape(line.title)
    if line.link:
        title = f'<a href="{escape(line.link)}">{title}</a>'
    return f"{escape(line.publisher)}: {title}"


def _counts(publishers: int, voices: int) -> str:
    told = "1 publisher" if publishers == 1 else f"{publishers} publishers"
    return f"{told}, " + ("1 independent text" if voices == 1 else f"{voices} independent texts")


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for word in words if (line := one_line(word))))


def _to_the_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
