"""The life of the service: open everything, tick until told to stop, close everything.

What it is told while it runs is in `signals`. A stop commits what is being committed and gives up what is
being fetched; a reload keeps the database and all that is under way, and exchanges the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aggregator import __version__, log, metrics
from aggregator.display import counted
from aggregator.errors import ConfigurationError, StoreError, StoreTaken
from aggregator.fetch.fetcher import Fetcher
from aggregator.parse.sandbox import Parser
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.subscriber import Subscriber
from aggregator.schedule.host_queue import HostQueue
from aggregator.service import signals
from aggregator.service.jobs import Jobs
from aggregator.service.notify import Manager
from aggregator.service.reload import ReloadPlan, change
from aggregator.service.signals import NOTHING_LOST, Signals
from aggregator.settings import FeedSource, FolderSource, Settings
from storage import tenancy
from storage.database import Database
from storage.tenancy import Claim

_PARSERS = min(os.cpu_count() or 1, 2)  # processes; each is started when there is work for it
_KEPT_EVERY = 30.0  # seconds between two looks at the claim of the database


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Pipeline]:
    """A pipeline over an open database, the network and the contained parser; all are closed at the end.

    Raises:
        StoreError: the database cannot be used.

    """
    async with contextlib.AsyncExitStack() as closing:
        database = await asyncio.to_thread(Database, settings.database)
        closing.callback(database.close)
        tools = await closing.enter_async_context(_Tools())
        yield Pipeline(settings, database, *await tools.made_for(settings), now)


async def run(
    settings: Settings,
    reread: Callable[[], Settings],
    command: str = "aggregator",
    config: Path | None = None,
) -> None:
    """Run the service until a signal stops it.

    Args:
        settings: all of them.
        reread: the settings as they are now, for a reload.
        command: how its other commands are called, for the first lines.
        config: the YAML file, to which the pages add sources; None for the usual one.

    Raises:
        StoreError: the database cannot be used, or another service works on it.
        ServeError: the read side cannot listen where it is told to.

    """
    manager = Manager(os.environ)
    with signals.listening() as told:
        async with contextlib.AsyncExitStack() as closing:
            database = await asyncio.to_thread(Database, settings.database)
            closing.callback(database.close)
            claim = await asyncio.to_thread(tenancy.claim, database)
            closing.callback(claim.release)
            tools = await closing.enter_async_context(_Tools())
            pipeline = Pipeline(settings, database, *await tools.made_for(settings), now)
            jobs = Jobs(pipeline, now, manager.alive)
            subscriber = Subscriber(pipeline, config, told.reload)
            addresses = await closing.enter_async_context(
                _serving(settings, database, pipeline, jobs, subscriber)
            )
            keeping = asyncio.create_task(_keep(claim, told))
            closing.callback(keeping.cancel)
            jobs.start()
            _say_where(settings, command, addresses)
            manager.ready(_status(settings))
            while await told.next_is_reload():
                manager.reloading()
                if changed := await _reread(settings, reread):
                    settings = changed.settings
                    await tools.exchange(pipeline, jobs, changed)
                manager.ready(_status(settings))
            manager.stopping()
            log.info("service.stopping", "finishing what is being written; a second signal stops at once")
            await jobs.stop()
        log.info("service.stopped", NOTHING_LOST)
    if told.failure:
        raise told.failure


class _Tools:
    """The fetcher and the parser; a reload exchanges them, and polls under way end with the old ones."""

    def __init__(self) -> None:
        self._open = contextlib.AsyncExitStack()
        self._host_queue: HostQueue | None = None
        self._retired: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Tools:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        await self._open.aclose()

    async def made_for(self, settings: Settings) -> tuple[Fetcher, Parser]:
        """New ones, which are closed at the end."""
        bounds = settings.fetch.concurrency, settings.fetch.host_spacing.total_seconds()
        # No host is asked by two at a time, or too soon, because a reload came between.
        self._host_queue = self._host_queue.renewed(*bounds) if self._host_queue else HostQueue(*bounds)
        fetcher = Fetcher(settings.fetch, __version__, host_queue=self._host_queue)
        await self._open.enter_async_context(fetcher)
        pages = any(isinstance(source, FeedSource) and source.full_text for source in settings.sources)
        # Of two processes one is left for the feeds while the other takes its time over a page.
        parser = Parser(settings.parse, workers=max(_PARSERS, 1 + pages))
        return fetcher, await self._open.enter_async_context(parser)

    async def exchange(self, pipeline: Pipeline, jobs: Jobs, changed: ReloadPlan) -> None:
        """Go on with other settings."""
        for name in changed.gone:
            metrics.forget_source(name)
        if changed.tools:
            old, self._open = self._open, contextlib.AsyncExitStack()
            pipeline.adopt(changed.settings, await self.made_for(changed.settings))
            task = asyncio.create_task(_retire(jobs, old))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
        else:
            pipeline.adopt(changed.settings)
        jobs.reloaded()


async def _retire(jobs: Jobs, old: contextlib.AsyncExitStack) -> None:
    """Close what polls have used that are under way, once they have ended."""
    try:
        await jobs.settled()
    finally:
        await old.aclose()


async def _reread(settings: Settings, reread: Callable[[], Settings]) -> ReloadPlan | None:
    """What a new configuration changes; None if it cannot be used, and the old one goes on."""
    try:
        new = await asyncio.to_thread(reread)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            log.error("reload.refused", line)
    except Exception as error:  # a person's file must not end a service that runs for years
        log.error("reload.broken", f"{error!r}; please report this, with the file", cause=error)
    else:
        return _changed(settings, new)
    log.error("reload.refused", "the service goes on with the configuration that it has")
    return None


def _changed(settings: Settings, new: Settings) -> ReloadPlan:
    """What is different now, and said."""
    changed = change(settings, new)
    log.configure(new.log, os.environ)
    for held in changed.held:
        log.warning("reload.held", f"{held} has changed: that needs a restart, and stays as it is until then")
    log.info("reload.done", changed.summary)
    return changed


async def _keep(claim: Claim, told: Signals) -> None:
    """See again and again that the database is ours alone; stop when it is not."""
    while True:
        await asyncio.sleep(_KEPT_EVERY)
        try:
            await asyncio.to_thread(claim.keep)
        except StoreTaken as error:
            told.stop(error)
            return
        except StoreError:  # every tick says so; it is taken again when the database is back
            continue
        except Exception as error:  # or nobody would look after it any more
            log.error("claim.broken", f"{error!r}; please report this", cause=error)


@contextlib.asynccontextmanager
async def _serving(
    settings: Settings,
    database: Database,
    pipeline: Pipeline,
    jobs: Jobs,
    subscriber: Subscriber | None = None,
) -> AsyncIterator[list[str]]:
    """Answer over HTTP, where that is wanted; gives the addresses."""
    if not settings.serve.enabled:
        yield []
        return
    from aggregator.serve import api, feeds, greader, health, hub, pages, pictures, site, visitors, websub  # noqa: PLC0415 - `once` shares this module, and serves nothing

    hubs = websub.router(
        lambda token: pipeline.hubs.known(token),  # noqa: PLW0108 - a reload exchanges `hubs`
        lambda token, query: pipeline.hubs.verify(token, query),  # noqa: PLW0108 - as above
        jobs.receive,
        largest=lambda: pipeline.hubs.largest,
    )
    who = visitors.Visitors(database, now)
    shown = pictures.Pictures(database, settings.fetch, settings.serve.pictures, pipeline.admit)
    desk = pages.Desk(database, lambda: pipeline.settings, now, who, shown, subscriber=subscriber)
    routers = [
        health.router(jobs.silence),
        hubs,
        hub.router(lambda: pipeline.hub),
        feeds.router(desk),
        pages.router(desk),
        greader.router(greader.Service(database, lambda: pipeline.settings, who, now)),
    ]
    mounted = {api.PREFIX: api.application(desk)}
    async with shown, site.listening(settings.serve, routers, mounted) as addresses:
        yield addresses


async def serve(settings: Settings, reread: Callable[[], Settings], database: Database) -> None:
    """Show the pages until a signal stops it; polls nothing, and lets nobody correct anything.

    Args:
        settings: all of them.
        reread: the settings as they are now, for a reload.
        database: with the stories.

    Raises:
        ServeError: it cannot listen where it is told to.

    """
    from aggregator.serve import api, feeds, pages, pictures, site, visitors  # noqa: PLC0415 - as in `_serving`

    current = [settings]
    who = visitors.Visitors(database, now)
    shown = pictures.Pictures(database, settings.fetch, settings.serve.pictures)
    desk = pages.Desk(database, lambda: current[-1], now, who, shown, writable=False)
    with signals.listening() as told:
        routers, mounted = [feeds.router(desk), pages.router(desk)], {api.PREFIX: api.application(desk)}
        async with shown, site.listening(settings.serve, routers, mounted) as addresses:
            for address in addresses:
                log.info("serve.started", f"read the stories at {address}/")
            while await told.next_is_reload():
                if changed := await _reread(current[-1], reread):
                    current[:] = [changed.settings]


def _status(settings: Settings) -> str:
    return f"reading {counted(len(settings.sources), 'source')}"


def _say_where(settings: Settings, command: str, addresses: Sequence[str]) -> None:
    """The first lines: what is read, and where the stories are."""
    folders = [source for source in settings.sources if isinstance(source, FolderSource)]
    feeds = counted(len(settings.sources) - len(folders), "feed")
    log.info("service.started", f"aggregator {__version__}: {feeds}, {counted(len(folders), 'drop folder')}")
    for source in folders:
        log.info("service.started", f"drop files into {source.folder.absolute()}", source=source.name)
    for feed in settings.publish.feeds:
        for kind in feed.formats:
            file = Path(settings.publish.directory, f"{feed.name}.{kind}").absolute()
            log.info("service.started", f"read the stories in {file}")
    log.info("service.started", f"or with `{command} stories`", database=settings.database)
    for address in addresses:
        log.info("service.started", f"read them at {address}/ in a browser")
        log.info("service.started", f"how it is: {address}/healthz, /readyz, /metrics")


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)
