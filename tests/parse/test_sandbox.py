"""The parser process: whatever a body does to it costs that body, and the next one is parsed."""

import asyncio
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import ParseError
from aggregator.model import Entry, Parsed
from aggregator.parse import sandbox, sandbox_protocol
from aggregator.parse.sandbox import Parser
from aggregator.settings import Parsing

GOOD = b"<rss version='2.0'><channel><title>t</title><item><title>one</title></item></channel></rss>"
# feedparser looks for an address in it, with a pattern that takes quadratic time.
SLOW = b"<rss version='2.0'><channel><item><author>" + b"a" * 65_536 + b"</author></item></channel></rss>"
HUNGRY = b"[" + b"[]," * 1_500_000 + b"[]]"


def run(work: Callable[[Parser], Awaitable[Any]], *, workers: int = 1, **parsing: Any) -> Any:
    """What the work gives with a parser process of its own."""

    async def main() -> Any:
        async with Parser(Parsing(**parsing), workers=workers) as parser:
            return await work(parser)

    return asyncio.run(main())


async def error_of(parser: Parser, body: bytes, kind: str = "feed") -> ParseError:
    with pytest.raises(ParseError) as caught:
        await parser.parse(body, kind)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


async def is_well(parser: Parser) -> bool:
    return (await parser.parse(GOOD, "feed")).entries[0].title == "one"


def pid(parser: Parser) -> int:
    process = parser._children[0]._process
    assert process is not None
    return process.pid


def facts(parser: Parser, name: str) -> str:
    return Path(f"/proc/{pid(parser)}/{name}").read_text()


def open_files(parser: Parser) -> int:
    return len(list(Path(f"/proc/{pid(parser)}/fd").iterdir()))


def test_everything_comes_through_the_pipe() -> None:
    """Entries, feed, limits and errors of the process are those of the parser in it."""

    async def work(parser: Parser) -> None:
        body = (
            b"<rss version='2.0'><channel><title>t</title><ttl>5</ttl><skipHours><hour>3</hour></skipHours>"
            b"<item><title>Br\xfccke zu weit</title><link>/a</link><category>x</category></item>"
            b"<item><title>two</title></item></channel></rss>"
        )
        parsed = await parser.parse(
            body, "feed", url="https://x.example/feed", content_type="text/xml; charset=latin1"
        )
        assert parsed == Parsed(
            entries=(Entry(url="https://x.example/a", title="Brücke", tags=("x",)),),
            title="t",
            ttl=5,
            skip_hours=frozenset({3}),
            damaged="it has more than 1 entries; the rest was left out",
        )
        assert (await error_of(parser, b"<html>")).message == "an HTML page, not a feed"
        assert (await parser.parse(b"date 2024-01-02 Title\n\ntext", ".txt")).entries[0].text == "te"

    run(work, max_title=6, max_text=2, max_entries=1)


def test_one_process_serves_many_bodies() -> None:
    """The process lives on from body to body, and through errors."""

    async def work(parser: Parser) -> None:
        await parser.parse(GOOD, "feed")
        first = pid(parser)
        await error_of(parser, b"no feed")
        await asyncio.gather(*(parser.parse(GOOD, "feed") for _ in range(20)))
        assert pid(parser) == first

    run(work)


