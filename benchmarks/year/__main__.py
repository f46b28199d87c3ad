"""Whether memory and database stay flat: a stream through feeds and folders for a virtual year.

::

    python -m benchmarks.year ../shared/corpora/stream_2020_2021.jsonl.xz

The items come in their own order, evenly over the year, half of their sources by HTTP and half by drop
folder. All is as in the service (fetching on loopback, the contained parser, linking, publishing, forgetting)
but for the clock, which is an argument, and for the waits between polls: every source is polled once a day.
Old things go early here, so that by the end of the second month as much goes as comes. Exit status 1 if the
end is more than a tenth away from that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import lzma
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.settings import Settings
from storage import reports, stories
from storage.database import Database

BEGINNING = datetime(2060, 1, 1, tzinfo=UTC)  # later than any real clock
DAY = timedelta(days=1)
RETENTION = {"texts": "21d", "stories": "35d"}
SHOWN = 100  # items of a feed
SETTLED = 60  # days
TOLERANCE = 0.1

Item = dict[str, Any]


class Newspapers:
    """The sources, with the items that they have shown until today."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pages: dict[str, deque[Item]] = defaultdict(lambda: deque(maxlen=SHOWN))

    def print(self, day: int, items: list[Item], feeds: set[str]) -> None:
        """Show the items of a day, on a page or as a file."""
        files: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            (self._pages if item["source"] in feeds else files)[item["source"]].append(item)
        for name, found in files.items():
            lines = "".join(json.dumps(item) + "\n" for item in found)
            (self.folder / name / f"{day}.jsonl").write_text(lines, "utf-8")

    async def page(self, request: web.Request) -> web.Response:
        """A feed as it is today."""
        rss = ET.Element("rss", version="2.0")
        channel = ET.SubElement(rss, "channel")
        ET.SubElement(channel, "title").text = request.match_info["name"]
        for item in reversed(self._pages[request.match_info["name"]]):
            entry = ET.SubElement(channel, "item")
            for name, text in (
                ("title", item["title"]),
                ("description", item["text"]),
                ("link", item["url"]),
                ("guid", item["id"]),
                ("pubDate", format_datetime(datetime.fromisoformat(item["published"]))),
            ):
                ET.SubElement(entry, name).text = text
        return web.Response(body=ET.tostring(rss), content_type="application/rss+xml")


