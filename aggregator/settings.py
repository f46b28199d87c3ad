"""Every setting, its type, its default and its bounds: the only home of defaults.

`configuration` makes a `Settings` from the YAML file and the environment, and says in plain words what is
wrong with them; what needs the whole file (two sources with one name, a folder that is not there) it checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from aggregator.display import short
from aggregator.units import Duration, Size, format_duration

NAME = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+$"
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
CONTACT = r"^(https?://[!-'*-~]+|[!-'*-?A-~]+@[!-'*-?A-~]+)$"  # in the User-Agent it stands between brackets
EMAIL = r"^[!-'*-+./-9=?A-~^_`{|}~-]+@[0-9A-Za-z.-]+$"
SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
MEANINGS: Mapping[str, str] = {
    NAME: "text on one line, without marks that turn its direction",
    LANGUAGE: "a language code such as en or pt-BR",
    CONTACT: "a web address or an e-mail address, without brackets or spaces",
    EMAIL: "an e-mail address",
    SLUG: "a name for files: at most 63 lower-case letters, digits and hyphens",
}
"""What each pattern of a text means, in words for an error."""

FLOOR = timedelta(minutes=15)
"""No feed is polled more often, but those on a host of the user's own."""

DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""What the address of a database can begin with."""


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        usable = False
    if not usable or not value.isprintable() or " " in value:
        shown = "this" if "@" in value else short(value)  # what cannot be read may hold a password anywhere
        raise ValueError(f"{shown} is no web address; write https://host/path")
    return value


def _public_folder(value: str) -> str:
    return _web_address(value).rstrip("/")


def _database(value: str) -> str:
    scheme, separator, _ = value.partition("://")
    if not separator or scheme not in DATABASES:
        raise ValueError(
            "no address of a database that is known here; write sqlite:///var/aggregator.db or "
            "postgresql+psycopg://user@host/name"
        )
    return value


def _above_zero(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("a time above 0s is wanted")
    return value


def _polite(value: timedelta) -> timedelta:
    if value < FLOOR:
        raise ValueError(
            f"{format_duration(value)} is under {format_duration(FLOOR)}, which no setting changes; "
            "set i_own_this_host on the sources whose host is yours"
        )
    return value


def _local_path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("a path holds no NUL character")
    if str(value).startswith("~"):
        raise ValueError("`~` is not expanded; write the whole path")
    return value


def _text(pattern: str, longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=pattern)


Name = Annotated[str, _text(NAME, 100)]
Language = Annotated[str, _text(LANGUAGE, 30)]
WebAddress = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)]
LocalPath = Annotated[Path, AfterValidator(_local_path)]
AboveZero = AfterValidator(_above_zero)
Format = Literal["rss", "atom", "json"]


class Section(BaseModel):
    """What all sections share: nothing changes, nothing unknown gets in, no value shows in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_the_default(cls, data: Any) -> Any:
        """A key with nothing after it (all below it commented out) is as good as no key."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class FeedSource(Section):
    """A feed that is polled over HTTP."""

    name: Name = Field(description="What the source is called here; stays the same when its address changes.")
    url: WebAddress = Field(
        description="Address of an RSS, RDF, Atom or JSON feed (http or https).", repr=False
    )
    every: Annotated[Duration, AboveZero] = Field(
        timedelta(minutes=15),
        description="Time between two polls; the service waits longer when the feed is quiet.",
    )
    publisher: Name | None = Field(
        None,
        description="Whose reports these are; feeds of one publisher are one. Default: the feed's title.",
    )
    tags: tuple[Name, ...] = Field((), description="Given to every report of this source.")
    language: Language | None = Field(
        None,
        description="Language of the reports (en, pt-BR), where the feed does not say it or says it wrongly.",
    )
    allow_private: bool = Field(
        False, description="Let this address lead into private networks (localhost, 10.0.0.0/8 and the like)."
    )
    full_text: bool = Field(
        False,
        description="Read each new report's own page for its whole text, where robots.txt lets us; "
        "needs the extra `fulltext`.",
    )
    i_own_this_host: bool = Field(
        False, description="The host is yours: `every` may be shorter than `fetch.floor`."
    )

    @property
    def address(self) -> str:
        """The URL; with `FolderSource.address` what `SourceState.address` holds."""
        return self.url


class FolderSource(Section):
    """A local folder: every file dropped into it is read once."""

    name: Name = Field(description="What the source is called here.")
    folder: LocalPath = Field(description="The folder; a relative one is below the working directory.")
    every: Annotated[Duration, AboveZero] = Field(
        timedelta(seconds=10), description="Time between two looks into the folder."
    )
    publisher: Name | None = Field(
        None, description="Whose reports these are, where a file does not say it. Default: the name."
    )
    tags: tuple[Name, ...] = Field((), description="Given to every report of this source.")
    language: Language | None = Field(None, description="Language of the reports (en, pt-BR), where known.")

    @property
    def address(self) -> str:
        """The folder as text."""
        return str(self.folder)


SOURCE_KIND = "source_kind"


def _kind(value: Any) -> str | None:
    if isinstance(value, FeedSource | FolderSource):
        return "feed" if isinstance(value, FeedSource) else "folder"
    if not isinstance(value, dict) or ("url" in value) == ("folder" in value):
        return None
    return "feed" if "url" in value else "folder"


Source = Annotated[
    Annotated[FeedSource, Tag("feed")] | Annotated[FolderSource, Tag("folder")],
    Discriminator(
        _kind,
        custom_error_type=SOURCE_KIND,
        custom_error_message="a source has either `url` (a feed) or `folder` (a drop folder)",
    ),
]


class Fetching(Section):
    """How feeds are fetched: politely, and within limits."""

    contact: Annotated[str, _text(CONTACT, 200)] | None = Field(
        None, description="URL or e-mail address at which a feed's owner reaches you; part of the User-Agent."
    )
    connect_timeout: Annotated[Duration, AboveZero] = Field(
        timedelta(seconds=10), description="Longest wait for a connection."
    )
    first_byte_timeout: Annotated[Duration, AboveZero] = Field(
        timedelta(seconds=20), description="Longest wait for the head of the answer."
    )
    timeout: Annotated[Duration, AboveZero] = Field(
        timedelta(seconds=60), description="Longest time for a whole poll, redirects and all."
    )
    max_wire_bytes: Size = Field(10_000_000, description="Largest body as sent (bytes, or 10 MB).")
    max_body_bytes: Size = Field(10_000_000, description="Largest body once decompressed (bytes, or 10 MB).")
    max_redirects: int = Field(5, ge=0, le=20, description="Most redirects followed in one poll.")
    max_pages: int = Field(
        20,
        ge=1,
        le=1000,
        description="Most article pages that one poll asks for (`full_text`), those of the newest reports.",
    )
    concurrency: int = Field(16, ge=1, le=1000, description="Most polls at the same time.")
    host_spacing: Duration = Field(
        timedelta(seconds=1), description="Shortest time between two requests to one host."
    )
    floor: Annotated[Duration, AfterValidator(_polite)] = Field(
        FLOOR, description="No feed is polled more often, whatever it or `every` says; 15m at least."
    )
    ceiling: Annotated[Duration, AboveZero] = Field(
        timedelta(days=1),
        description="No feed waits longer for its next poll, unless its server asks for it.",
    )
    retry_after_ceiling: Annotated[Duration, AboveZero] = Field(
        timedelta(days=7), description="Longest wait that a server can ask for."
    )


class Parsing(Section):
    """How bodies are parsed: in a process of its own that can be stopped."""

    cpu_seconds: float = Field(5.0, gt=0, le=3600, description="Most processor time for one body (seconds).")
    wall_seconds: float = Field(
        10.0, gt=0, le=3600, description="Most time by the clock for one body (seconds)."
    )
    memory: Size = Field(512 * 2**20, description="Most memory for one body (bytes, or 512 MiB).")
    max_entries: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="Most entries taken from one body, in its order; the rest is left.",
    )
    max_text: int = Field(
        200_000,
        ge=1,
        le=100_000_000,
        description="Longest text of an entry (characters); the rest is cut off.",
    )
    max_title: int = Field(
        1000, ge=1, le=1_000_000, description="Longest title of an entry (characters); the rest is cut off."
    )


class Folders(Section):
    """How drop folders are read."""

    max_file_bytes: Size = Field(
        10_000_000,
        description="Largest file that is read (bytes, or 10 MB); a larger one is refused. A file of JSON "
        "lines may have any size.",
    )
    max_line_bytes: Size = Field(
        1_000_000, description="Longest line of a file of JSON lines (bytes, or 1 MB); a longer one is bad."
    )
    settle: Duration = Field(
        timedelta(seconds=2), description="A file is read once it has not changed for this long."
    )


class PublishedFeed(Section):
    """A selection of the stories, published as files."""

    name: Annotated[str, _text(SLUG, 63)] = Field(
        description="Name of the files without their ending: lower-case letters, digits and hyphens."
    )
    formats: tuple[Format, ...] = Field(("rss",), min_length=1, description="Any of rss, atom and json.")
    title: Name | None = Field(None, description="Title of the feed. Default: `publish.title`, and the name.")
    min_publishers: int = Field(
        1, ge=1, le=1000, description="Only stories that at least this many publishers tell."
    )
    tags: tuple[Name, ...] = Field(
        (), description="Only stories with a report that has one of these tags; empty: all stories."
    )
    limit: int = Field(100, ge=1, le=10_000, description="Most stories in the feed, the latest first.")


class Publish(Section):
    """What is published, and where."""

    directory: LocalPath = Field(
        Path("var/feeds"),
        description="Folder of the published files; a relative one is below the working directory.",
    )
    home: Annotated[str, AfterValidator(_public_folder)] | None = Field(
        None, description="Public address of that folder, for the links of a feed to itself."
    )
    title: Name = Field("Stories", description="Title of all that is published.")
    feeds: tuple[PublishedFeed, ...] = Field(
        (PublishedFeed(name="all", formats=("rss", "atom", "json")),),
        description="The feeds, one a selection.",
    )


class Serve(Section):
    """What the service answers over HTTP: how it is, and what it has done."""

    enabled: bool = Field(True, description="Whether it answers at all.")
    host: Annotated[str, _text(NAME, 253)] = Field(
        "127.0.0.1",
        description="Address to listen on; loopback is for this machine only.",
    )
    port: int = Field(8640, ge=0, le=65535, description="Port to listen on; 0: any that is free.")
    public_url: Annotated[str, AfterValidator(_public_folder)] | None = Field(
        None,
        description="Address by which people reach it, where a web server in front passes on to it.",
    )
    pictures: Literal["proxy", "direct", "none"] = Field(
        "proxy",
        description="proxy: the service fetches the pictures on its pages, so that no publisher learns who "
        "reads; direct: the browser does; none: there are none.",
    )


class WebSub(Section):
    """Feeds tell what is new by themselves: those that are polled, and our own."""

    callback: Annotated[str, AfterValidator(_public_folder)] | None = Field(
        None,
        description="Public address that a web server passes on to /websub of `serve`; without it, "
        "no hub is asked.",
    )
    hub: Literal["none", "public", "private"] = Field(
        "none",
        description="Whom our own hub tells at once what is new in our feeds: nobody; who asks from the "
        "public internet; or from private networks too. Needs serve.public_url.",
    )


def _times_of_day(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            time.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{short(value)} is no time of day; write 07:00") from error
    return values


class Target(Section):
    """Where stories are pushed: a webhook, e-mail addresses, or another service."""

    name: Name = Field(description="What it is called here; it is told once of a story.")
    webhook: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="Address that gets a POST with the story as JSON.", repr=False
    )
    secret: str | None = Field(
        None,
        repr=False,
        description="Signs what the webhook gets (HMAC with SHA-256), so that it can be told.",
    )
    allow_private: bool = Field(False, description="Let the webhook's address lead into private networks.")
    email: tuple[Annotated[str, _text(EMAIL, 254)], ...] = Field(
        (), description="E-mail addresses; `mail` says how to send."
    )
    at: Annotated[tuple[str, ...], AfterValidator(_times_of_day)] = Field(
        (),
        description="Times of day (UTC) at which e-mails go out, as a digest. Default: each story by itself.",
    )
    notify: str | None = Field(
        None,
        repr=False,
        description="Apprise URL of another service (ntfy://, matrix://); needs the extra `notify`.",
    )
    words: tuple[Name, ...] = Field(
        (), description="Only stories with a report that has all of these words or phrases."
    )
    min_publishers: int = Field(
        1, ge=1, le=1000, description="Only once at least this many publishers tell the story."
    )
    tags: tuple[Name, ...] = Field(
        (), description="Only stories with a report that has one of these tags; empty: all stories."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Target:
        if sum(map(bool, (self.webhook, self.email, self.notify))) != 1:
            raise ValueError("give one of webhook, email and notify")
        if self.at and not self.email:
            raise ValueError("`at` is for e-mail digests only")
        return self


class Mail(Section):
    """How e-mails are sent."""

    host: Annotated[str, _text(NAME, 253)] = Field("localhost", description="Of the SMTP server.")
    port: int = Field(587, ge=1, le=65535, description="Of the SMTP server.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls from the first byte, or none (a server on this machine)."
    )
    user: str | None = Field(None, description="To log in with; without it nobody logs in.")
    password: str | None = Field(None, repr=False, description="To log in with.")
    sender: Annotated[str, _text(EMAIL, 254)] = Field("aggregator@localhost", description="Address in From.")


class Push(Section):
    """Stories that are told as soon as they are worth it."""

    targets: tuple[Target, ...] = Field((), description="Who is told of which stories.")
    mail: Mail = Field(Mail(), description=str(Mail.__doc__))


class Log(Section):
    """What the service says about its work, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is said.")
    format: Literal["auto", "text", "json", "journal"] = Field(
        "auto",
        description="text for people, json for machines, journal for journald; auto tells by JOURNAL_STREAM.",
    )


