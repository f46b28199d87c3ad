"""A thousand publishers in one process: each loopback address is the host of one feed of its own.

Of four feeds one answers 304 in the second round, one sends the same body again without validators, and two
have one entry more. `python -m benchmarks.polite.origin FEEDS ENTRIES LATENCY` prints its port and serves
until its standard input ends; a line there begins the second round. In that each answer takes
LATENCY seconds, as one does from a publisher who is not in the same machine.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from wordfreq import top_n_list

NOW = datetime.now(UTC)
_WORDS = [word for word in top_n_list("en", 30_000) if word.isalpha() and len(word) > 2]


def address(number: int) -> str:
    """The host of a feed: 127.1.0.1 and on."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def feed(number: int, entries: int, *, later: bool = False) -> bytes:
    """A feed of unrelated entries; with one more on top in the second round."""
    shown = range(entries, -1, -1) if later else range(entries - 1, -1, -1)
    items = "".join(_item(number, entry) for entry in shown)
    head = f"<title>Gazette {number}</title><link>http://{address(number)}/</link>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


def _item(number: int, entry: int) -> str:
    chance = random.Random(number * 10_000 + entry)
    when = format_datetime(NOW - timedelta(minutes=60 * (40 - entry) + number % 60))
    title = " ".join(chance.sample(_WORDS, 8)).capitalize()
    text = ". ".join(" ".join(chance.sample(_WORDS, 15)).capitalize() for _ in range(4))
    link = f"http://{address(number)}/{entry}"
    return (
        f"<item><guid>{link}</guid><link>{link}</link><title>{title}</title><pubDate>{when}</pubDate>"
        f"<description>&lt;p&gt;{text}.&lt;/p&gt;</description></item>"
    )


class Origin:
    """Answers by the address that was asked for."""

    def __init__(self, feeds: int, entries: int, latency: float) -> None:
        self.latency = latency
        self.bodies = {address(number): feed(number, entries) for number in range(feeds)}
        self.kind = {address(number): number % 4 for number in range(feeds)}
        changed = (number for number in range(feeds) if number % 4 > 1)
        self.later = {address(number): feed(number, entries, later=True) for number in changed}
        self.round = 1

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request after the other, as long as the client keeps the connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                if self.round == 2:
                    await asyncio.sleep(self.latency)
                writer.write(self._said(writer.get_extra_info("sockname")[0], head))
                await writer.drain()
                if "connection: close" in head:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough, between two requests or in one: that is its right
        writer.close()

    def _said(self, host: str, head: str) -> bytes:
        kind = self.kind[host]
        body = self.later.get(host, self.bodies[host]) if self.round == 2 else self.bodies[host]
        tag = "" if kind == 1 else f'ETag: "{host}-{self.round if kind > 1 else 1}"\r\n'
        if tag and tag.split()[1].lower() in head:
            return f"HTTP/1.1 304 Not Modified\r\n{tag}\r\n".encode()
        said = f"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n"
        return f"{said}{tag}\r\n".encode() + body


async def serve(feeds: int, entries: int, latency: float) -> None:
    """Serve until standard input ends."""
    origin = Origin(feeds, entries, latency)
    server = await asyncio.start_server(origin.answer, "0.0.0.0", 0, backlog=1000)  # all of 127.0.0.0/8
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        origin.round = int(line)
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
