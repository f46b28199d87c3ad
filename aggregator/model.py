"""The stations of the way, as frozen values; standard library only.

::

    source ── poll ──► Answer ── parse ──► Parsed(Entry …) ── normalise ──► Report ── link ──► Story

An `Entry` is what a source showed. A `Report` is an entry made whole and clean: one text by one publisher.
Reports that are the same text form a *copy group*; all reports of one event form a *story*. Why a report is
in its story is its `Evidence`. Datetimes are aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server answered to one poll: status 200 (with a body) or 304 (without).

    Attributes:
        status: 200, 226 or 304.
        url: the address that answered, after redirects.
        moved_to: where a chain of only permanent redirects (301, 308) led, else None.
        body: the decoded body.
        content_type: the ``Content-Type`` field as sent.
        etag: the ``ETag`` field, byte for byte.
        last_modified: the ``Last-Modified`` field, byte for byte.
        headers: all response fields, names in lower case.
        wire_bytes: size of the body as it came, before decoding.
        seconds: from the request to the end of the body.
    """

    status: int
    url: str
    moved_to: str | None = None
    body: bytes = b""
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wire_bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that comes with a report: an episode, a video, a document.

    Attributes:
        url: where it is.
        type: its media type, in lower case; empty where nobody said.
        length: bytes, None where that is not known.
        duration: seconds, likewise.
    """

    url: str
    type: str = ""
    length: int | None = None
    duration: int | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """What a report shows beside its text; nothing of it decides which story the report is in.

    Attributes:
        image: address of its picture.
        enclosures: files that come with it.
        comments: address of the page of its comments.
        html: its text with the markup that says something (links, lists, emphasis, pictures), safe to show;
            empty where it has none, or too much.
    """

    image: str | None = None
    enclosures: tuple[Enclosure, ...] = ()
    comments: str | None = None
    html: str = ""


NO_MEDIA = Media()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source showed: plain text already, and not yet believed.

    Attributes:
        guid: the entry's own identifier within its feed.
        url: absolute http or https address.
        title: one line of plain text; may be empty.
        text: plain paragraphs with a blank line between them; may be empty.
        authors: names.
        published: the date as the source wrote it.
        updated: the date of the last change, as the source wrote it.
        language: as the source wrote it (``en-GB``).
        publisher: the true publisher where the entry names one (RSS ``<source>``).
        links: further absolute addresses (the original of an aggregated entry, enclosures).
        tags: categories.
    """

    guid: str | None = None
    url: str | None = None
    title: str = ""
    text: str = ""
    authors: tuple[str, ...] = ()
    published: str | None = None
    updated: str | None = None
    language: str | None = None
    publisher: str | None = None
    links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    media: Media = NO_MEDIA


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one body (of a feed or of a file) gave.

    Attributes:
        entries: in the order of the body.
        title: the feed's title.
        url: the feed's home page.
        language: the feed's language, as written.
        damaged: what is wrong with the body, where entries were saved from a broken one: no validator may be
            kept for such an answer, and absence from it means nothing.
        ttl: minutes that the feed asks to be left alone (RSS ``ttl``, ``sy:updatePeriod`` over frequency).
        skip_hours: hours (GMT) in which the feed asks not to be polled.
        skip_days: days (GMT, Monday is 0) on which it asks not to be polled.
        hub: WebSub hub that the feed names.
        topic: the address that the feed gives as its own, by which a hub knows it.
        bad: numbers of the lines that hold no record, in a piece of a file of JSON lines.
    """

    entries: tuple[Entry, ...]
    title: str | None = None
    url: str | None = None
    language: str | None = None
    damaged: str | None = None
    ttl: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    hub: str | None = None
    topic: str | None = None
    bad: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """An entry made whole and clean: one text by one publisher.

    Attributes:
        source: name of the source that showed it.
        publisher: whose report it is.
        title: without the publisher's name; empty only where there is none.
        text: without markup and boilerplate.
        authors: names.
        language: ISO 639-1 code, or ``und`` where it could not be told.
        published: when it was published; when ``dated`` is false, when it was seen.
        dated: whether the source gave a date that can be.
        seen: when the source first showed it to us.
        url: where to read it, as the source gave it.
        links: further addresses.
        tags: from the source's configuration and the entry.
        keys: identity, strongest first; two reports that share a key are one report
            (`normalise.identity`).
        recipe: version of the normaliser that made it.
    """

    source: str
    publisher: str
    title: str
    text: str
    language: str
    published: datetime
    dated: bool
    seen: datetime
    authors: tuple[str, ...] = ()
    url: str | None = None
    links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    recipe: int = 1
    media: Media = NO_MEDIA


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between two polls. The table ``source`` has the same columns.

    Attributes:
        name: the source's name in the YAML.
        address: URL or folder; validators are dropped when it changes.
        due: when to poll next; None: at once.
        reason: why then, in words for a person.
        etag: validator to send back byte for byte.
        last_modified: as ``etag``.
        body_hash: digest of the last body, so that an unchanged one is not parsed again.
        shown: digests of the entries of the last body, so that unchanged ones are not read again.
        polled: the last attempt.
        succeeded: the last poll that ended well.
        gained: the last poll that brought a new report.
        status: the last HTTP status, if any.
        failures: failed polls in a row.
        error: what went wrong last, if the last poll failed.
        hint: its remedy.
        stopped: polled no more (410 Gone).
        interval: seconds between polls, as it follows the feed; None before the first.
        moved_to: where permanent redirects have led so far.
        moved_since: the day of the first of those equal answers.
        moved_last: the day of the last of them.
        moved_days: on how many different days they came.
        answered: the address, after redirects, whose answer gave the validators: a 304 from any other one
            means nothing.
        retry_after: the server asked (429, 503) to be left alone until then; not even a person polls earlier.
        ttl: minutes that the feed's last body asked to be left alone.
        skip_hours: hours (GMT) in which it asks not to be polled: bit n stands for hour n.
        skip_days: days (GMT) on which it asks not to be polled: bit 0 stands for Monday.
        polls, fresh, unchanged, limited, failed: counts of polls, of 200, 304, 429 and of failures.
        bytes_received: wire bytes of bodies.
        bytes_saved: wire bytes that 304 and 226 answers saved.
        body_bytes: wire bytes of the last whole body: what a 304 saves.
    """

    name: str
    address: str
    due: datetime | None = None
    reason: str = "never polled"
    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None
    shown: bytes | None = None
    polled: datetime | None = None
    succeeded: datetime | None = None
    gained: datetime | None = None
    status: int | None = None
    failures: int = 0
    error: str | None = None
    hint: str | None = None
    stopped: bool = False
    interval: float | None = None
    moved_to: str | None = None
    moved_since: datetime | None = None
    moved_last: datetime | None = None
    moved_days: int = 0
    answered: str | None = None
    retry_after: datetime | None = None
    ttl: int | None = None
    skip_hours: int = 0
    skip_days: int = 0
    polls: int = 0
    fresh: int = 0
    unchanged: int = 0
    limited: int = 0
    failed: int = 0
    bytes_received: int = 0
    bytes_saved: int = 0
    body_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A host or a domain that is left alone after a 429. The table ``pause`` has the same columns.

    Attributes:
        scope: ``host``, or ``domain`` for all hosts below it.
        name: of the host or the domain.
        until: when its sources may be polled again.
        reason: whose 429 it was, in words for a person.
        asked: the server named the time (``Retry-After``): not even a person polls earlier.
    """

    scope: str
    name: str
    until: datetime
    reason: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a report is in its story, kept so that it can be shown.

    Attributes:
        layer: ``first`` (it opened the story), ``copy`` (the same text), ``story`` (the same event),
            ``moved`` (it came from a story that it suited less), ``parted`` (it agreed with nobody in its
            story any more, and opened this one) or ``corrected`` (a person put it here).
        score: resemblance for a copy, probability of one event for a story, in [0, 1].
        bar: what the score had to reach.
        matched: id of the report that it was closest to.
        signals: each signal of the verdict and its value.
        words: the words that carried it, heaviest first.
        names: the names that both have.
        numbers: the numbers that both have.
        correction: the number of the correction, where a person put it here.
    """

    layer: str
    score: float
    bar: float
    matched: int | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    correction: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; empty parts are left out."""
        parts: dict[str, Any] = {
            "layer": self.layer,
            "score": round(self.score, 4),
            "bar": round(self.bar, 4),
        }
        if self.matched is not None:
            parts["matched"] = self.matched
        if self.correction is not None:
            parts["correction"] = self.correction
        if self.signals:
            parts["signals"] = {name: round(value, 4) for name, value in self.signals.items()}
        for name in ("words", "names", "numbers"):
            if values := getattr(self, name):
                parts[name] = list(values)
        return parts


@dataclass(frozen=True, slots=True)
class Side:
    """One of the stories that a correction is about, as it stood then.

    Attributes:
        story: its id.
        title: what it was called.
        reports: who was in it.
        led: older ids that led to it.
    """

    story: int
    title: str
    reports: frozenset[int]
    led: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said about stories. It is about reports, for stories change and reports do not.

    Attributes:
        id: its number, in the order of time.
        at: when.
        what: ``merge`` (the reports of all sides tell one event) or ``split`` (what was split off, the last
            side, tells another event than what stayed, the first).
        story: the one that stayed, or that was split.
        sides: the stories concerned: of a merge as they were before, of a split as they were after.
        undone: when it was taken back, None while it is in force.
    """

    id: int
    at: datetime
    what: str
    story: int
    sides: tuple[Side, ...]
    undone: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A report in its story, as it is shown.

    Attributes:
        id: the report's id.
        copy_group: id of the first report with the same text; its own where it is the first or only one.
        evidence: why it is here.
        joined: when it came into the story.
        revised: when its text last changed, if it did.
        media: what it shows beside its text.
        adds: sentences of it that say what none before it had said, where somebody has looked for them.
    """

    id: int
    source: str
    publisher: str
    title: str
    text: str
    language: str
    published: datetime
    dated: bool
    seen: datetime
    url: str | None
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    copy_group: int
    evidence: Mapping[str, Any]
    joined: datetime
    revised: datetime | None = None
    media: Media = NO_MEDIA
    adds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """All reports of one event.

    Attributes:
        id: answers for ever; after a merge the old id leads to the new story.
        uuid: the same for the outside world: unique among all databases.
        title: of the best report.
        lead: the first lines of the best report.
        url: where to read the best report.
        created: when its first report came in.
        updated: when it last gained something.
        members: every report, in the order of publishing.
        publishers: names, each once whatever its case, in the order in which they reported.
        voices: independent texts (copy groups): a wire copy in forty papers is one voice of forty publishers.
        former: uuids that lead here: of stories that are in this one now.
        best: id of the report that stands for it; 0 where nobody has said.
    """

    id: int
    uuid: str
    title: str
    lead: str
    url: str | None
    created: datetime
    updated: datetime
    members: tuple[Member, ...]
    publishers: tuple[str, ...]
    voices: int
    former: tuple[str, ...] = ()
    best: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """What a search asks for; all of it has to be met.

    Attributes:
        words: words and phrases that have to stand in one report of the story, in any case.
        without: words and phrases that stand in none of its reports.
        sources: of one of its reports, each.
        publishers: of one of its reports, each, in any case.
        tags: of one of its reports, each, in any case.
        languages: of one of its reports, each, ISO 639-1.
        since: it has gained something since then.
        before: its first report came before that.
        voices: it has at least so many independent texts.
        picture: one of its reports has a picture.
        files: files come with one of its reports.
    """

    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    voices: int = 1
    picture: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads stories, and marks them.

    Attributes:
        id: 0 is whoever reads where nobody has a name.
        name: to log in with.
    """

    id: int
    name: str


ANYBODY = Reader(0, "reader")
"""Whoever reads, where nobody has a name."""


_HEADLINE = 120  # characters


def headline(title: str, text: str) -> str:
    """The title, or where a report has none, the first words of its text; never empty."""
    if title:
        return title
    first = " ".join(text.split(maxsplit=40)[:40])
    sentence, stop, _ = first.partition(". ")
    if stop and len(sentence) <= _HEADLINE:
        return sentence
    if len(first) <= _HEADLINE:
        return first or "(no title)"
    return first[:_HEADLINE].rsplit(" ", 1)[0] + "…"
