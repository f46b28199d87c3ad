"""The settings themselves: types, bounds, and that each is explained."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.configuration import json_schema
from aggregator.settings import (
    MEANINGS,
    FeedSource,
    Fetching,
    FolderSource,
    Parsing,
    Publish,
    PublishedFeed,
    Section,
    Settings,
)

FEED = {"name": "Coast Wire", "url": "https://coast.example/feed"}


def every_section() -> Iterator[type[Section]]:
    """All classes that hold settings."""
    waiting: list[type[Section]] = [Section]
    while waiting:
        for section in waiting.pop().__subclasses__():
            waiting.append(section)
            yield section


def every_node(schema: Any) -> Iterator[dict[str, Any]]:
    """All objects of a JSON Schema."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from every_node(inner)


def test_every_setting_is_explained() -> None:
    """Each field of each section has a description that is a sentence."""
    fields = [(name, field) for section in every_section() for name, field in section.model_fields.items()]
    assert len(fields) > 40
    assert [name for name, field in fields if not (field.description or "").endswith(".")] == []


def test_every_pattern_is_explained() -> None:
    """A text that does not fit is refused in words, never with a regular expression."""
    schema = Settings.model_json_schema()
    patterns = {node["pattern"] for node in every_node(schema) if isinstance(node.get("pattern"), str)}
    durations_and_sizes = {
        pattern for pattern in patterns if "[dhms]" in pattern or "MiB" in pattern or "d)?" in pattern
    }
    assert patterns - durations_and_sizes == set(MEANINGS)


def test_only_sources_are_required() -> None:
    """All else has a default, and the defaults pass their own checks."""
    settings = Settings(sources=(FeedSource(**FEED),))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert json_schema()["required"] == ["sources"]


def test_settings_survive_their_own_json() -> None:
    """What is written as text (15m, 10 MB) is read back as what it was."""
    settings = Settings(
        sources=(
            FeedSource(**FEED, every="1h30m", tags=("sea", "north"), language="pt-BR", i_own_this_host=True),
            FolderSource(name="Inbox", folder="drop", publisher="Us"),
        ),
        fetch=Fetching(host_spacing=0.5, max_wire_bytes="512 KiB"),
        publish=Publish(
            home="https://news.example/feeds/", feeds=(PublishedFeed(name="a-1", tags=("sea",)),)
        ),
    )
    assert Settings.model_validate(json.loads(settings.model_dump_json())) == settings
    assert settings.publish.home == "https://news.example/feeds"


def test_settings_do_not_change() -> None:
    """Whoever holds the settings holds what the operator wrote."""
    with pytest.raises(ValidationError, match="frozen"):
        FeedSource(**FEED).name = "other"  # type: ignore[misc]  # that is what is tested


def test_passwords_are_not_in_what_python_prints() -> None:
    """Neither the address of the database nor that of a feed shows in a repr, nor a value in an error."""
    settings = Settings(
        database="postgresql://ann:hunter2@db/news",
        sources=(FeedSource(name="x", url="https://ann:hunter2@coast.example/"),),
    )
    assert "hunter2" not in repr(settings)
    with pytest.raises(ValidationError) as caught:
        Settings(database="mysql://ann:hunter2@db/news", sources=())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"name": "x", "url": "http://coast.example"}, FeedSource),
        ({"name": "x", "folder": "drop"}, FolderSource),
    ],
)
def test_the_key_tells_the_kind_of_source(values: dict[str, str], kind: type[Section]) -> None:
    """A source with `url` is a feed, one with `folder` a drop folder."""
    assert type(Settings(sources=(values,)).sources[0]) is kind


