"""Sources are written into the file of a person, who finds everything else byte for byte as it was."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from aggregator.configuration import extended, writing
from aggregator.configuration.document import parse
from aggregator.errors import ConfigurationError

NEW = {"name": "New", "url": "https://new.example/feed"}
ONE = "{name: A, url: https://a.example/}"

BLOCK = "  - name: New\n    url: https://new.example/feed\n"
BRACES = "{name: New, url: https://new.example/feed}"
# A ^ stands where the new source comes in, and is no part of the file.
PLACES = {
    "after the last": ("sources:\n  - name: A\n    url: https://a.example/\n^", BLOCK),
    "dashes under the key": (
        "sources:\n- name: A\n  url: https://a.example/\n^",
        "- name: New\n  url: https://new.example/feed\n",
    ),
    "wide dashes": (
        "sources:\n  -   name: A\n      url: https://a.example/\n^",
        "  -   name: New\n      url: https://new.example/feed\n",
    ),
    "before the next section, after the comments of the last": (
        "sources:\n  - name: A\n    url: https://a.example/  # why\n    #every: 1h\n^\n# below\nlog: {}\n",
        BLOCK,
    ),
    "a blank line between, where there is one": (
        "sources:\n  - {name: A, folder: a}\n\n  - name: B\n    folder: b\n^",
        f"\n{BLOCK}",
    ),
    "braces like those before": (f"sources:\n  - {ONE}  # mine\n^", f"  - {BRACES}\n"),
    "brackets": (f"sources: [{ONE}^]  # all\n", f", {BRACES}"),
    "brackets over lines": (f"sources: [\n  {ONE}^,  # one\n]\n", f",\n  {BRACES}"),
    "JSON": (
        '{"sources": [{"name": "A", "url": "https://a.example/"}^]}',
        ', {"name": "New", "url": "https://new.example/feed"}',
    ),
    "no end of line": (f"sources:\n  - {ONE}^", f"\n  - {BRACES}\n"),
    "Windows": (f"log: {{level: info}}\r\nsources:\r\n  - {ONE}\r\n^", f"  - {BRACES}\r\n"),
    "a byte order mark": (f"\ufeffsources:\n  - {ONE}\n^", f"  - {BRACES}\n"),
    "nothing listed yet": ("sources:  # none yet\n^log: {level: info}\n", BLOCK),
    "no list yet": ("# mine\n^", f"sources:\n{BLOCK}"),
    "an empty file": ("^", f"sources:\n{BLOCK}"),
    "a text over lines": (
        "sources:\n  - name: >-\n      A\n    folder: |-\n      a\n^log: {level: info}\n",
        BLOCK,
    ),
    "a merged key": (
        f"sources:\n  - &a {ONE}\n  - <<: *a\n    name: B\n    url: https://b.example/\n^",
        BLOCK,
    ),
}


@pytest.mark.parametrize(("text", "put_in"), PLACES.values(), ids=PLACES)
def test_a_source_is_put_in_and_nothing_else_changes(text, put_in):
    """In the style of the list, at its end."""
    written = writing.with_sources(text.replace("^", ""), [NEW], "a.yaml")
    assert written == text.replace("^", put_in)


def test_an_empty_list_becomes_lines():
    """`[]` makes room for them."""
    assert writing.with_sources("sources: []  # none\nlog: {level: info}\n", [NEW], "a") == (
        "sources:  # none\n  - name: New\n    url: https://new.example/feed\nlog: {level: info}\n"
    )
    assert writing.with_sources('{"sources": []}', [NEW], "a") == (
        '{"sources": [{"name": "New", "url": "https://new.example/feed"}]}'
    )


def test_what_cannot_be_added_to_is_refused_with_the_lines_to_write():
    """A list that stands elsewhere in the file is not guessed at."""
    text = "x: &all\n  - {name: A, url: https://a.example/}\nsources: *all\n"
    with pytest.raises(
        ConfigurationError, match=r"by hand:\n- name: New\n  url: https://new.example/feed\n$"
    ):
        writing.with_sources(text, [NEW], "a.yaml")


words = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)
listed = st.lists(
    st.fixed_dictionaries({"name": words, "tags": st.lists(words, max_size=3)}), min_size=1, max_size=4
)


@bounds(deadline=None, max_examples=60)
@given(listed, listed, st.sampled_from(["block", "braces", "brackets"]))
def test_whatever_is_written_is_read_back(old, new, style):
    """Any names and tags, after any others, in each style of list; what stood there stands there still."""
    if style == "brackets":
        text = f"sources: [{', '.join(map(writing._braces, old))}]  # end\n"
    else:
        write = writing.block if style == "block" else lambda item: f"- {writing._braces(item)}\n"
        text = "sources:\n" + "".join(map(write, old)) + "  # of the last\n# end\n"
    written = writing.with_sources(text, new, "a.yaml")
    read = parse(written, "a.yaml")
    assert read.problems == []
    assert read.values["sources"] == [*parse(text, "a.yaml").values["sources"], *new]
    kept = written.splitlines()
    assert [line for line in text.splitlines() if line.startswith("#")] == [kept[-1]] * (style != "brackets")


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(f"# mine\nsources:\n  - {ONE}\n")
    return path


def test_the_file_keeps_its_permissions_and_its_link(config, tmp_path):
    """A file that a link leads to is changed; the link and the mode stay, and nothing is left lying."""
    config.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to("a.yaml")
    extended(link, {}, [NEW])
    assert link.is_symlink()
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert "new.example" in config.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"a.yaml", "link.yaml"}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (NEW | {"name": "A"}, "sources are told apart by their names"),
        (NEW | {"url": "http://a.example"}, "one address is one source"),
        (NEW | {"url": "ftp://a.example"}, "no web address"),
    ],
)
def test_what_would_not_pass_the_check_is_not_written(config, item, said):
    """The file is as it was."""
    before = config.read_bytes()
    with pytest.raises(ConfigurationError, match=said):
        extended(config, {}, [NEW | {"name": "B", "url": "https://b.example"}, item])
    assert config.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file(config, tmp_path, monkeypatch):
    """A full disk costs nothing but the change."""
    before = config.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left on device; it is as it was"):
        extended(config, {}, [NEW])
    assert config.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(("body", "said"), [(None, "there is no such file"), (b"\xff\xfe\xfd", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_said(tmp_path, body, said):
    """As by every command."""
    if body:
        (tmp_path / "a.yaml").write_bytes(body)
    with pytest.raises(ConfigurationError, match=said):
        extended(tmp_path / "a.yaml", {}, [NEW])
