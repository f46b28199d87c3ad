"""Why two reports are, or are not, one story: every signal, its value, its weight, the bar, the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.dedup import fingerprint, overlap, verdict
from aggregator.dedup.corrections import deciding
from aggregator.display import short
from aggregator.errors import NotFound, ParseError
from aggregator.model import Report, headline
from aggregator.normalise.report import normalise
from aggregator.parse.sandbox import Parser
from aggregator.settings import FolderSource, Settings
from aggregator.stories.linker import Linker
from aggregator.stories.lookup import LONGEST, WHERE, is_stored, stored
from storage import corrections, stories
from storage.reports import Stored

if TYPE_CHECKING:
    from storage.database import Database

_MOST = 12  # words of each kind


@dataclass(frozen=True, slots=True)
class VerdictTerm:
    """One term of the verdict: ``adds = value * weight`` to the log odds."""

    signal: str
    value: float
    weight: float
    adds: float
    meaning: str


@dataclass(frozen=True, slots=True)
class StoryScore:
    """What one of the two (``A`` or ``B``) scores with a story: the mean over the others in it."""

    report: str
    story: int
    score: float


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
        correction: what a person said about the two, which decides.
        shared: words, names, numbers and quotes that both have.
        against: names and numbers in the title of each that stand nowhere in the other.
        stories: the stories that they are in, None for a file.
        whole: what each scores with the whole story of the other: that decides, and not the pair.
        verdict: the outcome in a sentence.

    """

    first: str
    second: str
    rows: tuple[VerdictTerm, ...]
    probability: float
    bar: float
    resemblance: float
    copy_bar: float
    veto: str | None
    correction: str | None
    shared: Mapping[str, tuple[str, ...]]
    against: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    stories: tuple[int | None, int | None]
    whole: tuple[StoryScore, ...]
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
        linker.refresh(tx)
        one, other = (_found(tx, name, number, settings) for number, name in enumerate((a, b)))
        pair = linker.profile(tx, one), linker.profile(tx, other)
        seated = stories.of_reports(tx, [one.id, other.id])
        where = seated.get(one.id), seated.get(other.id)
        whole = _with_stories(tx, linker, (one, other), where)
        decided = deciding(corrections.listed(tx), one.id, other.id)
    readings = [fingerprint.read(each.title, each.text, each.language) for each in (one, other)]
    thresholds = linker.thresholds
    probability = float(verdict.judge(pair[0], [pair[1]], thresholds.window, thresholds.model)[0])
    found = Explanation(
        first=_line(one),
        second=_line(other),
        rows=tuple(VerdictTerm(*row) for row in verdict.account(*pair, thresholds.model)),
        probability=probability,
        bar=thresholds.story,
        resemblance=verdict.is_copy(*pair, thresholds.copy),
        copy_bar=thresholds.copy,
        veto=verdict.veto(*pair, thresholds.window),
        correction=f"{decided[0].id}: {'together' if decided[1] else 'apart'}" if decided else None,
        shared=_shared(pair, (one, other), readings[0]),
        against=_against(pair, readings),
        stories=where,
        whole=whole,
        verdict="A and B are one and the same report",
    )
    return found if one.id == other.id else replace(found, verdict=_sentence(found))


def _with_stories(
    tx: Any, linker: Linker, pair: tuple[Stored, Stored], where: tuple[int | None, int | None]
) -> tuple[StoryScore, ...]:
    """What each of two reports scores with the story of the other."""
    across = zip("AB", pair, reversed(where), strict=True)
    return tuple(
        StoryScore(letter, story, linker.suits(tx, report, story))
        for letter, report, story in across
        if story is not None and pair[0].id != pair[1].id
    )


def _shared(
    pair: tuple[verdict.Profile, verdict.Profile],
    texts: tuple[Stored, Stored],
    reading: fingerprint.FeatureSequence,
) -> dict[str, tuple[str, ...]]:
    words, names, numbers = overlap.shared_words(pair[0].weighed, pair[1].weighed, reading)
    quotes = overlap.shared_quotes(texts[0].text, texts[1].text)
    kinds = {"words": words, "names": names, "numbers": numbers, "quotes": quotes}
    return {kind: found[:_MOST] for kind, found in kinds.items()}


def _against(
    pair: tuple[verdict.Profile, verdict.Profile], readings: Sequence[fingerprint.FeatureSequence]
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    one, other = (profile.weighed for profile in pair)
    mine = overlap.only_titled(one, other, readings[0])
    theirs = overlap.only_titled(other, one, readings[1])
    kinds = zip(("names", "numbers"), mine, theirs, strict=True)
    return {kind: (first[:_MOST], second[:_MOST]) for kind, first, second in kinds}


def _sentence(found: Explanation) -> str:
    score = f"probability {found.probability:.2f}"
    if found.veto:
        said = f"not one event: {found.veto}"
    elif found.resemblance:
        said = (
            f"one text: resemblance {found.resemblance:.2f} reaches the bar for copies, {found.copy_bar:.2f}"
        )
    elif found.probability >= found.bar:
        said = f"one event: {score} reaches the bar, {found.bar:.2f}"
    else:
        said = f"not one event: {score} stays under the bar, {found.bar:.2f}"
    if found.correction:
        number, _, how = found.correction.partition(": ")
        said += f". But a person said that they are {how} (correction {number}), and that decides"
    return said + _about_stories(found)


def _about_stories(found: Explanation) -> str:
    """What the stories have to do with it: each weighs a report as a whole."""
    if None in found.stories:
        return ""
    if found.stories[0] == found.stories[1]:
        here = f". Both are in story {found.stories[0]}: what counts there is the mean over all its reports"
        return here + _scores(found)
    apart = f". They are in stories {found.stories[0]} and {found.stories[1]}"
    if found.correction:
        return apart
    return f"{apart}: a story takes by the mean over its reports{_scores(found)}"


def _scores(found: Explanation) -> str:
    said = [f"{each.report} scores {each.score:.2f} with story {each.story}" for each in found.whole]
    return f"; {', '.join(said)}" if said else ""


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
    values = {
        name: getattr(found[0], name)
        for name in Report.__dataclass_fields__
        if name in Stored.__dataclass_fields__
    }
    return Stored(id=-1 - number, **values)


def _line(report: Stored) -> str:
    number = f"report {report.id}, " if report.id > 0 else ""
    return f"{number}{report.publisher}, {report.published:%Y-%m-%d}: {headline(report.title, report.text)}"
