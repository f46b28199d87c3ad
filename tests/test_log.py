"""Events on one line each, whatever is in them."""

import ast
import io
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import log
from aggregator.settings import Log

Form = Literal["text", "json", "journal"]
FORMS: list[Form] = ["text", "json", "journal"]
HOSTILE = "a\r\n2026-11-20T00:00:00.000Z ERROR   forged\x1b[2J\x00\x85\u2028\u202e\ud800 x=y \"z' \\"


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """Leaves the logging of the other tests as it was."""
    root, ours = logging.getLogger(), logging.getLogger("aggregator")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.captureWarnings(capture=False)


def said(
    form: Form, say: Callable[[], None], level: Literal["debug", "info", "warning", "error"] = "info"
) -> str:
    """What `say` makes the log say."""
    stream = io.StringIO()
    log.configure(Log(format=form, level=level), {}, stream)
    say()
    return stream.getvalue()


def fail(error: Exception) -> None:
    """Report an error as one that nobody foresaw."""
    try:
        raise error
    except type(error) as caught:
        log.error("tick.died", "nobody foresaw this", cause=caught)


def test_text_is_for_people() -> None:
    """Time, level, action, message, fields; quotes where a value needs them."""
    line = said(
        "text", lambda: log.warning("poll.failed", "no answer", source="BBC News", failures=3, hint=None)
    )
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING poll\.failed no answer "
        r'source="BBC News" failures=3 hint=None\n',
        line,
    )


def test_json_is_for_machines() -> None:
    """One object a line; numbers stay numbers."""
    event = json.loads(
        said("json", lambda: log.info("poll.done", "3 new", source="BBC News", new=3, share=0.5))
    )
    assert datetime.fromisoformat(event.pop("time")).tzinfo == UTC
    assert event == {
        "level": "info",
        "action": "poll.done",
        "message": "3 new",
        "source": "BBC News",
        "new": 3,
        "share": 0.5,
    }


@pytest.mark.parametrize(
    ("say", "priority"), [(log.debug, 7), (log.info, 6), (log.warning, 4), (log.error, 3)]
)
def test_the_journal_gets_a_priority_and_no_time(say: Callable[..., None], priority: int) -> None:
    """Because journald adds the time itself."""
    line = said("journal", lambda: say("poll.done", "3 new", source="x"), level="debug")
    assert line == f"<{priority}>poll.done 3 new source=x\n"


def test_the_journal_is_known_by_its_inode(tmp_path: Path) -> None:
    """`auto` writes for journald only where JOURNAL_STREAM names this very stream."""
    with (tmp_path / "stream").open("w+") as stream:
        status = os.fstat(stream.fileno())
        for journal, expected in (
            (f"{status.st_dev}:{status.st_ino}", "<6>a b\n"),
            (f"{status.st_dev}:{status.st_ino + 1}", " INFO    a b\n"),
            ("", " INFO    a b\n"),
        ):
            stream.truncate(0)
            log.configure(Log(), {"JOURNAL_STREAM": journal}, stream)
            log.info("a", "b")
            assert (tmp_path / "stream").read_text().replace("\0", "").endswith(expected)
    log.configure(Log(), {"JOURNAL_STREAM": "1:1"}, stream)  # closed: no inode, and no error


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_less_than_the_level_is_not_said(level: Any, expected: str) -> None:
    """The level is the least that is said."""

    def say() -> None:
        for letter, function in {"d": log.debug, "i": log.info, "w": log.warning, "e": log.error}.items():
            function(letter, "x")

    assert "".join(re.findall(r"<\d>(.) x", said("journal", say, level=level))) == expected


@pytest.mark.parametrize("form", FORMS)
@given(text=st.text() | st.just(HOSTILE))
def test_no_text_breaks_out_of_its_line(form: Form, text: str) -> None:
    """Message and fields are one line, without controls, marks of direction or line separators."""
    line = said(form, lambda: log.info("poll.done", text, title=text, other=[text]))
    assert line.endswith("\n")
    assert line[:-1].isprintable()


@given(text=st.text(max_size=1000).filter(lambda text: "://" not in text))
def test_json_gives_text_back_as_it_was(text: str) -> None:
    """Nothing is lost in the escapes."""
    event = json.loads(said("json", lambda: log.info("a", text, title=text)))
    assert event["message"] == event["title"] == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "so"', r'"say \"so\""'),
        ("back\\slash", r'"back\\slash"'),
        ("tab\there", r'"tab\there"'),
        ("Zürich", "Zürich"),
        ("https://a.b/c?d", "https://a.b/c?d"),
        (True, "True"),
        (float("nan"), "nan"),
        (timedelta(minutes=90), "1h30m"),
        (datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "2026-11-20T09:30:00+00:00"),
        (Path("var/x"), "var/x"),
        (ValueError("no"), "no"),
    ],
)
def test_values_are_written_so_that_fields_can_be_told_apart(value: object, shown: str) -> None:
    """Bare where that is clear, else in quotes."""
    assert said("journal", lambda: log.info("a", "b", c=value)) == f"<6>a b c={shown}\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), timedelta(1), Path("x"), object, {"a": {1}}])
