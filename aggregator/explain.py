"""Why two reports are, or are not, one story: every signal, its value, its weight, the bar, the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.dedup import fingerprint, verdict
from aggregator.dedup.story import Bars
from aggregator.errors import NotFound, ParseError
from aggregator.intake.contain import Parser
from aggregator.intake.normalise import normalise
from aggregator.linker import Linker, shared_words
from aggregator.model import headline
from aggregator.named import LONGEST, WHERE, is_stored, stored
from aggregator.settings import FolderSource, Settings
from aggregator.shown import short
from storage import stories
from storage.reports import Stored

if TYPE_CHECKING:
    from storage.database import Database

_MOST = 12  # words of each kind


@dataclass(frozen=True, slots=True)
class Row:
    """One term of the verdict: ``adds = value * weight`` to the log odds."""

    signal: str
    value: float
    weight: float
    adds: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that a verdict over two reports rests on.

    Attributes:
        first, second: the reports, in a line each.
        rows: the terms of the sum, the intercept first.
        probability: of one event.
        bar: what the mean over a story has to reach.
        resemblance: of the two texts, 0 if they are no copies.
        copy_bar: from which they count as one text.
        veto: why they cannot be one event whatever the sum says.
        shared: words, names and numbers that both have.
        stories: the stories that they are in, None for a file.
        verdict: the outcome in a sentence.

    """

    first: str
    second: str
    rows: tuple[Row, ...]
    probability: float
    bar: float
    resemblance: float
    copy_bar: float
    veto: str | None
    shared: Mapping[str, tuple[str, ...]]
    stories: tuple[int | None, int | None]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object, with four decimals."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 4)
        case tuple():
            return [_rounded(item) for item in value]
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
    return value


def explain(a: str, b: str, settings: Settings, database: Callable[[], Database]) -> Explanation:
    """Weigh two reports as a newcomer is weighed, and say how it came out.

    Args:
        a: a report id, the address of a report that was taken in, or a file.
        b: likewise.
        settings: the bars.
        database: opens the database; its stream says how common words are.

    Raises:
        NotFound: there is no such report or file.
        SourceError: a file cannot be read.

    """
    store = database()
    linker = Linker(settings.dedup)
    with store.reading() as tx:
        one, other = (_found(tx, name, number, settings) for number, name in enumerate((a, b)))
        mine, theirs = linker.telling(tx, one), linker.telling(tx, other)
        seated = stories.of_reports(tx, [one.id, other.id])
    bars = Bars(settings.dedup.story_bar, settings.dedup.copy_bar, settings.dedup.window)
    words, names, numbers = shared_words(
        mine.weighed, theirs.weighed, fingerprint.read(one.title, one.text, one.language)
    )
    return _weighed(
        (mine, theirs),
        (_line(one), _line(other)),
        bars,
        {"words": words[:_MOST], "names": names[:_MOST], "numbers": numbers[:_MOST]},
        (seated.get(one.id), seated.get(other.id)),
    )


def _weighed(
    pair: tuple[verdict.Telling, verdict.Telling],
    lines: tuple[str, str],
    bars: Bars,
    shared: Mapping[str, tuple[str, ...]],
    seated: tuple[int | None, int | None],
) -> Explanation:
    probability = float(verdict.judge(pair[0], [pair[1]], bars.window)[0])
    resemblance = verdict.is_copy(*pair, bars.copy)
    vetoed = verdict.veto(*pair, bars.window)
    return Explanation(
        first=lines[0],
        second=lines[1],
        rows=tuple(Row(*row) for row in verdict.account(*pair)),
        probability=probability,
        bar=bars.story,
        resemblance=resemblance,
        copy_bar=bars.copy,
        veto=vetoed,
        shared=shared,
        stories=seated,
        verdict=_sentence(probability, bars, resemblance, vetoed, seated)
        if pair[0].id != pair[1].id
        else "A and B are one and the same report",
    )


def _sentence(
    probability: float,
    bars: Bars,
    resemblance: float,
    vetoed: str | None,
    seated: tuple[int | None, int | None],
) -> str:
    if vetoed:
        said = f"not one event: {vetoed}"
    elif resemblance:
        said = f"one text: resemblance {resemblance:.2f} reaches the bar for copies, {bars.copy:.2f}"
    elif probability >= bars.story:
        said = f"one event: probability {probability:.2f} reaches the bar, {bars.story:.2f}"
    else:
        said = f"not one event: probability {probability:.2f} stays under the bar, {bars.story:.2f}"
    if None in seated:
        return said
    if seated[0] == seated[1]:
        return f"{said}. Both are in story {seated[0]}: what counts there is the mean over all its reports"
    return (
        f"{said}. They are in stories {seated[0]} and {seated[1]}: a story takes by the mean over its reports"
    )


def _found(tx: Any, name: str, number: int, settings: Settings) -> Stored:
    if is_stored(name):
        return stored(tx, name)
    body = _read(Path(name), settings.folders.max_file_bytes)
    return asyncio.run(_from_file(Path(name), body, number, settings))


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(most + 1)
    except FileNotFoundError as error:
        raise NotFound(
            f"{short(str(path), LONGEST)}: no report id, no address and no file", hint=WHERE
        ) from error
    except OSError as error:
        raise NotFound(
            f"{short(str(path), LONGEST)}: cannot be read: {error.strerror}", hint="name a file"
        ) from error
    if len(body) > most:
        raise NotFound(f"{path}: has more than {most} bytes", hint="raise folders.max_file_bytes")
    return body


async def _from_file(path: Path, body: bytes, number: int, settings: Settings) -> Stored:
    """The first report of a file, as a drop folder would take it; its id is none that the database gives."""
    try:
        async with Parser(settings.parse) as parser:
            parsed = await parser.parse(body, path.suffix.lower())
    except ParseError as error:
        raise ParseError(f"{path}: {error.message}", hint=error.hint) from error
    found = normalise(parsed, FolderSource(name=str(path), folder=path.parent), datetime.now(UTC))
    if not found:
        raise NotFound(f"{path}: there is no report in it", hint="name a file with a title or a text")
    values = {name: getattr(found[0], name) for name in Stored.__dataclass_fields__ if name != "id"}
    return Stored(id=-1 - number, **values)


def _line(report: Stored) -> str:
    number = f"report {report.id}, " if report.id > 0 else ""
    return f"{number}{report.publisher}, {report.published:%Y-%m-%d}: {headline(report.title, report.text)}"
