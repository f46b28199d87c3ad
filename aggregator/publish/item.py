"""A story as one item of a feed: the same words in all formats, each of them clean.

The formats only spell an `Item`; nothing that a report says reaches them any other way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

from aggregator.model import Enclosure, Member, Story
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
        pages: public address below which each story has a page, if they have.
        hub: address of the WebSub hub that tells what is new in it, if one does.
    """

    title: str
    id: str
    author: str
    home: str | None = None
    address: str | None = None
    pages: str | None = None
    hub: str | None = None

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
    adds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One story, ready to be spelt in any format.

    Attributes:
        id: ``urn:uuid:…``; stays the same while the story grows.
        title: plain text, one line, never empty.
        link: where to read it, if anywhere: its page, or else the best report; http or https.
        original: where to read the best report, if anywhere.
        picture: address of the best report's picture, or else of the first report's that has one.
        enclosures: files that come with the best report.
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
    original: str | None
    picture: str | None
    enclosures: tuple[Enclosure, ...]
    summary: str
    html: str
    published: datetime
    updated: datetime
    publishers: tuple[str, ...]
    voices: int
    tags: tuple[str, ...]
    replaces: tuple[str, ...]
    lines: tuple[ReportLine, ...]


def item(story: Story, pages: str | None = None) -> Item:
    """The story as an item.

    Args:
        story: with what each of its reports adds, where somebody has looked for it.
        pages: `Channel.pages`.
    """
    lines = tuple(_line(member) for member in story.members)
    lead = paragraphs(story.lead)
    publishers = _distinct(story.publishers)
    original = address(story.url)
    picture = _picture(story)
    return Item(
        id=_urn(story.uuid),
        title=headline(story.title, story.lead),
        link=f"{pages}/stories/{story.id}" if pages else original,
        original=original,
        picture=picture,
        enclosures=_enclosures(story),
        summary=" ".join(lead),
        html=_html(picture, lead, _counts(len(publishers), story.voices), lines),
        published=_to_the_second(story.created),
        updated=_to_the_second(story.updated),
        publishers=publishers,
        voices=story.voices,
        tags=_distinct(tag for member in story.members for tag in member.tags),
        replaces=tuple(_urn(former) for former in story.former),
        lines=lines,
    )


def _best_first(story: Story) -> list[Member]:
    return sorted(story.members, key=lambda member: member.id != story.best)


def _picture(story: Story) -> str | None:
    shown = (address(member.media.image) for member in _best_first(story))
    return next((picture for picture in shown if picture), None)


def _enclosures(story: Story) -> tuple[Enclosure, ...]:
    """Those of the best report, each with an address that is fit."""
    found = []
    for each in _best_first(story)[0].media.enclosures if story.members else ():
        if fit := address(each.url):
            found.append(replace(each, url=fit, type=one_line(each.type)))
    return tuple(found)


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
        adds=_distinct(member.adds),
    )


def _html(picture: str | None, lead: Sequence[str], counts: str, lines: Sequence[ReportLine]) -> str:
    parts = [f'<p><img src="{escape(picture)}" alt=""></p>'] if picture else []
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in (*lead, counts)]
    parts += ["<ul>", *(f"<li>{_html_line(line)}</li>" for line in lines), "</ul>"] if lines else []
    return "\n".join(parts)


def _html_line(line: ReportLine) -> str:
    title = escape(line.title)
    if line.link:
        title = f'<a href="{escape(line.link)}">{title}</a>'
    told = f"{escape(line.publisher)}: {title} ({line.published:%Y-%m-%d %H:%M} UTC)"
    return told + "".join(f"<blockquote>{escape(sentence)}</blockquote>" for sentence in line.adds)


def _counts(publishers: int, voices: int) -> str:
    told = "1 publisher" if publishers == 1 else f"{publishers} publishers"
    return f"{told}, " + ("1 independent text" if voices == 1 else f"{voices} independent texts")


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for word in words if (line := one_line(word))))


def _to_the_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
