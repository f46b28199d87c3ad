"""Commands about single sources: how they fare, pause, resume."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from aggregator.cli import Session
from aggregator.cli.page import lay_out, listing, table
from aggregator.cli.parameters import Duration
from aggregator.display import counted, on_one_line, without_secrets

if TYPE_CHECKING:
    from aggregator.poll.source_status import SourceStatus

_MINUTE = "%Y-%m-%d %H:%M"
_CUT = {"source": 2, "why then": 3, "what is wrong": 3}
_LEAST = (
    *("saved", "received", "304", "200", "429", "told", "stories"),
    *("why then", "last answer (UTC)", "failed", "reports", "next poll (UTC)"),
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def sources(session: Session, name: str | None, *, as_json: bool) -> None:
    """Show how the sources fare, or all about the one called NAME.

    "told" is the share of a source's reports that others had told before: another source had shown the same
    report, or it joined a story that already had one.
    """
    from aggregator.poll.pausing import must_be_known
    from aggregator.poll.source_status import source_statuses
    from aggregator.service.daemon import now

    settings = session.settings(folders_must_exist=False)
    if name is not None:
        must_be_known(settings, [name])
    with session.stories().reading() as tx:
        found = source_statuses(tx, settings, now(), name)
    if as_json:
        for overview in found:
            click.echo(json.dumps(overview.as_json(), ensure_ascii=False))
    elif name is not None:
        _print_page(found[0])
    else:
        _print_table(found)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--for", "how_long", type=Duration(), help="12h, 7d; without it until `resume`.")
@click.pass_obj
def pause(session: Session, names: tuple[str, ...], how_long: timedelta | None) -> None:
    """Poll these sources no more for a while; what they gave stays.

    It holds at once for a service that runs, and for `once --all`. Files in a drop folder wait there.
    """
    from aggregator.poll import pausing
    from aggregator.service.daemon import now

    if how_long == timedelta(0):
        raise click.BadParameter("a pause lasts longer than 0s", param_hint="--for")
    moment = now()
    until = moment + how_long if how_long is not None else None
    settings = session.settings(folders_must_exist=False)
    pausing.must_be_known(settings, names)  # before a database is made
    pausing.pause(session.database(), settings, names, until, moment)
    said = f"until {_when(until)} UTC" if until else "until `aggregator resume`"
    click.echo(f"{counted(len(set(names)), 'source')} paused {said}")


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.pass_obj
def resume(session: Session, names: tuple[str, ...]) -> None:
    """Poll paused sources again, as soon as they are due."""
    from aggregator.poll import pausing
    from aggregator.service.daemon import now

    settings = session.settings(folders_must_exist=False)
    were = pausing.resume(session.stories(), settings, names, now())
    click.echo(f"{counted(len(were), 'source')} resumed" if were else "not paused; nothing was changed")


def _print_table(found: Sequence[SourceStatus]) -> None:
    counts = ("200", "304", "429", "failed")
    columns = (
        *("source", "state", "last answer (UTC)", "next poll (UTC)", "why then", *counts),
        *("received", "saved", "reports", "stories", "told", "what is wrong"),
    )
    listing(columns, map(_row, found), cut=_CUT, least=_LEAST)


def _row(overview: SourceStatus) -> tuple[str, ...]:
    state, given = overview.state, overview.stats
    return (
        overview.source.name,
        overview.condition,
        _answer(overview),
        _when(overview.next_poll),
        overview.why,
        *map(str, (state.fresh, state.unchanged, state.limited, state.failed)),
        size(state.bytes_received),
        size(state.bytes_saved),
        str(given.reports),
        str(given.stories),
        _percent(overview.told_share),
        "; ".join(overview.troubles),
    )


def _print_page(overview: SourceStatus) -> None:
    from rich.text import Text

    page = table("", "")
    page.show_header = False
    for name, said in _lines(overview):
        page.add_row(Text(name, style="dim"), Text(on_one_line(said), overflow="fold"))
    lay_out(Text(on_one_line(f"{overview.source.name}: {overview.condition}"), style="bold"), page)


def _lines(overview: SourceStatus) -> Iterator[tuple[str, str]]:
    """All that there is to say of a source, each line with its name."""
    state, given = overview.state, overview.stats
    yield "address", without_secrets(overview.source.address)
    if overview.moved_to:
        yield "moved to", f"{overview.moved_to} (change the address in the configuration)"
    yield "last answer", _answer(overview) or "never polled"
    yield "last good one", _when(state.succeeded) or "never"
    yield "last new report", _when(state.gained) or "never"
    yield "next poll", f"{_when(overview.next_poll) or 'none'}: {overview.why}"
    if asked := _asks(overview):
        yield "the feed asks", asked
    yield (
        "answers",
        f"{state.fresh} × 200, {state.unchanged} × 304, {state.limited} × 429, {state.failed} failed; "
        f"{counted(state.polls, 'poll')}",
    )
    yield "bytes", f"{size(state.bytes_received)} received, {size(state.bytes_saved)} saved by 304 and 226"
    gave = f"{counted(given.reports, 'report')} in {counted(given.stories, 'story', 'stories')}"
    told = f"; {given.told} of them ({_percent(overview.told_share)}) told by others before"
    yield "gave", gave + (told if given.reports else "")
    yield "silence", str(overview.silence) if overview.silence else "not unusual"
    if state.error:
        yield "what failed", state.error
        yield "what to do", state.hint or "nothing; it is tried again"


def _asks(overview: SourceStatus) -> str:
    """What the last body asked of its pollers."""
    state, parts = overview.state, []
    if state.ttl:
        parts.append(f"{state.ttl} min between polls")
    if state.skip_hours:
        hours = ", ".join(str(hour) for hour in range(24) if state.skip_hours >> hour & 1)
        parts.append(f"no poll in the hours {hours} (GMT)")
    if state.skip_days:
        days = ", ".join(day for number, day in enumerate(_DAYS) if state.skip_days >> number & 1)
        parts.append(f"no poll on {days} (GMT)")
    return "; ".join(parts)


def _answer(overview: SourceStatus) -> str:
    """When it was polled last, and what came."""
    state = overview.state
    if state.polled is None:
        return ""
    came = str(state.status) if state.status else ("failed" if state.error else "read")
    return f"{_when(state.polled)} {came}"


def _when(moment: datetime | None) -> str:
    return f"{moment:{_MINUTE}}" if moment else ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def size(count: int) -> str:
    """A number of bytes as people say it: ``1.2 MB``."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 and unit != "B" else f"{amount:.0f} {unit}"


COMMANDS = (sources, pause, resume)