def test_a_process_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many bodies a new one takes its place; nobody notices."""
    monkeypatch.setattr(sandbox, "_MOST_BODIES", 2)

    async def work(parser: Parser) -> None:
        for _ in range(2):
            assert await is_well(parser)
            first = pid(parser)
            assert await is_well(parser)
            assert parser._children[0]._process is None
            with pytest.raises(ProcessLookupError):
                os.kill(first, 0)

    run(work)


def test_several_processes_share_the_work() -> None:
    """No two bodies are in one process at a time, and no more processes are started than allowed."""

    async def work(parser: Parser) -> None:
        found = await asyncio.gather(
            *(parser.parse(b"date 2024-01-02 T%d\n\nx" % n, ".txt") for n in range(30))
        )
        assert [parsed.entries[0].title for parsed in found] == [f"T{n}" for n in range(30)]
        pids = {child._process.pid for child in parser._children if child._process}
        assert len(pids) == 3

    run(work, workers=3)


def test_processor_time_is_bounded() -> None:
    """A body that takes too long is ended by the system; the next one is parsed."""

    async def work(parser: Parser) -> None:
        error = await error_of(parser, SLOW)
        assert error.message == "parsing it takes more than 0.4 s of processor time"
        assert "parse.cpu_seconds" in str(error.hint)
        assert await is_well(parser)

    started = time.monotonic()
    run(work, cpu_seconds=0.4, wall_seconds=20)
    assert time.monotonic() - started < 10


END = b"</title></item></channel></rss>"
HOSTILE = {
    "entities": (
        b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]><rss><channel><title>&a;</title></channel></rss>",
        "feed",
    ),
    "deep xml": (b"<rss><channel><item>" + b"<x>" * 100_000, "feed"),
    "deep json": (b'{"items": ' + b"[" * 100_000, "feed"),
    "deep html": (b"<div>" * 100_000 + b"x", ".html"),
    "deep html in a feed": (
        b"<rss><channel><item><title>" + b"&lt;div>" * 100_000 + b"</title></item>",
        "feed",
    ),
    "a million items": (b"<rss><channel>" + b"<item/>" * 1_000_000 + b"</channel></rss>", "feed"),
    "a million titles": (b"<rss><channel><item>" + b"<title>x</title>" * 500_000, "feed"),
    "megabyte title": (
        b"<rss><channel><item><title>" + b"A " * 500_000 + END,
        "feed",
    ),
    "style": (b"<rss><channel><item><title>&lt;p style='" + b"url(" * 30_000 + b"'>" + END, "feed"),
    "newlines": (b"\n" * 200_000 + b"<rss>" + b"\n" * 200_000 + b"<!DOCTYPE " + b"\n" * 200_000, "feed"),
    "ampersands": (b"<rss><channel><item><title>" + b"&" * 2_000_000, "feed"),
    "marks that combine": (("x\n\n" + "\u0301\u0316" * 300_000).encode(), ".txt"),
    "cdata": (b"<rss><channel><item><title>" + b"<![CDATA[" * 200_000, "feed"),
    "mail headers": (b"From: " + b"<" * 100_000 + b"\nSubject: " + b"=?utf-8?q?" * 20_000 + b"\n\nx", ".eml"),
    "markdown": (b"[" * 100_000 + b"](" * 100_000, ".md"),
}


def test_hostile_bodies() -> None:
    """Bodies that have stopped parsers for minutes are over soon, and the next one is parsed each time."""

    async def work(parser: Parser) -> None:
        for name, (body, kind) in HOSTILE.items():
            started = time.monotonic()
            found = await asyncio.gather(parser.parse(body, kind), return_exceptions=True)
            assert isinstance(found[0], Parsed | ParseError), name
            assert await is_well(parser), name
            assert time.monotonic() - started < 10, name

    run(work, cpu_seconds=0.2, wall_seconds=20)


def test_time_by_the_clock_is_bounded() -> None:
    """A process that neither answers nor works is ended; the next body is parsed."""

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        os.kill(pid(parser), signal.SIGSTOP)
        error = await error_of(parser, GOOD)
        assert error.message == "parsing it takes more than 0.8 s"
        assert await is_well(parser)

    run(work, wall_seconds=0.8)


def test_memory_is_bounded() -> None:
    """A body that needs too much memory is an error; the next one is parsed."""

    async def work(parser: Parser) -> None:
        error = await error_of(parser, HUNGRY, ".json")
        assert error.message == "parsing it takes more than 100 MiB of memory"
        assert await is_well(parser)

    run(work, memory=100 * 2**20)


def test_too_little_memory_to_start() -> None:
    """Where the process cannot even start the error says how to see why."""

    async def work(parser: Parser) -> None:
        error = await error_of(parser, GOOD)
        assert error.message == "the parser process does not start (exit status 1)"
        assert "-m aggregator.parse.sandbox_worker 1000" in str(error.hint)

    run(work, memory=1000)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_process_costs_one_body(sent: signal.Signals) -> None:
    """Death in the middle of a body is that body's error; the next one is parsed."""

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        parsing = asyncio.create_task(error_of(parser, SLOW))
        await asyncio.sleep(0.1)  # it works on it by now; if not, nothing else comes of it
        os.kill(pid(parser), sent)
        error = await parsing
        assert error.message == f"the parser process died over it (signal {sent.value})"
        assert await is_well(parser)

    run(work)


