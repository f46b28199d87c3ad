"""Sandbox for parsers: a process under limits that lives from body to body, and whose death costs one.

A parser of foreign bytes may loop, take all memory or crash. In a process of its own it has bounds of time
and of memory, and sees no secret: not the environment, not the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aggregator.errors import ParseError
from aggregator.model import Parsed
from aggregator.parse import sandbox_protocol

if TYPE_CHECKING:
    from aggregator.settings import Parsing

_MODULE = "aggregator.parse.sandbox_worker"
_STARTING = 30.0  # seconds for a start, which takes 0.2 on an idle machine
_DYING = 5.0  # seconds from the end of its pipe to the end of a process
_MOST_BODIES = 1000  # for one process: what its libraries never give back would add up over the years
_REPORT = "please report it, with the body"


class Parser:
    """Parser processes, started when they are needed.

    ::

        async with Parser(settings.parse) as parser:
            parsed = await parser.parse(body, "feed", url=answer.url)

    Args:
        parsing: bounds of time and memory, and how much is taken from a body.
        workers: processes at most; calls beyond wait for one.
    """

    def __init__(self, parsing: Parsing, *, workers: int = 1) -> None:
        self._parsing = parsing
        self._children = [_Child(parsing) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[_Child] = asyncio.LifoQueue()
        for child in self._children:
            self._idle.put_nowait(child)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            await child.stop()

    async def parse(
        self, body: bytes, kind: str, *, url: str | None = None, content_type: str | None = None
    ) -> Parsed:
        """Entries from foreign bytes.

        Args:
            body: the decoded body of an answer, or the content of a file.
            kind: ``feed`` or another one that `parse.parse_here` knows, or the suffix of a file (``.txt``).
            url: where it came from; relative links start there.
            content_type: the ``Content-Type`` field that came with it.

        Raises:
            ParseError: nothing could be made of it, or not within the bounds.
        """
        header = {
            "kind": kind,
            "url": url,
            "content_type": content_type,
            "size": len(body),
            "cpu_seconds": self._parsing.cpu_seconds,
            "limits": {
                "entries": self._parsing.max_entries,
                "text": self._parsing.max_text,
                "title": self._parsing.max_title,
            },
        }
        child = await self._idle.get()
        try:
            return await child.ask(sandbox_protocol.frame(header), body)
        finally:
            self._idle.put_nowait(child)


class _Child:
    """One parser process, or none yet."""

    def __init__(self, parsing: Parsing) -> None:
        self._parsing = parsing
        self._process: Process | None = None
        self._left = 0  # bodies

    async def ask(self, header: bytes, body: bytes) -> Parsed:
        """What one request gave. After anything unforeseen the process is gone; the next call starts one."""
        fit = False
        if self._process is None:
            self._process, self._left = await _start(self._parsing.memory), _MOST_BODIES
        process = self._process
        self._left -= 1
        try:
            async with asyncio.timeout(self._parsing.wall_seconds):
                reply = await _exchange(process, header + body)
            fit = "memory" not in reply
            return _unpacked(reply, self._parsing)
        except TimeoutError:
            raise _refusal(f"{self._parsing.wall_seconds:g} s", "parse.wall_seconds") from None
        except (OSError, asyncio.IncompleteReadError):
            raise _death(await _ended(process), self._parsing) from None
        finally:
            if not fit or not self._left:
                await self.stop()

    async def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    # Reads what is left in the pipe and waits: no transport stays behind.
    await process.communicate()


async def _ended(process: Process) -> int:
    """The exit status of a process that hung up; it is killed only where it lives on."""
    # `kill` would reap it, and asyncio would not learn the status.
    with suppress(TimeoutError):
        async with asyncio.timeout(_DYING):
            return await process.wait()
    await _end(process)
    return process.returncode or 0


async def _start(memory: int) -> Process:
    """A parser process that is ready."""
    try:
        process = await _spawn(memory)
    except OSError as error:
        raise _no_start(str(error), memory) from error
    try:
        async with asyncio.timeout(_STARTING):
            await _receive(process)
    except (TimeoutError, asyncio.IncompleteReadError):
        raise _no_start(f"exit status {await _ended(process)}", memory) from None
    except BaseException:
        await _end(process)
        raise
    return process


async def _spawn(memory: int) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _MODULE, str(memory)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_environment(),
        cwd="/",
        start_new_session=True,  # a Ctrl-C at the terminal is for the service alone
    )


def _environment() -> dict[str, str]:
    """The modules that this process finds, in the same order, and nothing else of its world."""
    return {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path)}


async def _exchange(process: Process, request: bytes) -> dict[str, Any]:
    assert process.stdin is not None  # noqa: S101 - for mypy; it was started with a pipe
    process.stdin.write(request)
    await process.stdin.drain()
    return await _receive(process)


async def _receive(process: Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - as above
    length = int.from_bytes(await process.stdout.readexactly(sandbox_protocol.LENGTH), "big")
    if length > sandbox_protocol.MAX_REPLY:
        raise ParseError("the parser process answers with more than it may", hint=_REPORT)
    reply: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
    return reply


def _unpacked(reply: dict[str, Any], parsing: Parsing) -> Parsed:
    if "parsed" in reply:
        return sandbox_protocol.unpack(reply["parsed"])
    if "error" in reply:
        raise ParseError(reply["error"], hint=reply["hint"])
    raise _refusal(f"{parsing.memory // 2**20} MiB of memory", "parse.memory")


def _no_start(why: str, memory: int) -> ParseError:
    return ParseError(
        f"the parser process does not start ({why})",
        hint=f"see why: {sys.executable} -m {_MODULE} {memory}; parse.memory may be too small",
    )


def _death(status: int, parsing: Parsing) -> ParseError:
    if status == -signal.SIGPROF:
        return _refusal(f"{parsing.cpu_seconds:g} s of processor time", "parse.cpu_seconds")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return ParseError(f"the parser process died over it ({how})", hint=_REPORT)


def _refusal(bound: str, setting: str) -> ParseError:
    return ParseError(
        f"parsing it takes more than {bound}",
        hint=f"it is broken, hostile, or larger than {setting} allows for",
    )
