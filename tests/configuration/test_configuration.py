"""The YAML file and the environment: what they give, and where they are looked for."""

from datetime import timedelta
from pathlib import Path

import pytest
from configured import SOURCES, complaints, loaded

from aggregator import configuration as subject
from aggregator.configuration import load, named
from aggregator.configuration.consistency import comparable
from aggregator.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("place")


# ---- what is taken ----


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


# ---- the environment ----


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


# ---- where the file is ----


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
