"""How fast stories are read from a large database, by twenty clients, while reports are written.

::

    python -m benchmarks.reading                 # 100,000 reports in 40,000 stories; three minutes
    python -m benchmarks.reading --reports 10000 --seconds 10

The stories are made up, their words drawn by Zipf's law. A process of its own serves them and takes further
reports in all the while, as the service does. Each client asks for one address, reads for two seconds on
average, and asks for the next, in an order that is drawn for it; a line says of each kind of address what the
median waited, and the slowest hundredth. At last one client asks without a pause: what an answer costs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from subprocess import PIPE

import aiohttp

from aggregator.model import Report
from aggregator.serve import api, feeds, greader, pages, pictures, site, visitors
from aggregator.settings import Dedup, Serve, Settings
from aggregator.stories.ingest import ingest
from aggregator.stories.linker import Linker
from storage import reports, stories
from storage.database import Database

NOW = datetime(2060, 1, 15, tzinfo=UTC)
WORDS = [f"{first}{second}" for first in "bdfgklmnprst" for second in range(2000)]
SIZES = [(25, 1), (8, 2), (4, 4), (2.5, 8), (0.5, 46)]  # of 40 stories so many have so many reports
WRITTEN = 5  # reports a second that come in meanwhile
ALL = "user/-/state/com.google/reading-list"
ADDRESSES = {
    "front page": lambda draw, _: "/" if draw.random() < 0.5 else "/?order=time",
    "unread": lambda _, __: "/?show=unread",
    "story": lambda draw, most: f"/stories/{draw.randint(1, most)}",
    "search": lambda draw, _: f"/?q={draw.choice(WORDS[:4000])}",
    "feed of a search": lambda draw, _: f"/feeds/query.json?q={draw.choice(WORDS[:4000])}",
    "greader stream": lambda _, __: "/reader/api/0/stream/contents/user/-/state/com.google/reading-list?n=20",
    "greader ids": lambda _, __: (
        "/reader/api/0/stream/items/ids?s=user/-/state/com.google/reading-list&n=1000"
    ),
    "API list": lambda _, __: "/api/v1/stories?limit=25",
    "API story": lambda draw, most: f"/api/v1/stories/{draw.randint(1, most)}",
    "sources": lambda _, __: "/sources",
}


def made(draw: random.Random, number: int, at: datetime) -> Report:
    """A report of words as common as words are."""
    words = [WORDS[min(int(draw.paretovariate(0.6)), len(WORDS) - 1)] for _ in range(45)]
    publisher = f"Paper {draw.randrange(300)}"
    return Report(
        source=f"Source {draw.randrange(200)}",
        publisher=publisher,
        title=" ".join(words[:8]).capitalize(),
        text=" ".join(words[8:]),
        language="en",
        published=at,
        dated=True,
        seen=at,
        url=f"https://paper.example/{number}",
        tags=(f"tag {draw.randrange(30)}",),
        keys=(f"guid:{number}",),
    )


def sizes(draw: random.Random, total: int) -> Iterator[int]:
    """How many reports each story has."""
    weights, counts = zip(*SIZES, strict=True)
    while total > 0:
        (size,) = draw.choices(counts, weights)
        yield min(size, total)
        total -= size


def fill(database: Database, total: int) -> int:
    """Made-up stories, straight into the tables; how many."""
    draw, number, told = random.Random(1), 0, list(sizes(random.Random(2), total))
    for start in range(0, len(told), 500):
        with database.writing() as tx:
            for place, size in enumerate(told[start : start + 500], start):
                at = NOW - timedelta(seconds=20 * (len(told) - place))
                found = [made(draw, number + n, at + timedelta(seconds=n)) for n in range(size)]
                number += size
                ids = reports.add(tx, found)
                story = stories.found(tx, title=found[0].title, best=ids[0], now=at)
                evidence = {"layer": "story", "score": 0.9, "bar": 0.7}
                stories.join(tx, [stories.NewMembership(story, i, i, evidence, at) for i in ids])
    return len(told)


async def serve(url: str) -> None:
    """The service's side, in a process of its own, until its input ends."""
    database = Database(url)
    sources = [{"name": f"Source {n}", "url": f"https://s{n}.example/"} for n in range(200)]
    settings = Settings.model_validate({"database": url, "sources": sources})
    who = visitors.Visitors(database, _now)
    shown = pictures.Pictures(database, settings.fetch, "none")
    desk = pages.Desk(database, lambda: settings, _now, who, shown)
    reader = greader.router(greader.Service(database, lambda: settings, who, _now))
    routers = [feeds.router(desk), pages.router(desk), reader]
    async with site.listening(Serve(port=0), routers, {api.PREFIX: api.application(desk)}) as (address,):
        print(address, flush=True)
        stopping = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        linker, draw, number = Linker(Dedup()), random.Random(3), 10**8
        while not stopping.done():
            found = [made(draw, number + n, NOW) for n in range(WRITTEN)]
            number += WRITTEN
            await asyncio.to_thread(_take, database, linker, found)
            await asyncio.sleep(1)
    print(_peak())
    database.close()