def test_a_process_that_died_between_bodies_is_replaced() -> None:
    """Death between two bodies costs one at most."""

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        os.kill(pid(parser), signal.SIGKILL)
        try:
            await parser.parse(GOOD, "feed")
        except ParseError:
            assert await is_well(parser)

    run(work)


def test_a_cancelled_parse_leaves_no_answer_behind() -> None:
    """After a cancelled call the next one gets its own answer, not the old one."""

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        parsing = asyncio.create_task(parser.parse(SLOW, "feed"))
        await asyncio.sleep(0.05)
        parsing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await parsing
        assert await is_well(parser)

    run(work)


def test_signals_to_the_process_do_not_end_it() -> None:
    """Ctrl-C and a stop of the whole group are for the service, which ends the process by its pipe."""

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        first = pid(parser)
        assert os.getsid(first) == first
        os.kill(first, signal.SIGINT)
        os.kill(first, signal.SIGTERM)
        assert await is_well(parser)
        assert pid(parser) == first

    run(work)


def test_the_process_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment only the path of the modules is handed on."""
    monkeypatch.setenv("AGGREGATOR_DATABASE", "postgresql://user:hunter2@db/x")

    async def work(parser: Parser) -> None:
        assert await is_well(parser)
        variables = [entry for entry in facts(parser, "environ").split("\0") if entry]
        assert [variable.partition("=")[0] for variable in variables] == ["PYTHONPATH"]
        limits = facts(parser, "limits")
        assert all(f"{name:<26}0 " in limits for name in ("Max core file size", "Max file size"))
        assert open_files(parser) == 3

    run(work)


def test_no_process_stays_behind() -> None:
    """After the parser is closed its processes are gone."""

    async def work(parser: Parser) -> int:
        assert await is_well(parser)
        return pid(parser)

    assert not Path(f"/proc/{run(work)}").exists()


SERVICE = """
import asyncio, os, sys
from aggregator.parse.sandbox import Parser
from aggregator.settings import Parsing

async def main():
    parser = Parser(Parsing())
    await parser.parse(b"date 2024-01-02 T\\n\\nx", ".txt")
    print(parser._children[0]._process.pid, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_the_process_dies_with_the_service() -> None:
    """Where the service is killed its parser process sees the end of the pipe and ends."""
    path = os.pathsep.join(part for part in sys.path if part)
    done = subprocess.run(
        [sys.executable, "-c", SERVICE],
        capture_output=True,
        env={"PYTHONPATH": path},
        cwd=Path(sandbox.__file__).parents[2],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with suppress(ProcessLookupError):
        child = os.pidfd_open(int(done.stdout))
        ended, _, _ = select.select([child], [], [], 10)
        os.close(child)
        assert ended


def test_messages_survive_the_wire() -> None:
    """What is packed and framed comes out the same."""
    parsed = Parsed(
        entries=(Entry(title="a\u2028\ud7ff", authors=("x", "y"), links=("z",)), Entry()),
        skip_days=frozenset({0, 6}),
        damaged="x",
    )
    framed = sandbox_protocol.frame({"parsed": sandbox_protocol.pack(parsed)})
    assert int.from_bytes(framed[: sandbox_protocol.LENGTH], "big") == len(framed) - sandbox_protocol.LENGTH
    assert sandbox_protocol.unpack(sandbox.json.loads(framed[sandbox_protocol.LENGTH :])["parsed"]) == parsed


def test_a_reply_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that answers with more than it may is not read to the end."""
    monkeypatch.setattr(sandbox_protocol, "MAX_REPLY", 100)

    async def work(parser: Parser) -> None:
        error = await error_of(parser, b"word " * 1000, ".txt")
        assert "more than it may" in error.message

    run(work)


def test_this_process_is_not_confined() -> None:
    """The bounds are the child's alone."""
    before = signal.getsignal(signal.SIGINT)  # ignored already, where a shell has put the tests aside
    run(is_well)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    assert signal.getsignal(signal.SIGINT) is before
