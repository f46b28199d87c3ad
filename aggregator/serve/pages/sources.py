"""How the sources fare, and how well stories are told apart as far as people have said."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from aggregator.display import without_secrets
from aggregator.parse import opml
from aggregator.poll import subscriptions
from aggregator.poll.source_status import source_statuses
from aggregator.serve.counts import Counted
from aggregator.serve.pages import Desk, forms
from aggregator.serve.pages.drawing import hours
from aggregator.serve.pages.rendering import page
from aggregator.stories.correct import describe
from storage import corrections, meta, reading, source_stats

_ARRIVALS = 500  # newest reports of a source whose hours are drawn
_CORRECTIONS = 100  # newest ones that are listed


def router(desk: Desk) -> APIRouter:
    """The two pages, and the list of feeds as OPML."""
    found = APIRouter(include_in_schema=False)
    counts = Counted(desk, source_stats.stats_by_source)
    plotted = Counted(desk, lambda tx: _plots(tx, desk))

    @found.get("/sources")
    def sources(request: Request) -> Response:
        desk.visitor(request)
        with desk.database.reading() as tx:
            statuses = source_statuses(tx, desk.settings(), desk.now(), given=counts(tx))
            plots = plotted(tx)
        shown = {each.source.name: without_secrets(str(each.source.address)) for each in statuses}
        said = forms.word(request)
        answer = page(
            "sources.html",
            statuses=statuses,
            plots=plots,
            addresses=shown,
            pauses=desk.writable,
            adds=desk.writable and desk.subscriber is not None,
            csrf=said,
            now=desk.now(),
            title="Sources",
        )
        return forms.remember(request, answer, said)

    @found.get("/sources.opml")
    def as_opml(request: Request) -> Response:
        desk.visitor(request)
        settings = desk.settings()
        body = opml.write(subscriptions.outlines(settings), settings.publish.title)
        headers = {"Content-Disposition": 'attachment; filename="sources.opml"'}
        return Response(body, media_type="text/x-opml", headers=headers)

    @found.get("/quality")
    def quality(request: Request) -> Response:
        desk.visitor(request)
        with desk.database.reading() as tx:
            listed = corrections.listed(tx)
            rehearsed = json.loads(meta.read(tx, meta.REHEARSED) or "null")
        shown = [(each, describe(each)) for each in reversed(listed[-_CORRECTIONS:])]
        counts = {
            what: sum(each.what == what and each.undone is None for each in listed)
            for what in ("merge", "split")
        }
        undone = sum(each.undone is not None for each in listed)
        return page(
            "quality.html",
            corrections=shown,
            counts=counts,
            undone=undone,
            rehearsed=rehearsed,
            title="Quality",
        )

    return found


def _plots(tx: Any, desk: Desk) -> dict[str, Markup]:
    """At which hours each source reports."""
    found = {}
    for source in desk.settings().sources:
        if came := reading.arrivals(tx, source.name, _ARRIVALS):
            found[source.name] = hours(came)
    return found