def days(file: Path, length: int, most: int | None) -> Iterator[list[Item]]:
    """The items of each virtual day."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        total = sum(1 for _ in lines)
    a_day = (min(total, most) if most else total) / length
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        today: list[Item] = []
        day = 0
        for number, line in enumerate(lines):
            if number >= (day + 1) * a_day:
                yield today
                today, day = [], day + 1
                if day == length:
                    return
            item = json.loads(line)
            moment = BEGINNING + (number / a_day) * DAY
            own = ("id", "title", "text", "source", "url")
            today.append({name: item[name] for name in own} | {"published": moment.isoformat()})
        yield today


def names(file: Path) -> list[str]:
    """Every source of the stream, the busiest first."""
    counts: dict[str, int] = defaultdict(int)
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            counts[json.loads(line)["source"]] += 1
    return sorted(counts, key=lambda name: -counts[name])


def settings(folder: Path, feeds: set[str], every: list[str], origin: str) -> Settings:
    """A configuration of all sources; the folders are made."""
    sources: list[dict[str, Any]] = []
    for name in every:
        if name in feeds:
            sources.append({"name": name, "url": f"{origin}/{name}", "allow_private": True})
        else:
            (folder / name).mkdir()
            sources.append({"name": name, "folder": folder / name})
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder}/year.db",
            "sources": sources,
            "fetch": {"host_spacing": "0s"},
            "folders": {"settle": "0s"},
            "publish": {"directory": folder / "feeds"},
            "retention": RETENTION,
        }
    )


def memory() -> int:
    """Bytes in memory of this process and of its parser."""
    own = Path("/proc/self")
    children = [
        Path("/proc", each) for file in own.glob("task/*/children") for each in file.read_text().split()
    ]
    return sum(
        int((each / "status").read_text("ascii").split("VmRSS:")[1].split()[0]) * 1024
        for each in (own, *children)
    )


class Year:
    """The virtual year: a pipeline, its clock, and what was measured at each day's end."""

    def __init__(self, configured: Settings, newspapers: Newspapers, feeds: set[str]) -> None:
        self.settings = configured
        self.newspapers = newspapers
        self.feeds = feeds
        self.now = BEGINNING
        self.measured: list[dict[str, int]] = []

    async def live(self, every_day: Iterator[list[Item]]) -> None:
        """Through all its days."""
        database = Database(self.settings.database)
        async with Fetcher(self.settings.fetch, "year") as fetcher, Parser(self.settings.parse) as parser:
            pipeline = Pipeline(self.settings, database, fetcher, parser, lambda: self.now)
            for day, items in enumerate(every_day):
                await asyncio.to_thread(self.newspapers.print, day, items, self.feeds)
                self.now = BEGINNING + (day + 1) * DAY
                await self._day(pipeline)
                self._measure(database, day)
        database.close()

    async def _day(self, pipeline: Pipeline) -> None:
        for source in self.settings.sources:
            polled = await pipeline.poll(source)
            if polled.error or polled.refused:
                raise RuntimeError(f"{source.name}: {polled}")
        await pipeline.publish()
        await pipeline.prune()
        for done in self.newspapers.folder.glob("*/done/*"):
            done.unlink()

    def _measure(self, database: Database, day: int) -> None:
        with database.reading() as tx:
            counts = {"reports": reports.count(tx), "stories": len(stories.recent(tx))}
        self.measured.append({"day": day + 1, "memory": memory(), "database": database.size()} | counts)
        if (day + 1) % 10 == 0:
            print(_line(self.measured[-1]), flush=True)


def _line(at: dict[str, int]) -> str:
    return (
        f"day {at['day']:4}: memory {at['memory'] / 2**20:6.1f} MiB, "
        f"database {at['database'] / 2**20:6.1f} MiB, {at['reports']:6} reports in {at['stories']:6} stories"
    )


def mean(measured: list[dict[str, int]], name: str, end: int) -> float:
    """Over the ten days before the end of a day: a week-end is no leak."""
    found = [each[name] for each in measured[max(end - 10, 0) : end]]
    return sum(found) / len(found)


async def run(file: Path, length: int, most: int | None) -> bool:
    """Live through the year and say whether it stayed flat."""
    every = names(file)
    feeds = set(every[::2])
    with tempfile.TemporaryDirectory() as place:
        newspapers = Newspapers(Path(place))
        app = web.Application()
        app.add_routes([web.get("/{name}", newspapers.page)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        year = Year(settings(Path(place), feeds, every, origin), newspapers, feeds)
        began = time.monotonic()
        await year.live(days(file, length, most))
        await runner.cleanup()
    print(f"{length} days in {time.monotonic() - began:.0f} s")
    flat = True
    for name in ("memory", "database"):
        early, late = mean(year.measured, name, SETTLED), mean(year.measured, name, length)
        change = late / early - 1
        flat = flat and abs(change) <= TOLERANCE
        sizes = f"{early / 2**20:.1f} MiB after {SETTLED} days, {late / 2**20:.1f} MiB at the end"
        print(f"{name}: {sizes}: {change:+.1%}")
    return flat


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="items as JSON lines, compressed by xz")
    parser.add_argument("--days", type=int, default=365, help="length of the year")
    parser.add_argument("--most", type=int, help="take only so many items, spread over the whole of it")
    given = parser.parse_args()
    if given.days <= SETTLED:
        parser.error(f"the first {SETTLED} days are what the end is compared with")
    raise SystemExit(not asyncio.run(run(given.file, given.days, given.most)))


if __name__ == "__main__":
    main()
