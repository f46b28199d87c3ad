"""Every setting, its type, its default and its bounds: the only home of defaults.

`configuration` makes a `Settings` from the YAML file and the environment, and says in plain words what is
wrong with them; what needs the whole file (two sources with one name, a folder that is not there) it checks.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

# Digits are bounded, so that no number overflows a timedelta or costs time to read.
DURATION = (
    r"^(?:[0-9]{1,9}(?:\.[0-9]{1,6})?|(?:[0-9]{1,6}d)?(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,9}s)?)$"
)
SIZE = r"^[0-9]{1,12}(?:\.[0-9]{1,6})? ?(?:B|kB|KB|MB|GB|KiB|MiB|GiB)?$"
LONGEST = timedelta(days=3650)
LARGEST = 10**12
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_duration(value: object) -> timedelta:
    """A duration from ``15m``, ``1h30m`` or a number of seconds.

    Raises:
        ValueError: it is none, or longer than ten years.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and value and re.fullmatch(DURATION, value):
        parts = re.findall(r"([0-9]+)([dhms])", value)
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts) if parts else float(value)
    else:
        raise ValueError(f"{value!r} is no duration; write 30s, 15m, 2h or 1d")
    if not 0 <= seconds <= LONGEST.total_seconds():
        raise ValueError(f"{value!r} is out of range; a duration is from 0 to {LONGEST.days}d")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back (to the second, else to the microsecond)."""
    if value % timedelta(seconds=1):
        return f"{value.total_seconds():.6f}".rstrip("0")
    rest = int(value.total_seconds())
    parts = []
    for unit, seconds in _SECONDS.items():
        count, rest = divmod(rest, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(value: object) -> int:
    """A number of bytes from ``10 MB``, ``512 KiB`` or a number.

    Raises:
        ValueError: it is none, or more than a terabyte.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and re.fullmatch(SIZE, value):
        number, unit = re.fullmatch(r"([0-9.]+) ?([A-Za-z]*)", value).groups()  # type: ignore[union-attr]  # SIZE is stricter
        size = int(float(number) * _BYTES[unit])
    else:
        raise ValueError(f"{value!r} is no size; write 512 KiB, 10 MB or a number of bytes")
    if not 1 <= size <= LARGEST:
        raise ValueError(f"{value!r} is out of range; a size is from 1 byte to 1000 GB")
    return size


def format_size(value: int) -> str:
    """The shortest exact text that `parse_size` reads back."""
    for unit in ("GiB", "GB", "MiB", "MB", "KiB", "KB"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]} {unit}"
    return f"{value} B"


def without_secrets(text: str) -> str:
    """The text with the password of every URL in it, and every key in a URL's query, replaced by ``***``."""
    text = re.sub(r"(://[^\s/:@?#]{0,200}:)[^\s/@]{1,1000}(?=@)", r"\1***", text)
    keyed = (
        r"([?&](?:[a-z_-]{0,20}(?:key|token|secret|password|passwd|auth|sig|signature))=)[^&\s#\"']{1,1000}"
    )
    return re.sub(keyed, r"\1***", text, flags=re.IGNORECASE)


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        usable = False
    if not usable or re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError(f"{without_secrets(value)!r} is no web address; write https://host/path")
    return value


def _local_path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("a path cannot hold a NUL character")
    return value


def _text(pattern: str, longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=pattern)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": DURATION}, {"type": "number", "minimum": 0}]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": SIZE}, {"type": "integer", "minimum": 1}]}),
]
Name = Annotated[str, _text(r"^[^\x00-\x1f\x7f]+$", 100)]
Language = Annotated[str, _text(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", 30)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
LocalPath = Annotated[Path, AfterValidator(_local_path)]
AboveZero = Field(gt=timedelta(0))
Format = Literal["rss", "atom", "json"]


class Section(BaseModel):
    """What all sections share: nothing changes, nothing unknown gets in, no value shows in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


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
        None, description="Whose reports these are; feeds of one publisher count as one. Default: the name."
    )
    tags: tuple[Name, ...] = Field((), description="Given to every report of this source.")
    language: Language | None = Field(
        None,
        description="Language of the reports (en, pt-BR), where the feed does not say it or says it wrongly.",
    )
    allow_private: bool = Field(
        False, description="Let this address lead into private networks (localhost, 10.0.0.0/8 and the like)."
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

    contact: Annotated[str, _text(r"^(https?://[!-'*-~]+|[!-'*-?A-~]+@[!-'*-?A-~]+)$", 200)] | None = Field(
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
    concurrency: int = Field(16, ge=1, le=1000, description="Most polls at the same time.")
    host_spacing: Duration = Field(
        timedelta(seconds=1), description="Shortest time between two requests to one host."
    )
    floor: Duration = Field(
        timedelta(minutes=15), description="No feed is polled more often, whatever it or `every` says."
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
        10, gt=0, le=3600, description="Most time by the clock for one body (seconds)."
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
        10_000_000, description="Largest file that is read (bytes, or 10 MB); a larger one is refused."
    )
    settle: Duration = Field(
        timedelta(seconds=2), description="A file is read once it has not changed for this long."
    )


class PublishedFeed(Section):
    """A selection of the stories, published as files."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(
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
    home: WebAddress | None = Field(
        None, description="Public address of that folder, for the links of a feed to itself."
    )
    title: Name = Field("Stories", description="Title of all that is published.")
    feeds: tuple[PublishedFeed, ...] = Field(
        (PublishedFeed(name="all", formats=("rss", "atom", "json")),),
        description="The feeds, one a selection.",
    )


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
        timedelta(days=14), description="A story takes in no new report once it has been quiet for this long."
    )


class Settings(Section):
    """All settings."""

    database: str = Field(
        "sqlite:///var/aggregator.db",
        min_length=1,
        repr=False,
        description="SQLAlchemy URL of the database: SQLite, or PostgreSQL (postgresql+psycopg://user@host/name).",
    )
    sources: tuple[Source, ...] = Field(min_length=1, description="The feeds and folders that are read.")
    fetch: Fetching = Field(Fetching(), description=str(Fetching.__doc__))
    parse: Parsing = Field(Parsing(), description=str(Parsing.__doc__))
    folders: Folders = Field(Folders(), description=str(Folders.__doc__))
    publish: Publish = Field(Publish(), description=str(Publish.__doc__))
    dedup: Dedup = Field(Dedup(), description=str(Dedup.__doc__))
    log: Log = Field(Log(), description=str(Log.__doc__))
