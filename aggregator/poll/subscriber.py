"""Adds sources while the service runs, as `aggregator add` and `import` do: found, tried once, written."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aggregator.configuration import Item, extended, named
from aggregator.configuration.writing import block
from aggregator.display import short
from aggregator.errors import AggregatorError, ConfigurationError
from aggregator.parse import opml
from aggregator.poll import subscriptions
from aggregator.poll.pipeline import Pipeline
from aggregator.poll.subscriptions import PlannedSource
from aggregator.web_address import subscribed_address


class NotWritten(ConfigurationError):
    """The configuration could not be written.

    Args:
        message: why.
        lines: what is to be put under ``sources``.
    """

    def __init__(self, message: str, lines: str) -> None:
        super().__init__(message)
        self.lines = lines


class Subscriber:
    """Adds sources to the file of the configuration; for one event loop.

    Args:
        pipeline: finds and tries them, with the settings as they are now.
        config: the YAML file; None for the usual one.
        changed: is called once sources were written: the configuration is to be read again.
        environ: the environment.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        config: Path | None,
        changed: Callable[[], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._pipeline, self._config, self._changed, self._environ = pipeline, config, changed, environ

    @property
    def file(self) -> Path:
        """Where they are written."""
        return named(self._config, self._environ)

    async def add(self, url: str, name: str, tags: Sequence[str], choice: int | None = None) -> str:
        """Find the feed of a site and add it; what it is called.

        Args:
            url: a feed, or any page of a site.
            name: what it is to be called; empty: by its title.
            tags: of all its reports.
            choice: which of the feeds that a page names.

        Raises:
            AggregatorError: it is there already.
            SeveralFeeds: the page names more than one, and there is no choice.
            SourceError: it cannot be had, or is no feed.
            ConfigurationError: the configuration would be wrong with it.
            NotWritten: the file cannot be written.
        """
        settings = self._pipeline.settings
        asked = subscribed_address(url)
        address = asked if "://" in asked else f"https://{asked}"
        self._refuse_doubles(address, name)
        found = await self._pipeline.find(address, choice)
        self._refuse_doubles(found.url, name)
        taken = [source.name for source in settings.sources]
        chosen = name or subscriptions.unique(subscriptions.called(found.parsed.title, found.url), taken)
        await self._write([subscriptions.item(chosen, found.url, tags=tuple(tags), switches={})])
        return chosen

    async def take(self, body: bytes) -> list[PlannedSource]:
        """Add the feeds of a list; what became of each of its entries. Nothing is fetched.

        Args:
            body: OPML.

        Raises:
            ParseError: it is none.
            NotWritten: the file cannot be written.
        """
        plans = subscriptions.planned(opml.read(body), self._pipeline.settings)
        if items := [plan.item for plan in plans if plan.item]:
            await self._write(items)
        return plans

    def _refuse_doubles(self, url: str, name: str) -> None:
        settings = self._pipeline.settings
        if there := subscriptions.known(settings, url):
            raise AggregatorError(f"{short(url, 200)} is there already: it is the source {short(there)}")
        if name in {source.name for source in settings.sources}:
            raise AggregatorError(
                f"there is a source called {short(name)} already", hint="give it another name"
            )

    async def _write(self, items: Sequence[Item]) -> None:
        # First whether it would be right: what is wrong with a source is not mended by writing it by hand.
        check = functools.partial(extended, self._config, self._environ, items, keep=False)
        await asyncio.to_thread(check)
        try:
            await asyncio.to_thread(extended, self._config, self._environ, items)
        except ConfigurationError as error:
            raise NotWritten(str(error), "".join(map(block, items))) from error
        self._changed()
