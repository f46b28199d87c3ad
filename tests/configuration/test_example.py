"""The example that is shipped, its schema and its samples: right as they stand, and complete."""

import inspect
import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # ships no types, and is used here only
import pytest
from configured import SOURCES, complaints, loaded
from ruamel.yaml import YAML

from aggregator.configuration import json_schema
from aggregator.configuration.schema import as_text
from aggregator.settings import FeedSource, FolderSource, PublishedFeed, Section, Settings

pytestmark = pytest.mark.usefixtures("place")

CONFIG = Path(__file__).resolve().parents[2] / "config"


def example() -> str:
    return (CONFIG / "aggregator.yaml").read_text()


def everything_on(text: str) -> str:
    """The example with its commented settings (``#key: value``) switched on."""
    return re.sub(r"^( *)#(?=[a-z_]+: )", r"\1", text, flags=re.MULTILINE)


def test_the_example_loads_as_it_stands() -> None:
    """The first start, from the checkout, needs no change to it."""
    settings = loaded(example())
    assert [source.name for source in settings.sources][-1] == "Inbox"
    assert {feed.name: feed.formats for feed in settings.publish.feeds} == {
        "all": ("rss", "atom", "json"),
        "corroborated": ("rss",),
    }


def test_the_example_loads_with_all_that_is_commented_out() -> None:
    """What the comments propose is right too."""
    settings = loaded(everything_on(example()))
    assert settings.fetch.contact
    assert settings.publish.home


def test_the_example_states_the_defaults() -> None:
    """But for the sources and the published feeds, it changes nothing."""
    settings = loaded(example())
    defaults = Settings(sources=settings.sources)
    bare = settings.model_copy(update={"publish": settings.publish.model_copy(update={"feeds": ()})})
    assert bare == defaults.model_copy(update={"publish": defaults.publish.model_copy(update={"feeds": ()})})


@pytest.mark.parametrize("kind", [FeedSource, FolderSource, PublishedFeed])
def test_the_first_of_its_kind_states_the_defaults(kind: type[Section]) -> None:
    """The first feed, folder and published feed in the example spell out the defaults of the rest."""
    settings = loaded(example())
    first = next(item for item in (*settings.sources, *settings.publish.feeds) if isinstance(item, kind))
    own = {"name", "url", "folder", "publisher", "formats"}
    for key, field in kind.model_fields.items():
        if key not in own:
            assert getattr(first, key) == field.default, key


def test_the_example_shows_every_setting() -> None:
    """A setting that is missing from the example would not be found."""
    plain = YAML(typ="safe").load(everything_on(example()))
    shown = {"": set(plain), "publish": set(plain["publish"])}
    for key, about in Settings.model_fields.items():
        if inspect.isclass(about.annotation) and issubclass(about.annotation, Section):
            assert set(plain[key]) == set(about.annotation.model_fields), key
    assert shown[""] == set(Settings.model_fields)
    feeds = [source for source in plain["sources"] if "url" in source]
    folders = [source for source in plain["sources"] if "folder" in source]
    assert set(feeds[0]) == set(FeedSource.model_fields)
    assert set(folders[0]) == set(FolderSource.model_fields)
    assert set(plain["publish"]["feeds"][0]) == set(PublishedFeed.model_fields)


# ---- the schema ----


def test_the_schema_is_the_one_of_the_settings() -> None:
    """After a change of settings: ``python -m aggregator.configuration > config/schema.json``."""
    assert (CONFIG / "schema.json").read_text() == as_text()


def test_an_editor_accepts_the_example() -> None:
    """The schema is one, the example names it, and fits it with all that is commented out."""
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert example().startswith("# yaml-language-server: $schema=schema.json\n")
    for text in (example(), everything_on(example())):
        jsonschema.Draft202012Validator(schema).validate(YAML(typ="safe").load(text))


@pytest.mark.parametrize(
    "text",
    [
        "sources: []",
        SOURCES + "fecth: {}",
        SOURCES + "fetch: {timeout: soon}",
        SOURCES + "fetch: {max_redirects: -1}",
        SOURCES + "log: {level: loud}",
        SOURCES + "publish: {feeds: [{name: Not a slug}]}",
        "sources: [{name: x}]",
        "sources: [{name: x, url: https://a.b, folder: drop}]",
    ],
)
def test_an_editor_refuses_what_the_service_refuses(text: str) -> None:
    """What the schema can know, it knows."""
    assert complaints(text)
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(YAML(typ="safe").load(text))


def test_the_schema_shows_defaults_as_people_write_them() -> None:
    """Not as ISO 8601 or as a count of bytes."""
    fetch = json.loads(as_text())["$defs"]["Fetching"]["properties"]
    assert fetch["floor"]["default"] == "15m"
    assert fetch["max_wire_bytes"]["default"] == "10 MB"


# ---- the samples ----


def shingles(text: str, width: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[start:] for start in range(width)), strict=False))


def test_the_samples_tell_one_event_in_different_words() -> None:
    """Two reports with names and numbers in common and almost no phrase, one with a title, one without."""
    titled, untitled = (path.read_text() for path in sorted((CONFIG / "samples").glob("*.txt")))
    assert re.match(r" date 2026-11-20 [^\n]{20,100}\n\n\S", titled)
    assert re.match(r" date 2026-11-20 [^\n]{120,}\n\n\S", untitled)
    for text in (titled, untitled):
        assert 200 <= len(text.split()) <= 300
    one, other = shingles(titled, 5), shingles(untitled, 5)
    assert len(one & other) / len(one | other) < 0.03
    for shared in (
        "Maren Skou",
        "Tarnvik",
        "Hestoy",
        "Solund",
        "Grimsnes",
        "Dahlqvist",
        "Lundvall",
        "Aalto",
        "Bjarke",
        "212",
        "34",
    ):
        assert shared in titled
        assert shared in untitled
