"""Find the feed of a site, asking its server as little as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggregator.configuration import comparable
from aggregator.display import short
from aggregator.errors import BadStatus, NotFound, ParseError, SourceError
from aggregator.parse.discovery import usual_places

if TYPE_CHECKING:
    from aggregator.fetch.fetcher import Fetcher
    from aggregator.fetch.redirects import Admit
    from aggregator.model import Answer, Entry, Parsed
    from aggregator.parse.sandbox import Parser

_LEAVE_ALONE = (429, 503)  # who says so is not asked for the next address


@dataclass(frozen=True, slots=True)
class DiscoveredFeed:
    """A feed that was tried.

    Attributes:
        url: its address; where it moved for good, the new one.
        parsed: what it gives now.
        wire_bytes: its size as it came.
    """

    url: str
    parsed: Parsed
    wire_bytes: int


class SeveralFeeds(NotFound):
    """A page names several feeds, and nobody said which.

    Args:
        page: the page's address.
        offers: its feeds: address and title of each.
    """

    def __init__(self, page: str, offers: tuple[Entry, ...]) -> None:
        super().__init__(
            f"{short(page, 200)} names {len(offers)} feeds",
            hint="give --feed NUMBER, or the feed's own address",
        )
        self.offers = offers


class Discovery:
    """Finds feeds through the same limits as the polls.

    Args:
        fetcher: the door to the network.
        parser: reads what comes.
        allow_private: whether addresses may lead into private networks.
        admit: see `Fetcher.get`.
    """

    def __init__(
        self, fetcher: Fetcher, parser: Parser, *, allow_private: bool, admit: Admit | None = None
    ) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._allow_private = allow_private
        self._admit = admit

    async def find(self, url: str, choice: int | None = None) -> DiscoveredFeed:
        """The feed at an address: itself, the one that the page there names, or one at a usual place.

        Args:
            url: of a feed or of any page of a site.
            choice: which of the feeds that the page names, from 1.

        Raises:
            SeveralFeeds: the page names more than one, and there is no choice.
            NotFound: there is none, or not so many.
            SourceError: the address, or the feed that was found, gives nothing.
        """
        answer = await self._get(url)
        try:
            return await self._read(url, answer)
        except ParseError as error:
            offers = await self._offers(answer)
            if not offers:
                return await self._guessed(url, answer, error)
        if choice is None and len(offers) > 1:
            raise SeveralFeeds(url, offers)
        if not 1 <= (choice or 1) <= len(offers):
            raise NotFound(f"{short(url, 200)} names {len(offers)} feeds, and no number {choice}")
        chosen = str(offers[(choice or 1) - 1].url)
        return await self._read(chosen, await self._get(chosen))

    async def _get(self, url: str) -> Answer:
        return await self._fetcher.get(url, allow_private=self._allow_private, admit=self._admit)

    async def _read(self, url: str, answer: Answer) -> DiscoveredFeed:
        about = {"url": answer.url, "content_type": answer.content_type}
        parsed = await self._parser.parse(answer.body, "feed", **about)
        return DiscoveredFeed(answer.moved_to or url, parsed, answer.wire_bytes)

    async def _offers(self, answer: Answer) -> tuple[Entry, ...]:
        """The feeds that a page names, each once."""
        about = {"url": answer.url, "content_type": answer.content_type}
        try:
            page = await self._parser.parse(answer.body, "page", **about)
        except ParseError:  # nothing in it: the error of the first try says that better
            return ()
        return tuple({comparable(str(entry.url)): entry for entry in reversed(page.entries)}.values())[::-1]

    async def _guessed(self, url: str, page: Answer, no_feed: ParseError) -> DiscoveredFeed:
        """A feed at one of the usual places, asked one after the other, as the host's turns have it."""
        places = usual_places(page.url)
        for place in places:
            try:
                return await self._read(place, await self._get(place))
            except BadStatus as error:
                if error.status in _LEAVE_ALONE:
                    raise
            except SourceError:
                continue
        raise NotFound(
            f"{short(url, 200)}: {no_feed.message}; it names none, nor is one at {len(places)} usual places",
            hint="look on the site for a link to its feed (RSS, Atom), and give that address",
        ) from no_feed