def _take(database: Database, linker: Linker, found: list[Report]) -> None:
    with database.writing() as tx:
        ingest(tx, linker, found, NOW)


def _now() -> datetime:
    return NOW


def _peak() -> int:
    """The most memory that this process had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def asked(
    address: str, most: int, clients: int, seconds: float, reads: float
) -> dict[str, list[float]]:
    """Seconds that each answer took, by kind of address; a client reads for so long in between."""
    waited: defaultdict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds

    async def client(number: int, session: aiohttp.ClientSession) -> None:
        draw = random.Random(number)
        while time.monotonic() < end:
            kind = draw.choice(list(ADDRESSES))
            began = time.monotonic()
            async with session.get(address + ADDRESSES[kind](draw, most)) as answer:
                await answer.read()
            assert answer.status == 200, (kind, answer.status)
            waited[kind].append(time.monotonic() - began)
            await asyncio.sleep(draw.expovariate(1 / reads) if reads else 0)

    fields = {"Authorization": "GoogleLogin auth=anybody", "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(headers=fields) as session:
        for path in ADDRESSES.values():  # what is made at the first look is made
            await (await session.get(address + path(random.Random(0), most))).read()
        await asyncio.gather(*(client(number, session) for number in range(clients)))
    return waited


def table(clients: int, waited: dict[str, list[float]], seconds: float) -> str:
    """A line a kind of address."""
    rate = sum(map(len, waited.values())) / seconds
    lines = [f"{clients} client{'s' * (clients > 1)}: {rate:.0f} answers a second"]
    for kind, took in sorted(waited.items()):
        last = sorted(took)[min(int(len(took) * 0.99), len(took) - 1)] * 1e3
        median = statistics.median(took) * 1e3
        lines.append(f"  {kind:18} {len(took):6} answers  median {median:6.0f} ms  99 % {last:6.0f} ms")
    return "\n".join(lines)


def main() -> None:
    """Fill, serve, ask."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--reports", type=int, default=100_000)
    given.add_argument("--seconds", type=float, default=60.0)
    given.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = given.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/a.db"
        database = Database(url)
        most = fill(database, arguments.reports)
        database.close()
        print(f"{arguments.reports} reports in {most} stories, on {os.cpu_count()} cores")
        command = [sys.executable, "-m", "benchmarks.reading", "--serve", url]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            for clients, reads in ((20, 2.0), (1, 0.0)):
                waited = asyncio.run(asked(address, most, clients, arguments.seconds, reads))
                print(table(clients, waited, arguments.seconds))
            process.stdin.close()
            print(f"memory of the service: {process.stdout.read().strip()} MB at the most")


if __name__ == "__main__":
    main()
