"""The archive of real feeds as a server of its own, and what its log says of a poller."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

START = datetime(2020, 4, 27, tzinfo=UTC)
FLOOR = timedelta(minutes=15)
CEILING = timedelta(days=1)

_ITEM = re.compile(rb"<(?:item|entry)[ >].*?</(?:item|entry)>", re.DOTALL)
_IDENTITY = re.compile(rb"<(guid|id|link)[^>]*>(?:<!\[CDATA\[)?\s*([^<\]]+)")
_VALIDATORS = frozenset({"If-None-Match", "If-Modified-Since"})
_TTL = re.compile(rb"<ttl>\s*(\d{1,6})\s*</ttl>")


@dataclass(frozen=True)
class Manners:
    """What a poller did, as the server saw it.

    Attributes:
        requests: how many.
        conditional: the share of those after the first of each feed that had a validator.
        bytes: of the bodies, on the wire.
        early: requests sooner than 15 minutes after the one before, or than the feed's ``ttl`` asks.
        items: that appeared; `seen` of them were in a body that was sent.
        delays: from an item's appearance to the body that brought it.

    """

    requests: int
    conditional: float
    bytes: int
    early: int
    items: int
    seen: int
    delays: list[timedelta]

    def delay(self, share: float) -> timedelta:
        """The delay that this share of the items stayed under."""
        return sorted(self.delays)[min(int(len(self.delays) * share), len(self.delays) - 1)]


class Replay:
    """A running server.

    Args:
        url: where.
        archive: what it serves.

    """

    def __init__(self, url: str, archive: Any) -> None:
        self.url, self._archive = url, archive
        self._kept: dict[tuple[str, datetime], frozenset[bytes]] = {}

    @property
    def feeds(self) -> list[str]:
        return [str(url) for url in json.loads(_asked(f"{self.url}/feeds"))]

    def set_clock(self, now: datetime) -> None:
        _asked(f"{self.url}/clock?to={now:%Y-%m-%dT%H:%M:%S.%fZ}", post=True)

    def manners(self, end: datetime) -> Manners:
        """What the log says, and how long each item that appeared since the start had to wait."""
        log: dict[str, list[Any]] = defaultdict(list)
        for line in _asked(f"{self.url}/log").splitlines():
            entry = json.loads(line)
            entry["at"] = datetime.fromisoformat(entry["clock"])
            log[entry["source"]].append(entry)
        later = [entry for entries in log.values() for entry in entries[1:]]
        conditional = sum(
            "If-None-Match" in e["headers"] or "If-Modified-Since" in e["headers"] for e in later
        )
        items = [each for source in log for each in self._delays(source, log[source], end)]
        return Manners(
            requests=sum(map(len, log.values())),
            conditional=conditional / len(later),
            bytes=sum(entry["bytes"] for entries in log.values() for entry in entries),
            early=sum(self._early(source, entries) for source, entries in log.items()),
            items=len(items),
            seen=sum(delay is not None for delay in items),
            delays=[delay for delay in items if delay is not None],
        )

    def _early(self, source: str, log: list[Any]) -> int:
        early = 0
        for before, after in pairwise(log):
            found = self._archive.at(source, before["at"])
            ttl = _TTL.search(found[2]) if found else None
            asked = min(timedelta(minutes=int(ttl[1])), CEILING) if ttl else FLOOR
            early += after["at"] - before["at"] < max(FLOOR, asked)
        return early

    def _delays(self, source: str, log: list[Any], end: datetime) -> Iterator[timedelta | None]:
        """For each item that appeared: until the first body with it was sent; None if none was."""
        known = set(self._items(source, START))
        for moment in self._archive.times[source]:
            if START < moment <= end:
                fresh = set(self._items(source, moment)) - known
                known |= fresh
                sent = [entry["at"] for entry in log if entry["status"] == 200 and entry["at"] >= moment]
                for item in fresh:
                    found = (at for at in sent if item in self._items(source, at))
                    first = next(found, None)
                    yield None if first is None else first - moment

    def _items(self, source: str, moment: datetime) -> frozenset[bytes]:
        found = self._archive.at(source, moment)
        if found is None:
            return frozenset()
        at, _, body = found
        return self._kept.setdefault((source, at), _identities(body))


def _identities(body: bytes) -> frozenset[bytes]:
    """What each item of a body is known by: its guid, else its link."""
    found = (dict(_IDENTITY.findall(item)) for item in _ITEM.findall(body))
    names = (parts.get(b"guid") or parts.get(b"id") or parts.get(b"link") for parts in found)
    return frozenset(name.strip() for name in names if name)


@contextmanager
def replay(program: Path) -> Iterator[Replay]:
    """A server of its own, with an empty log, at the start of the archive's second week."""
    spec = importlib.util.spec_from_file_location("archived_internet", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    archive = module.Archive(program.parent / "feeds.tar.xz")
    command = [sys.executable, str(program), "--port", "0", "--start", f"{START:%Y-%m-%dT%H:%M:%SZ}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Replay(process.stdout.readline().split()[-1].removesuffix("/feeds"), archive)
        finally:
            process.kill()


def _asked(url: str, *, post: bool = False) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, method="POST" if post else "GET")) as answer:
        return str(answer.read().decode())