class Dedup(Section):
    """What counts as one story."""

    window: Annotated[Duration, AboveZero] = Field(
        timedelta(days=14),
        description="Reports published (or, undated, seen) further apart are never one story.",
    )
    story_bar: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Mean probability of one event that a report needs with a story's members.",
    )
    copy_bar: float = Field(
        0.8, gt=0, le=1, description="Resemblance (Jaccard, word 3-shingles) from which two texts are one."
    )
    candidates: int = Field(
        60, ge=1, le=1000, description="Reports from the index that are looked at for each new one."
    )
    stories: int = Field(6, ge=1, le=100, description="Stories near a new report that are weighed.")
    members: int = Field(
        12, ge=2, le=100, description="Reports of a story that a new one is weighed against."
    )


class Retention(Section):
    """How long what was taken in is kept."""

    texts: Annotated[Duration, AboveZero] = Field(
        timedelta(days=365),
        description="Texts of reports that came longer ago go; all else stays, so that they are known.",
    )
    stories: Annotated[Duration, AboveZero] = Field(
        timedelta(days=1095),
        description="Stories that have gained nothing for longer go whole; their ids are not given again.",
    )


class Settings(Section):
    """All settings."""

    database: Annotated[str, AfterValidator(_database)] = Field(
        "sqlite:///var/aggregator.db",
        repr=False,
        description="SQLAlchemy URL of the database: SQLite, or PostgreSQL (postgresql+psycopg://user@host/name).",
    )
    sources: tuple[Source, ...] = Field(min_length=1, description="The feeds and folders that are read.")
    fetch: Fetching = Field(Fetching(), description=str(Fetching.__doc__))
    parse: Parsing = Field(Parsing(), description=str(Parsing.__doc__))
    folders: Folders = Field(Folders(), description=str(Folders.__doc__))
    prefer: tuple[Name, ...] = Field(
        (),
        description="Publishers whose report gives a story its title and lead, the most wanted first.",
    )
    publish: Publish = Field(Publish(), description=str(Publish.__doc__))
    serve: Serve = Field(Serve(), description=str(Serve.__doc__))
    dedup: Dedup = Field(Dedup(), description=str(Dedup.__doc__))
    retention: Retention = Field(Retention(), description=str(Retention.__doc__))
    websub: WebSub = Field(WebSub(), description=str(WebSub.__doc__))
    push: Push = Field(Push(), description=str(Push.__doc__))
    log: Log = Field(Log(), description=str(Log.__doc__))
