"""A configuration that is wrong: what is said, where, and what is never repeated."""

import re
from pathlib import Path

import pytest
from configured import SOURCES, complaints, loaded
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aggregator.configuration import document, load
from aggregator.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("place")

COMPLAINTS = (Path(__file__).parent / "complaints.txt").read_text().split("\n\n")[1:]


# ---- what is said ----


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


# ---- hostile or careless input ----

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