def test_json_takes_any_value(value: object) -> None:
    """And stays JSON: no NaN, no error."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    event = json.loads(said("json", lambda: log.info("a", "b", c=value)), parse_constant=refuse)
    assert "c" in event


@pytest.mark.parametrize("form", FORMS)
def test_secrets_are_never_said(form: Form) -> None:
    """Not in messages, fields, tracebacks, nor in what libraries say."""

    def say() -> None:
        log.info(
            "a",
            "https://ann:hunter2@b.c/",
            url="https://b.c/?api_key=hunter2",
            d="postgresql://x:hunter2@y/z",
        )
        logging.getLogger("sqlalchemy").warning("cannot open %s", "postgresql://x:hunter2@y/z")
        fail(ValueError("https://hunter2@b.c/"))

    text = said(form, say)
    assert "***" in text
    assert "hunter2" not in text


def test_a_traceback_stands_apart() -> None:
    """For text it is set in, for the journal each line has the priority, for JSON it is a list."""
    text = said("text", lambda: fail(ValueError(HOSTILE)))
    head, *lines = text.rstrip("\n").split("\n")
    assert "tick.died nobody foresaw this" in head
    assert lines[0] == "    | Traceback (most recent call last):"
    assert all(line.startswith("    | ") and line.isprintable() for line in lines)
    lines = said("journal", lambda: fail(ValueError(HOSTILE))).rstrip("\n").split("\n")
    assert all(line.startswith("<3>") and line.isprintable() for line in lines)
    event = json.loads(said("json", lambda: fail(ValueError("no"))))
    assert event["traceback"][-1] == "ValueError: no"


def test_libraries_say_warnings_and_errors_only() -> None:
    """Under their own name, in the same form; their chatter is left out even when ours is wanted."""

    def say() -> None:
        logging.getLogger("apscheduler.scheduler").info("Added job")
        logging.getLogger("apscheduler.scheduler").warning("Run of job %r missed", "tick")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        lines = said("journal", say, level="debug").split("\n")
    assert lines[0] == "<4>apscheduler Run of job 'tick' missed"
    assert re.match(r"<4>py .*DeprecationWarning: old", lines[1])
    assert len(lines) == 3


def test_a_second_call_takes_the_place_of_the_first() -> None:
    """No event is said twice, and the handlers of others stay."""
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first = io.StringIO()
    log.configure(Log(), {}, first)
    assert said("journal", lambda: log.info("a", "b")) == "<6>a b\n"
    assert first.getvalue() == ""
    assert other in logging.getLogger().handlers


def test_a_per_cent_sign_is_a_per_cent_sign() -> None:
    """Messages are no format strings."""
    assert said("journal", lambda: log.info("a", "100 % of %s %d %(x)s")) == "<6>a 100 % of %s %d %(x)s\n"


@pytest.mark.parametrize("form", FORMS)
def test_long_text_is_cut(form: Form) -> None:
    """A title of a megabyte costs a line of a few kilobytes."""
    assert len(said(form, lambda: log.info("a", "x" * 10**6, title="\n" * 10**6))) < 10_000


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to the answers of commands."""
    log.configure(Log(format="journal"), {})
    log.info("a", "b")
    assert capsys.readouterr() == ("", "<6>a b\n")


SOURCES = sorted((Path(log.__file__).parent).rglob("*.py"))


def test_every_event_has_an_action() -> None:
    """Each call names one, `noun.verb` and written out, so that a filter can be written from the source."""
    found = 0
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            of = call.func.value
            if not isinstance(of, ast.Name) or of.id != "log" or call.func.attr == "configure":
                continue
            action = call.args[0]
            assert isinstance(action, ast.Constant), f"{path}:{call.lineno}"
            assert re.fullmatch(r"[a-z]+\.[a-z_]+", str(action.value)), f"{path}:{call.lineno}"
            found += 1
    assert found > 10


def test_nobody_logs_past_it() -> None:
    """One module knows the library; whatever is said has an action and stays on its line."""
    others = [
        path.name for path in SOURCES if re.search(r"^\s*(import|from) logging", path.read_text(), re.M)
    ]
    assert others == ["log.py"]