@pytest.mark.parametrize(
    "url",
    [
        "http://coast.example",
        "https://coast.example:8443/a/b?c=d",
        "https://[2001:db8::1]/feed",
        "https://küste.example/nachrichten",
        "http://127.0.0.1:8000/feed",
        "https://coast.example/a%20b",
    ],
)
def test_addresses_of_feeds(url: str) -> None:
    """Any http or https address with a host; where it leads is for the fetcher to judge."""
    assert FeedSource(name="x", url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "coast.example/feed", "//coast.example", "ftp://coast.example", "file:///etc/passwd",
        "javascript:x", "https://", "https:///feed",
        "https://coast.example:99999/", "https://coast.example:x/", "https://coast.example:0/",
        "https://[::1/", "https://coast.example/a b", "https://coast.example/\n", "https://coast.example/\x00",
        "https://coast.example/\u202e", " https://coast.example/", "https://coast.example/" + "x" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_feed(url: str) -> None:
    """No other scheme, no missing host, nothing that could end up in a header or a log line."""
    with pytest.raises(ValidationError):
        FeedSource(name="x", url=url)


@pytest.mark.parametrize(
    "contact", ["https://news.example/about", "http://a.b", "ann@news.example", "a+b@c.d"]
)
def test_contacts(contact: str) -> None:
    """A web address or an e-mail address."""
    assert Fetching(contact=contact).contact == contact


@pytest.mark.parametrize(
    "contact",
    ["", "Ann", "ftp://a.b", "ann@", "@news.example", "a@b@c", "https://a.b/(x)", "a@b\r\nX: y", "a @b.c"],
)  # fmt: skip
def test_what_is_no_contact(contact: str) -> None:
    """Nothing that would break out of the User-Agent field or of its brackets."""
    with pytest.raises(ValidationError):
        Fetching(contact=contact)


@pytest.mark.parametrize("name", ["all", "a", "9", "north-sea", "a--b", "x" * 63])
def test_names_of_published_feeds(name: str) -> None:
    """Lower-case letters, digits and hyphens."""
    assert PublishedFeed(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "All", "-a", "a/b", "..", ".hidden", "a b", "ä", "a.b", "x" * 64, "a\x00"]
)
def test_what_is_no_name_of_a_published_feed(name: str) -> None:
    """It becomes the name of a file: no way out of the folder."""
    with pytest.raises(ValidationError):
        PublishedFeed(name=name)


@pytest.mark.parametrize(
    "database",
    ["sqlite://", "sqlite:///var/x.db", "sqlite:////srv/x.db", "postgresql://h/n", "postgresql+psycopg://u:p@h:5432/n?x=y"],
)  # fmt: skip
def test_databases(database: str) -> None:
    """SQLite and PostgreSQL."""
    assert Settings(database=database, sources=(FEED,)).database == database


@pytest.mark.parametrize(
    "database", ["", "x.db", "mysql://h/n", "postgres://h/n", "sqlite:/x", "postgresql+asyncpg://h/n"]
)
def test_what_is_no_database(database: str) -> None:
    """Only what the store can really open."""
    with pytest.raises(ValidationError):
        Settings(database=database, sources=(FEED,))


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (Fetching, {"timeout": 0}),
        (Fetching, {"concurrency": 0}),
        (Fetching, {"max_redirects": -1}),
        (Fetching, {"max_body_bytes": 0}),
        (Parsing, {"cpu_seconds": 0}),
        (Parsing, {"cpu_seconds": float("nan")}),
        (Parsing, {"wall_seconds": float("inf")}),
        (Parsing, {"max_entries": 0}),
        (PublishedFeed, {"name": "a", "formats": ()}),
        (PublishedFeed, {"name": "a", "limit": 0}),
        (Publish, {"directory": "a\0b"}),
        (Publish, {"directory": "~/feeds"}),
        (FeedSource, {**FEED, "every": "0s"}),
        (FeedSource, {**FEED, "name": " "}),
        (FeedSource, {**FEED, "name": "a\nb"}),
        (FeedSource, {**FEED, "language": "english language"}),
        (FeedSource, {**FEED, "evry": "1h"}),
    ],
)
def test_every_limit_is_a_limit(section: type[Section], values: dict[str, Any]) -> None:
    """No setting turns a limit off by accident, and no unknown key passes."""
    with pytest.raises(ValidationError):
        section(**values)
