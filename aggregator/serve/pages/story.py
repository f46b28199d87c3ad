"""A story: its best report, what each other one adds, in what they differ, and why each is here."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from aggregator.errors import NotFound
from aggregator.model import Member, Story, headline
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.drawing import sparkline, waterfall
from aggregator.serve.pages.rendering import page
from aggregator.stories import additions
from aggregator.stories.correct import describe, to_undo
from aggregator.stories.lookup import standing
from storage import front, history, marks, reading, stories
from storage.front import Listed
from storage.marks import Mark
from storage.reading import Revision

_CHANGES = 5  # of a report that are shown, the newest
_COMPARED = 1500  # words of a text that are compared
_AROUND = 6  # unchanged words beside a change
_RELATED = 5
_SHOWN = 60  # reports
_TAGS = 8


def router(desk: Desk) -> APIRouter:
    """The one page."""
    found = APIRouter(include_in_schema=False)

    @found.get("/stories/{number}")
    def one(request: Request, number: int) -> Response:
        reader = desk.visitor(request)
        try:
            with desk.database.reading() as tx:
                here = standing(tx, number)
                if here != number:
                    return RedirectResponse(f"/stories/{here}", 301)
                loaded = stories.load(tx, [here], desk.database.uuid)
                mark = marks.of_stories(tx, reader.id, [here]).get(here, Mark())
                happened = history.of_story(tx, here)
                best = reading.best(tx, here)
                near = _near(tx, best, desk.settings().dedup.window)
                last = to_undo(tx) if desk.writable else None
                changed = reading.revisions(tx, [m.id for m in loaded[0].members[:_SHOWN]]) if loaded else []
        except NotFound as error:
            return page("nothing.html", 404, said=error.message, title="Not here")
        if not loaded:
            return page("nothing.html", 404, said=f"story {number} has no reports any more", title="Not here")
        said = forms.word(request)
        if desk.writable and not mark.is_read(loaded[0].voices):
            with desk.database.writing() as tx:
                marks.read(tx, reader.id, {number: loaded[0].voices}, desk.now())
        values = _values(loaded[0], best, changed)
        answer = page(
            "story.html",
            images=desk.pictures.mode,
            picture=desk.pictures.source,
            markup=desk.pictures.shown,
            **values,
            related=near,
            history=happened,
            undoes=describe(last) if last else "",
            mark=mark,
            csrf=said,
            writable=desk.writable,
            now=desk.now(),
            title=headline(loaded[0].title, loaded[0].lead),
        )
        return forms.remember(request, answer, said)

    return found


def _near(tx: Any, best: int | None, window: timedelta) -> list[Listed]:
    """The stories that are nearest to this one, and stand apart from it."""
    return front.listed(tx, reading.related(tx, best, window, _RELATED)) if best is not None else []


def _values(story: Story, chosen: int | None, changed: Sequence[Revision]) -> dict[str, Any]:
    """What the template shows of a story."""
    by_id = {member.id: member for member in story.members}
    best = by_id.get(chosen or 0, story.members[0])
    added = additions.contributions(story.members, best.id)
    return {
        "story": story,
        "best": best,
        "image": next((each.media.image for each in (best, *story.members) if each.media.image), None),
        "tags": sorted({tag for member in story.members for tag in member.tags}, key=str.casefold)[:_TAGS],
        "members": by_id,
        "contributions": [each for each in added if each.report != best.id],
        "copies": _copies(story.members),
        "differences": additions.differences(story.members),
        "only_here": additions.only_here(story.members),
        "changes": _changes(by_id, changed),
        "spark": sparkline([member.published for member in story.members]),
        "why": {
            member.id: waterfall(member.evidence.get("signals", {})) for member in story.members[:_SHOWN]
        },
        "timeline": story.members[:_SHOWN],
        "hidden": max(0, len(story.members) - _SHOWN),
    }


def _copies(members: Sequence[Member]) -> Mapping[int, list[Member]]:
    """The members of each copy group of several."""
    groups: defaultdict[int, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.copy_group].append(member)
    return {group: found for group, found in groups.items() if len(found) > 1}


def _changes(members: Mapping[int, Member], changed: Sequence[Revision]) -> list[dict[str, Any]]:
    """What was corrected after publication, each as a diff with what replaced it."""
    by_report: defaultdict[int, list[Revision]] = defaultdict(list)
    for each in changed:
        by_report[each.report].append(each)
    found = []
    for report, olds in by_report.items():
        member = members[report]
        texts = [(each.title, each.text) for each in olds] + [(member.title, member.text)]
        pairs = list(zip(olds, texts, texts[1:], strict=False))[-_CHANGES:]
        found += [
            {"member": member, "at": old.replaced, "pieces": difference("\n".join(was), "\n".join(became))}
            for old, was, became in pairs
        ]
    return found


def difference(was: str, became: str) -> list[tuple[str, str]]:
    """Words that went (``del``), came (``ins``) and stayed (``same``: a few around each change)."""
    one, other = was.split()[:_COMPARED], became.split()[:_COMPARED]
    found: list[tuple[str, str]] = []
    for what, i, j, k, n in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(("same", _around(one[i:j])))
        else:
            found += [
                (kind, " ".join(words)) for kind, words in (("del", one[i:j]), ("ins", other[k:n])) if words
            ]
    return found


def _around(words: Sequence[str]) -> str:
    if len(words) <= 2 * _AROUND:
        return " ".join(words)
    return " ".join(_joined(words))


def _joined(words: Sequence[str]) -> Iterable[str]:
    return [*words[:_AROUND], "…", *words[-_AROUND:]]
