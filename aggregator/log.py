"""What the service says about its work, on standard error: one event a line.

::

    log.warning("poll.failed", "no answer within 60s", source="BBC News", failures=3)

Every event has an ``action`` (what kind of thing happened, for filters), a message for people, and fields.
Text from outside cannot break the line or steer a terminal, and passwords in addresses are masked.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from aggregator.display import on_one_line, without_secrets
from aggregator.settings import Log
from aggregator.units import format_duration

LONGEST = 2_000
"""Characters of one message or field that are said."""

_logger = logging.getLogger("aggregator")
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_BARE = re.compile(r"[^\s\"'=\\]+")


def debug(action: str, message: str, /, **fields: object) -> None:
    """Say what only helps to find a fault."""
    _logger.debug(message, extra={"action": action, "fields": fields})


def info(action: str, message: str, /, **fields: object) -> None:
    """Say what went as it should."""
    _logger.info(message, extra={"action": action, "fields": fields})


def warning(action: str, message: str, /, **fields: object) -> None:
    """Say what failed and will be tried again, or needs a look."""
    _logger.warning(message, extra={"action": action, "fields": fields})


def error(action: str, message: str, /, *, cause: BaseException | None = None, **fields: object) -> None:
    """Say what failed for good; ``cause`` is for what nobody foresaw, and adds its traceback."""
    _logger.error(message, exc_info=cause, extra={"action": action, "fields": fields})


def configure(settings: Log, environ: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Send all events, and the warnings and errors of libraries, to ``stream`` or standard error.

    A second call takes the place of the first.
    """
    stream = stream or sys.stderr
    form = settings.format
    if form == "auto":
        form = "journal" if _is_journal(stream, environ.get("JOURNAL_STREAM")) else "text"
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(_Handler(stream, {"text": _as_text, "json": _as_json, "journal": _for_journal}[form]))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root.setLevel(max(level, logging.WARNING))
    _logger.setLevel(level)
    logging.captureWarnings(capture=True)


def _is_journal(stream: TextIO, journal: str | None) -> bool:
    """Whether the stream is the very one that systemd connected: a redirected one has another inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream in memory, or a closed one
        return False
    return journal == f"{status.st_dev}:{status.st_ino}"


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, render: Callable[[logging.LogRecord], str]) -> None:
        super().__init__(stream)
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        return self._render(record)


def _as_text(record: logging.LogRecord) -> str:
    head = f"{_time(record)} {record.levelname:<7} {_said(record)}"
    return "\n".join([head, *(f"    | {line}" for line in _traceback(record))])


def _for_journal(record: logging.LogRecord) -> str:
    # journald adds the time itself, and reads the priority from the front of each line.
    priority = f"<{_PRIORITIES.get(record.levelno, 5)}>"
    return "\n".join(priority + line for line in [_said(record), *_traceback(record)])


def _as_json(record: logging.LogRecord) -> str:
    event = {"time": _time(record), "level": record.levelname.lower(), **_facts(record)}
    if lines := list(_traceback(record)):
        event["traceback"] = lines
    return json.dumps(event)


def _said(record: logging.LogRecord) -> str:
    """Action, message and fields: ``poll.failed no answer within 60s source="BBC News" failures=3``."""
    facts = _facts(record)
    head = f"{facts.pop('action')} {on_one_line(facts.pop('message'))}"
    return " ".join([head, *(f"{key}={_quoted(str(value))}" for key, value in facts.items())])


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Action, message and fields; the action of an event of a library is the library's name."""
    action = getattr(record, "action", record.name.partition(".")[0])
    fields: Mapping[str, object] = getattr(record, "fields", {})
    plain = {key: _plain(value) for key, value in fields.items()}
    return {"action": action, "message": _plain(record.getMessage()), **plain}


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, timedelta):
        return format_duration(value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    text = without_secrets(text[: 10 * LONGEST])  # cut once before, for the time that masking takes
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _quoted(text: str) -> str:
    bare = _BARE.fullmatch(text) and text.isprintable()
    return text if bare else on_one_line(json.dumps(text, ensure_ascii=False))


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _traceback(record: logging.LogRecord) -> Iterator[str]:
    if record.exc_info:
        for line in logging.Formatter().formatException(record.exc_info).splitlines():
            yield on_one_line(without_secrets(line))
