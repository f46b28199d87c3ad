"""The YAML file and the environment: what they give, and what is said when they are wrong."""

import inspect
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # ships no types, and is used here only
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from aggregator import configuration as subject
from aggregator.configuration import document, json_schema, load, named
from aggregator.configuration.consistency import comparable
from aggregator.configuration.schema import as_text
from aggregator.errors import ConfigurationError
from aggregator.settings import FeedSource, FolderSource, PublishedFeed, Section, Settings

CONFIG = Path(__file__).resolve().parents[1] / "config"
COMPLAINTS = (Path(__file__).parent / "complaints.txt").read_text().split("\n\n")[1:]
SOURCES = "sources: [{name: Coast, url: https://coast.example/feed}]\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, with a drop folder."""
    (tmp_path / "drop").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(text: str | bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """What a file a.yaml with this text gives."""
    Path("a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(Path("a.yaml"), environ or {})


def complaints(text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error about a file a.yaml with this text."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(text, environ)
    return str(caught.value).split("\n")


# The example


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


# What is said


@pytest.mark.parametrize("sample", COMPLAINTS, ids=lambda sample: sample.partition("--> ")[2][:60])
def test_what_is_wrong_is_said_in_one_plain_line(place: Path, sample: str) -> None:
    """The file, the line, the column, the key, what is wrong, what was meant: as complaints.txt has it."""
    (place / "void").write_text("\n")
    (place / "bytes").write_bytes(b"\xff")
    lines = sample.replace("$SOURCES", SOURCES.strip()).split("\n")
    environ = dict(line[1:].split("=", 1) for line in lines if line.startswith("$"))
    text = "\n".join(line for line in lines if not line.startswith(("$", "--> ")))
    assert [f"--> {line}" for line in complaints(text, environ)] == [
        line for line in lines if line.startswith("-->")
    ]


def test_a_missing_folder_is_looked_for_below_the_working_directory() -> None:
    """Because that is where people look first: in the wrong place."""
    assert complaints("sources: [{name: x, folder: dorp}]") == [
        "a.yaml:1:29: sources[0].folder: "
        f"there is no such folder below {Path.cwd()}; make it, or mend the path"
    ]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: [1\nb: 2\n", "a.yaml:2:2: not YAML: expected ',' or ']'"),
        ("sources:\n\t- a\n", "a.yaml:2:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: b: c\n", "a.yaml:1:5: not YAML: mapping values are not allowed here; a line is indented"),
        ("a: 'x\n", "a.yaml:2:1: not YAML: found unexpected end of stream, while scanning a quoted"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: not YAML: but found another document"),
        ("a: *b\n", "a.yaml:1:4: not YAML: found undefined alias 'b'"),
        ("é: 1\nb: a\x01\n", "a.yaml:2:5: not YAML: special characters are not allowed"),
        (b"a: 1\nb: \xe4\n", "a.yaml:2:4: not UTF-8; save the file in this encoding"),
        ("[" * 1500, "a.yaml:1:51: not YAML: maximum depth of data structure exceeded"),
        ("a: &a [*a]\n", "a.yaml:1:1: nested without end"),
        ("a: &a {<<: *a}\n", "a.yaml:1:1: nested without end"),
        ("a: {<<: 3}\n", "a.yaml:1:9: not YAML: `<<` takes over keys, and none are here"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_place(text: str | bytes, start: str) -> None:
    """One line, and no second one that only follows from the first."""
    (line,) = complaints(text)
    assert line.startswith(start)


def test_a_few_lines_that_stand_for_billions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anchors may be used again, up to a bound; past it reading ends."""
    monkeypatch.setattr(document, "MOST_NODES", 10_000)
    for form in ("[{}]", "{{<<: [{}]}}"):
        lines = ["a0: &a0 {x: y}"]
        lines += [f"a{n}: &a{n} " + form.format(", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 9)]
        (line,) = complaints("\n".join(lines))
        assert "not YAML: more than 10000 values" in line


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    """One run, every problem: of form, of single values, of the whole, of the environment."""
    text = """\
sources:
  - name: Coast
    url: https://coast.example/feed
    every: 15 minuts
  - name: Coast
    url: http://coast.example/feed/
    evry: 1h
    tags: sea
    tags: [sea]
  - name: Inbox
    folder: dorp
log:
  level: loud
dedupe: {}
"""
    found = complaints(text, {"AGGREGATOR_PARSE__MEMORY": "lots", "AGGREGATOR_X": "y"})
    assert [line.partition(": ")[0] for line in found] == [
        "AGGREGATOR_PARSE__MEMORY",
        "AGGREGATOR_X",
        "a.yaml:4:12",
        "a.yaml:5:11",
        "a.yaml:6:10",
        "a.yaml:7:5",
        "a.yaml:8:11",
        "a.yaml:9:5",
        "a.yaml:11:13",
        "a.yaml:13:10",
        "a.yaml:14:1",
    ]


@pytest.mark.parametrize("name", ["no.yaml", "drop", "a.yaml/x"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    """With what to do about it."""
    Path("a.yaml").touch()
    with pytest.raises(
        ConfigurationError, match=f"^{name}: (there is no such file; name one|cannot be read: )"
    ):
        load(Path(name), {})


# What is taken


def test_text_may_look_like_anything() -> None:
    """A publisher may be called 1843, true or 2026-11-20 without quotes."""
    settings = loaded("sources: [{name: 1843, url: 'http://a.b', tags: [true, 2026-11-20, 1e3]}]")
    assert settings.sources[0].name == "1843"
    assert settings.sources[0].tags == ("true", "2026-11-20", "1e3")


def test_an_empty_section_is_no_mistake() -> None:
    """A heading whose every line is commented out leaves the defaults."""
    assert loaded(SOURCES + "fetch:\npublish:\n  feeds:\ndatabase: ~\n") == loaded(SOURCES)


def test_settings_can_be_shared_by_anchors() -> None:
    """`<<` takes over the keys that a source does not have itself."""
    feeds = loaded(
        """\
sources:
  - &base {name: a, url: https://a.b, every: 1h, tags: &tags [sea]}
  - {<<: *base, name: b, url: https://b.b}
  - {<<: [{every: 2h}, *base], name: c, url: https://c.b, tags: *tags}
  - &base {name: d, url: https://d.b}
"""
    ).sources
    assert [(feed.name, feed.every, feed.tags) for feed in feeds] == [
        ("a", timedelta(hours=1), ("sea",)),
        ("b", timedelta(hours=1), ("sea",)),
        ("c", timedelta(hours=2), ("sea",)),
        ("d", timedelta(minutes=15), ()),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "sources: [{name: x, url: https://a.b, every: 5s, i_own_this_host: true}]",
        "sources: [{name: x, url: https://a.b, every: 5s, i_own_this_host: yes}]",
        "sources: [{name: x, url: https://a.b, every: 20m}]\nfetch: {floor: 15m}",
        "sources: [{name: x, url: https://a.b}]\nfetch: {floor: 1h}",
        "sources: [{name: x, folder: drop, every: 1s}]",
        "sources: [{name: x, url: https://a.b}, {name: X, url: https://a.b/?c}, {name: y, url: 'http://a.b:8080'}]",
    ],
)
def test_what_is_fine_is_not_complained_about(text: str) -> None:
    """Own hosts, another floor, a default below it, drop folders, addresses that differ."""
    assert loaded(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.b/c", "http://A.B/c/", True),
        ("https://a.b:443/c", "https://a.b./c", True),
        ("https://a.b", "https://a.b/#top", True),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]", True),
        ("https://a.b/c", "https://a.b/C", False),
        ("https://a.b/?feed=rss2", "https://a.b/?feed=comments-rss2", False),
        ("https://a.b/c?x=1", "https://a.b/c?x=2", False),
        ("https://a.b/c", "https://a.b:8443/c", False),
        ("https://u@a.b/c", "https://v@a.b/c", False),
        ("https://[2001:db8::1]", "https://[2001:db8::1:443]", False),
    ],
)
def test_two_ways_to_write_one_address(one: str, other: str, same: bool) -> None:
    """What makes no difference to a server makes none here."""
    assert (comparable(one) == comparable(other)) is same


# The environment


def test_the_environment_overrides_the_file(place: Path) -> None:
    """Two underscores go one level down; the file need not name the section."""
    (place / "password").write_text("postgresql://ann:hunter2@db/news\n")
    settings = loaded(
        SOURCES + "fetch: {timeout: 30s, concurrency: 4}\nlog:\ndatabase: nonsense\n",
        {
            "AGGREGATOR_DATABASE_FILE": str(place / "password"),
            "AGGREGATOR_FETCH__TIMEOUT": "45s",
            "AGGREGATOR_FETCH__CONTACT": "ann@news.example",
            "AGGREGATOR_LOG__LEVEL": "debug",
            "AGGREGATOR_PARSE__MAX_TEXT": "1000",
            "AGGREGATOR_CONFIG": "elsewhere.yaml",
            "AGGREGATOR_PUBLISH__TITLE": "",
            "PATH": "/bin",
            "aggregator_database": "x",
        },
    )
    assert settings.database == "postgresql://ann:hunter2@db/news"
    assert settings.fetch.timeout == timedelta(seconds=45)
    assert settings.fetch.concurrency == 4
    assert settings.fetch.contact == "ann@news.example"
    assert settings.log.level == "debug"
    assert settings.parse.max_text == 1000
    assert settings.publish.title == "Stories"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_one_line_end_of_a_secret_is_dropped(place: Path, ending: str) -> None:
    """Editors put one there; a second one is part of the secret."""
    (place / "s").write_bytes(b"sqlite:///x" + ending.encode())
    assert loaded(SOURCES, {"AGGREGATOR_DATABASE_FILE": "s"}).database == "sqlite:///x"
    (place / "s").write_bytes(b"sqlite:///x\n\n")
    assert loaded(SOURCES, {"AGGREGATOR_DATABASE_FILE": "s"}).database == "sqlite:///x\n"


def test_a_credential_is_a_secret_under_the_name_of_its_variable(place: Path) -> None:
    """As systemd hands them over; other credentials are not ours, and one that is misspelt is said."""
    folder = place / "credentials"
    folder.mkdir()
    (folder / "AGGREGATOR_DATABASE").write_text("sqlite:///secret.db\n")
    (folder / "tls.key").write_text("no setting")
    environ = {"CREDENTIALS_DIRECTORY": str(folder)}
    assert loaded(SOURCES, environ).database == "sqlite:///secret.db"
    (folder / "AGGREGATOR_DATABASSE").write_text("x")
    assert "unknown variable" in complaints(SOURCES, environ)[0]
    assert loaded(SOURCES, {"CREDENTIALS_DIRECTORY": str(place / "missing")}).database.startswith("sqlite")


def test_a_variable_does_not_hide_that_its_section_is_wrong() -> None:
    """The file is to be mended all the same."""
    assert complaints(SOURCES + "fetch: [1]\n", {"AGGREGATOR_FETCH__TIMEOUT": "1s"}) == [
        "a.yaml:2:8: fetch: a list stands where keys with values are wanted"
    ]


def test_a_driver_that_is_not_installed_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `check` already, and with what to type; other databases need none."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for url in ("postgresql://db/news", "postgresql+psycopg://db/news"):
        assert complaints(f"{SOURCES}database: {url}\n") == [
            "a.yaml:2:11: database: needs a driver that is not installed: "
            "pip install 'story-aggregator[postgresql]'"
        ]
    assert loaded(f"{SOURCES}database: sqlite:///x.db\n")


def test_where_the_file_is_looked_for(place: Path) -> None:
    """Where it is named; else where the variable says; else in config/."""
    for name in ("given.yaml", "variable.yaml", "config/aggregator.yaml"):
        file = place / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{SOURCES}publish: {{title: {file.stem}}}")
    environ = {"AGGREGATOR_CONFIG": "variable.yaml"}
    assert load(Path("given.yaml"), environ).publish.title == "given"
    assert load(None, environ).publish.title == "variable"
    assert load(None, {}).publish.title == "aggregator"


def test_the_usual_places_have_an_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the working directory, the user's, the machine's; the first that is there."""
    machine = place / "etc/aggregator.yaml"
    monkeypatch.setattr(subject, "OF_THE_MACHINE", machine)
    home, xdg = place / "home/.config/aggregator/aggregator.yaml", place / "xdg/aggregator/aggregator.yaml"
    environ = {"HOME": str(place / "home"), "XDG_CONFIG_HOME": str(place / "xdg")}
    assert named(None, environ) == Path("config/aggregator.yaml"), "what is to be made where there is none"
    nowhere = f"config/aggregator.yaml: there is no such file, nor {xdg}, nor {machine}; name one"
    with pytest.raises(ConfigurationError, match=f"^{nowhere}"):
        load(None, environ)
    relative = place / "relative/aggregator/aggregator.yaml"
    for file in (machine, home, xdg, relative, place / "config/aggregator.yaml"):
        file.parent.mkdir(parents=True)
        file.write_text(SOURCES)
    assert named(None, environ) == Path("config/aggregator.yaml")
    (place / "config/aggregator.yaml").unlink()
    assert named(None, environ) == xdg
    assert named(None, environ | {"XDG_CONFIG_HOME": ""}) == home
    assert named(None, environ | {"XDG_CONFIG_HOME": "relative"}) == machine, "as the specification has it"
    assert named(None, {}) == machine, "a service has no home"


# Hostile or careless input

passwords = st.text("abcXYZ019_-!$%+=~.:@", max_size=12).map(lambda word: f"zq{word}qz")
places_of_passwords = st.sampled_from(
    [
        "database: postgres://ann:{}@db/news",
        "database:postgresql://ann:{}@db/news",
        "database: 'postgresql:/ann:{}@db/news'",
        "sources: [{{name: x, url: 'ftp://ann:{}@coast.example/'}}]",
        "sources: [{{name: x, url: 'https//ann:{}@coast.example/'}}]",
        "sources: [{{name: x, url: 'https://ann:{}@coast.example:x/'}}]",
        "sources: [{{name: x, ulr: 'https://ann:{}@coast.example/'}}]",
        "sources: ['https://ann:{}@coast.example/']",
        "sources: [{{name: 'https://ann:{}@coast.example/', url: 3}}]",
        "fetch: {{contact: 'https://ann:{}@coast.example/ x'}}",
        "fetch: 'https://ann:{}@coast.example/'",
        "'https://ann:{}@coast.example/': 3",
        "log: {{level: 'https://ann:{}@coast.example/'}}",
    ]
)


@given(passwords, places_of_passwords)
@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_password_is_repeated_in_a_complaint(password: str, text: str) -> None:
    """Wherever it was put by mistake: terminals and logs are read by others."""
    found = "\n".join(complaints(text.format(password)))
    assert "zq" not in found
    assert "qz" not in found


@given(
    st.lists(
        st.sampled_from(
            [
                *"{}[]:,-?&*!|>'\"%@`#~\n\t ", "\n  ", "- ", ": ", "sources", "name", "url", "every",
                "<<", "fetch", "publish", "feeds", "https://a.b", "folder", "drop", "15m", "&a ", "*a", "!t ",
                "null", "é", "\x00", "\u2028", "\ufeff",
            ]
        ),
        max_size=40,
    ).map("".join)
)  # fmt: skip
@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_taken_or_refused_in_good_order(text: str) -> None:
    """Nothing but a ConfigurationError, each of its lines with a place that is in the file."""
    try:
        loaded(text)
    except ConfigurationError as error:
        for line in str(error).split("\n"):
            place = re.match(r"a\.yaml:(\d+):(\d+): .", line)
            assert place, line
            assert line.isprintable()
            assert int(place[1]) <= len(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)) + 1


# The samples


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
