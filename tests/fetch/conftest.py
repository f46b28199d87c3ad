"""A real HTTP server that says what it is told to, a fetcher with small limits, and a drop folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from dropped import OLD, Put

from aggregator.fetch.dns import answer
from aggregator.fetch.fetcher import Fetcher
from aggregator.settings import Fetching

TLS_HANDSHAKE = b"\x16"
NOBODY = 65534  # a user who owns nothing
Script = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A running server: where it is, and the head of each request that it read."""

    host: str
    port: int
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/feed.xml"

    def fields(self, request: int = -1) -> dict[str, str]:
        """The fields of a request, names in lower case."""
        lines = self.requests[request].split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}


@asynccontextmanager
async def _serve(
    *scripts: Script, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Answers the nth request with the nth script, and all later ones with the last."""
    server = Server(host, port)
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handlers.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readexactly(1)
            if head != TLS_HANDSHAKE:
                head += await reader.readuntil(b"\r\n\r\n")
            server.requests.append(head.decode("utf-8", "surrogateescape"))
            script = scripts[min(len(server.requests), len(scripts)) - 1]
            if isinstance(script, bytes):
                writer.write(script)
                await writer.drain()
            else:
                await script(reader, writer)
        writer.close()

    listener = await asyncio.start_server(handle, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


Serve = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Starts a server: of each script bytes are sent and the connection closed; a function talks itself."""
    return _serve


class Names(AbstractResolver):
    """A resolver with a script: each lookup takes the next answer, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [answer(host, address, port, family) for address in found]

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture(scope="session")
def names() -> type[Names]:
    """The class `Names`."""
    return Names


@pytest.fixture(scope="session")
def fetcher() -> Callable[..., Fetcher]:
    """Makes a fetcher; limits may be given as for the settings."""

    def make(
        *, resolver: AbstractResolver | None = None, host_queue: object = None, **limits: object
    ) -> Fetcher:
        small: dict[str, object] = {
            "connect_timeout": timedelta(seconds=1),
            "first_byte_timeout": timedelta(seconds=0.4),
            "timeout": timedelta(seconds=0.8),
            "max_wire_bytes": 1_000_000,
            "max_body_bytes": 1_000_000,
            "host_spacing": timedelta(0),
        }
        fetching = Fetching.model_validate(small | limits)
        return Fetcher(fetching, "1.2.3", resolver=resolver, host_queue=host_queue)  # type: ignore[arg-type]  # a fixture's door

    return make


# ---- a drop folder ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty drop folder."""
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def put(folder: Path) -> Put:
    """Drops a file that has settled."""

    def dropper(name: str, body: bytes = b"A fire in Leeds.", modified: datetime = OLD) -> Path:
        path = folder / name
        path.write_bytes(body)
        os.utime(path, (modified.timestamp(),) * 2)
        return path

    return dropper


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder of an ordinary user, who runs the test: permissions count, even under root."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        if not os.access(tempfile.gettempdir(), os.W_OK, effective_ids=True):
            pytest.skip("an ordinary user cannot write in the folder for temporary files")
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
            Path(name).chmod(0o755)
    finally:
        if was_root:
            os.seteuid(0)
