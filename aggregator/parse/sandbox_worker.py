"""The parser process: bytes come in by a pipe, entries go out by another, until the pipe ends.

Started by `sandbox`. What a parser may do to its process it does to this one. Each request has a bound of
processor time, at which the system kills the process; the process as a whole has one of memory.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any, BinaryIO

from aggregator.errors import ParseError
from aggregator.parse import sandbox_protocol
from aggregator.parse.dispatch import parse_here
from aggregator.parse.entry_fields import Limits

_LEAST_ROOM = 16 * 2**20


def main() -> None:
    """Serve requests until standard input ends: also when the service that started this died."""
    # The service stops this process by the pipe, whoever signals the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    _warm_up()
    _confine(int(sys.argv[1]))
    _send(sink, sandbox_protocol.frame({"ready": True}))
    while length := source.read(sandbox_protocol.LENGTH):
        header = json.loads(source.read(int.from_bytes(length, "big")))
        try:
            reply = _reply(header, source)
        except MemoryError:
            # What is left of the heap after that is nothing to work with.
            _send(sink, sandbox_protocol.frame({"memory": True}))
            return
        _send(sink, reply)


def _warm_up() -> None:
    """Have everything loaded that is loaded late: once confined, a module that cannot be read is a riddle."""
    for kind, body in (("feed", b"<rss><item><title>x</title></item></rss>"), (".eml", b"Subject: x\n\nx")):
        parse_here(body, kind, limits=Limits(entries=1, text=1, title=1))


def _confine(memory: int) -> None:
    """No more memory than this (bytes), no file written, no core dumped."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bytearray(_LEAST_ROOM)  # fails here and now where the bound leaves nothing to work with


def _reply(header: dict[str, Any], source: BinaryIO) -> bytes:
    body = source.read(header["size"])
    signal.setitimer(signal.ITIMER_PROF, header["cpu_seconds"])
    try:
        reply = sandbox_protocol.frame(_answer(header, body))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if len(reply) > sandbox_protocol.MAX_REPLY:
        return sandbox_protocol.frame(
            {"error": "more text in it than anybody can read", "hint": "lower parse.max_entries"}
        )
    return reply


def _answer(header: dict[str, Any], body: bytes) -> dict[str, Any]:
    try:
        parsed = parse_here(
            body,
            header["kind"],
            limits=Limits(**header["limits"]),
            url=header["url"],
            content_type=header["content_type"],
        )
    except ParseError as error:
        return {"error": error.message, "hint": error.hint}
    return {"parsed": sandbox_protocol.pack(parsed)}


def _send(sink: BinaryIO, data: bytes) -> None:
    sink.write(data)
    sink.flush()


if __name__ == "__main__":
    main()
