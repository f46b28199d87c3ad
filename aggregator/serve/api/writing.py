"""What is changed: marks, muted words, corrections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Discriminator

from aggregator.poll import pausing
from aggregator.serve.api import access, problems, values
from aggregator.serve.api.access import Who
from aggregator.serve.api.stories import Number, marks_of
from aggregator.serve.pages import Desk
from aggregator.stories import correct
from aggregator.stories.linker import Linker
from aggregator.stories.lookup import standing
from storage import marks
from storage.streams import voices

_WORDS = 500  # muted words of a reader
_Correction = Annotated[values.Merge | values.Split, Discriminator("what")]


def router(desk: Desk) -> APIRouter:
    """All operations that change something."""
    found = APIRouter(responses=problems.WRITING, dependencies=[Depends(access.writing(desk))])

    @found.patch("/stories/{number}/marks", responses=problems.MISSING)
    def mark_story(reader: Who, number: Number, said: values.Marking) -> values.Marks:
        """Mark a story: read or not, starred or not, muted or not; of a merged one, the other."""
        with desk.database.writing() as tx:
            here = standing(tx, number)
            _mark(tx, reader.id, here, said, desk.now())
            return marks_of(tx, reader, here, desk.now())

    @found.post("/marks/read", status_code=204)
    def mark_many_read(reader: Who, said: values.ManyRead) -> None:
        """Mark many stories as read; those that are no more are passed over."""
        with desk.database.writing() as tx:
            marks.read(tx, reader.id, voices(tx, sorted(set(said.stories))), desk.now())

    @found.post("/muted-words", responses=problems.NOTHING)
    def mute_word(reader: Who, said: values.MutedWord) -> values.MutedWords:
        """Leave stories out that have this word in their title."""
        with desk.database.writing() as tx:
            known = marks.muted_words(tx, reader.id)
            if len(known) >= _WORDS:
                return values.MutedWords(words=known)
            marks.mute_word(tx, reader.id, " ".join(said.word.split()))
            return values.MutedWords(words=marks.muted_words(tx, reader.id))

    @found.delete("/muted-words")
    def unmute_word(reader: Who, word: Annotated[values.Word, Query()]) -> values.MutedWords:
        """Leave them out no more."""
        with desk.database.writing() as tx:
            marks.unmute_word(tx, reader.id, " ".join(word.split()))
            return values.MutedWords(words=marks.muted_words(tx, reader.id))

    @found.post("/corrections", status_code=201, responses=problems.MISSING | problems.NOTHING)
    def add_correction(_: Who, said: _Correction) -> values.CorrectionDone:
        """Say that stories are one, or that some reports of a story are another; it holds for good."""
        if isinstance(said, values.Merge):
            return _corrected(desk, lambda tx, linker: correct.merge(tx, linker, said.stories, desk.now()))
        return _corrected(
            desk, lambda tx, linker: correct.split(tx, linker, said.story, said.reports, desk.now())
        )

    @found.post("/corrections/undo", responses=problems.NOTHING)
    def undo_correction(_: Who) -> values.CorrectionDone:
        """Take the last correction back that is in force."""
        return _corrected(desk, lambda tx, linker: correct.undo(tx, linker, desk.now()))

    _add_pausing(found, desk)
    return found


def _add_pausing(found: APIRouter, desk: Desk) -> None:
    @found.post("/sources/pause", status_code=204, responses=problems.MISSING)
    def pause_source(_: Who, said: values.PauseWanted) -> None:
        """Poll a source no more for a while; what it gave stays."""
        until = _in_utc(said.until) if said.until else None
        pausing.pause(desk.database, desk.settings(), [said.source], until, desk.now())

    @found.post("/sources/resume", status_code=204, responses=problems.MISSING)
    def resume_source(_: Who, said: values.ResumeWanted) -> None:
        """Poll a paused source again; nothing happens to one that is not paused."""
        pausing.resume(desk.database, desk.settings(), [said.source], desk.now())


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # the first and the last day that there are, in another zone
        return moment.replace(tzinfo=UTC)


def _corrected(desk: Desk, work: Callable[[Any, Linker], correct.Outcome]) -> values.CorrectionDone:
    settings = desk.settings()
    with desk.database.writing() as tx:
        return values.done(work(tx, Linker(settings.dedup, settings.prefer)))


def _mark(tx: Any, who: int, story: int, said: values.Marking, now: datetime) -> None:
    if said.read is not None:
        if said.read:
            marks.read(tx, who, voices(tx, [story]), now)
        else:
            marks.unread(tx, who, [story])
    if said.starred is not None:
        marks.star(tx, who, [story], now if said.starred else None)
    if said.muted is not None:
        more = said.muted_growth
        until = _in_utc(said.muted_until) if said.muted_until else None
        grown = voices(tx, [story])[story] + more if more else None
        marks.mute(tx, who, story, now if said.muted else None, until=until, voices=grown)
