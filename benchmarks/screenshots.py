"""Screenshots of the pages, for the README: two days of an archive of real feeds, on a virtual clock.

``python -m benchmarks.screenshots ../shared/replay/replay.py docs/images`` needs what
``pip install -e '.[dev]'`` brings, and a Chromium at ``/usr/bin/chromium`` or where ``CHROMIUM`` says.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from aggregator import __version__
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.serve import api, feeds, pages, pictures, site, visitors
from aggregator.settings import Serve, Settings
from benchmarks.polite.days import STEP, Clock
from benchmarks.polite.replay import START, Replay, replay
from storage import stories
from storage.database import Database

DAYS = timedelta(days=2)
SHOTS = (
    ("front", "/", 1000, 760),
    ("story", "/stories/{story}", 1000, 1000),
    ("sources", "/sources", 1000, 700),
)
PHONE = ("phone", "/", 390, 780)


async def taken_in(server: Replay, settings: Settings, database: Database, clock: Clock) -> None:
    """Poll for two days as the service does: with a second look after each round."""
    async with Fetcher(settings.fetch, __version__) as fetcher, Parser(settings.parse) as parser:
        pipeline = Pipeline(settings, database, fetcher, parser, clock)
        while clock.now < START + DAYS:
            await asyncio.gather(*map(pipeline.poll, pipeline.waiting()))
            await pipeline.look_again()
            wait = pipeline.next_wait() or STEP
            clock.set(clock.now + max(wait, timedelta(seconds=1)))


async def taken_shots(settings: Settings, database: Database, clock: Clock, folder: Path) -> None:
    """Serve the stories as they are then, and take a picture of each page."""
    with database.reading() as tx:
        told = stories.load(tx, stories.recent(tx), database.uuid, whole=False)
    chosen = max(told, key=lambda story: (len(story.publishers), story.voices))
    who = visitors.Visitors(database, clock)
    shown = pictures.Pictures(database, settings.fetch, "none")
    desk = pages.Desk(database, lambda: settings, clock, who, shown)
    routers, mounted = [feeds.router(desk), pages.router(desk)], {api.PREFIX: api.application(desk)}
    async with (
        site.listening(Serve(port=0), routers, mounted) as (address,),
        async_playwright() as playwright,
    ):
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, path, width, height in (*SHOTS, PHONE):
            url = address + path.format(story=chosen.id)
            await _shot(browser, url, {"width": width, "height": height}, folder / f"{name}.png")
        await browser.close()


async def _shot(browser: Browser, url: str, size: Any, file: Path) -> None:
    page = await browser.new_page(viewport=size)
    await page.goto(url)
    await page.screenshot(path=file)
    await page.close()


def main() -> None:
    """Play, serve, look."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("program", type=Path, help="the server of the archive")
    given.add_argument("folder", type=Path, help="where the pictures go")
    arguments = given.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, replay(arguments.program) as server:
        names = {url: url.rpartition("/")[2].removesuffix(".xml") for url in server.feeds}
        settings = Settings.model_validate(
            {
                "database": f"sqlite:///{work}/a.db",
                "sources": [
                    {"name": name, "publisher": name, "url": url, "allow_private": True}
                    for url, name in names.items()
                ],
                "fetch": {"host_spacing": 0},
                "publish": {"directory": f"{work}/feeds"},
            }
        )
        clock, database = Clock(server), Database(settings.database)
        asyncio.run(taken_in(server, settings, database, clock))
        asyncio.run(taken_shots(settings, database, clock, arguments.folder))
        database.close()


if __name__ == "__main__":
    main()
