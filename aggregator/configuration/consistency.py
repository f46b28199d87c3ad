"""What is wrong with a configuration as a whole, though each value is fine: doubles, folders not there.

It looks at the values as they were written, so that it finds its problems beside those of single values; a
value that is none it passes over, because that is said already.
"""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aggregator.configuration.document import Document
from aggregator.configuration.problems import KeyPath, Problem, dotted
from aggregator.settings import Dedup, Fetching, Publish, Retention, Settings
from aggregator.units import format_duration, parse_duration

Texts = list[tuple[KeyPath, str]]

_PORTS = {"http": 80, "https": 443}
_DRIVER = "psycopg"
_FULL_TEXT = ("trafilatura", "protego")
_NO = {"false", "no", "off", "0", "f", "n"}


def check(document: Document, *, folders_must_exist: bool = True) -> list[Problem]:
    """Every problem that shows only when values are compared with each other or with the disk."""
    sources = _entries(document.values.get("sources"), ("sources",))
    publish = document.values.get("publish")
    feeds = _entries(publish.get("feeds") if isinstance(publish, dict) else None, ("publish", "feeds"))
    urls, folders = _texts(sources, "url"), _texts(sources, "folder")
    addresses = [(path, comparable(url)) for path, url in urls]
    places = [(path, _place(folder)) for path, folder in folders]
    return [
        *_doubles(document, _texts(sources, "name"), "sources are told apart by their names"),
        *_doubles(document, _texts(feeds, "name"), "their files would have one name"),
        *_doubles(document, addresses, "one address is one source"),
        *_doubles(document, places, "one folder is one source"),
        *(_missing_folders(document, folders) if folders_must_exist else ()),
        *_taken_away(document, places),
        *_fleeting(document),
        *_hasty(document, sources),
        *_without_extra(document, sources),
        *_forgetful(document),
        *_deaf(document),
    ]


def comparable(url: str) -> str:
    """The address of a feed without what makes no difference: case of the host, port, https, last slash.

    Not `normalise.address`: what makes no difference to the page of a report (``?feed=rss2``) makes one here.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").rstrip(".")
    user = parts.netloc.rpartition("@")[0]
    netloc = f"{user}@{host}" if user else host
    if port is not None and port != _PORTS.get(parts.scheme):
        netloc += f":{port}"
    scheme = "https" if parts.scheme == "http" else parts.scheme
    return urlunsplit((scheme, netloc, parts.path.rstrip("/"), parts.query, ""))


def _entries(values: Any, path: KeyPath) -> list[tuple[KeyPath, dict[str, Any]]]:
    items = values if isinstance(values, list) else []
    return [((*path, index), item) for index, item in enumerate(items) if isinstance(item, dict)]


def _texts(entries: list[tuple[KeyPath, dict[str, Any]]], key: str) -> Texts:
    found = [((*path, key), item.get(key)) for path, item in entries]
    return [(path, text.strip()) for path, text in found if isinstance(text, str) and text.strip()]


def _doubles(document: Document, texts: Texts, why: str) -> Iterator[Problem]:
    first: dict[str, KeyPath] = {}
    for path, text in texts:
        if text in first:
            line = document.value_places[first[text]].line
            yield document.problem(path, f"the same as {dotted(first[text])} on line {line}; {why}")
        else:
            first[text] = path


def _missing_folders(document: Document, folders: Texts) -> Iterator[Problem]:
    for path, folder in folders:
        if folder.startswith("~"):  # `settings` says so
            continue
        try:
            if not stat.S_ISDIR(Path(folder).stat().st_mode):
                yield document.problem(path, "a file stands there; a folder is wanted")
        except FileNotFoundError:
            below = "" if Path(folder).is_absolute() else f" below {Path.cwd()}"
            yield document.problem(path, f"there is no such folder{below}; make it, or mend the path")
        except OSError as error:
            yield document.problem(path, f"cannot be used: {error.strerror}")
        except ValueError:  # a NUL character; `settings` says so
            continue


def _taken_away(document: Document, places: Texts) -> Iterator[Problem]:
    """Drop folders that hold what is no report: a file there is moved away once it is looked at."""
    publish = document.values.get("publish")
    written = publish.get("directory") if isinstance(publish, dict) else None
    held = {_place(str(Path(document.origin).parent)): "this configuration lies in it"}
    if file := _database_file(document):
        held[_place(str(Path(file).parent))] = "the database lies in it"
    if written is None or (isinstance(written, str) and written.strip()):
        held[_place(written or str(Publish().directory))] = "publish.directory is the same folder"
    for path, folder in places:
        if folder in held:
            text = f"{held[folder]}, and every file in a drop folder is read and moved away"
            yield document.problem(path, f"{text}; give it a folder of its own")


def _fleeting(document: Document) -> Iterator[Problem]:
    """A database that ends with the process, while files that were dropped are taken out of their folder."""
    if _database_file(document) in ("", ":memory:"):
        text = "it would be in memory, and all that was taken in lost; write sqlite:///var/aggregator.db"
        yield document.problem(("database",), text)


def _database_file(document: Document) -> str | None:
    """The file of an SQLite database as it is written; None for another kind, or what is none."""
    url = document.values.get("database") or Settings.model_fields["database"].default
    scheme, _, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
    return rest.partition("?")[0].removeprefix("/") if scheme.startswith("sqlite") else None


def _place(folder: str) -> str:
    """By which a folder is known, however it is written; one that cannot be one is known by its text."""
    return folder if "\0" in folder else os.path.realpath(folder)


def _hasty(document: Document, sources: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[Problem]:
    """Waits that undercut what is polite, or each other."""
    fetch = document.values.get("fetch")
    given = fetch if isinstance(fetch, dict) else {}
    floor = _duration(given.get("floor")) or Fetching().floor
    ceiling = _duration(given.get("ceiling")) or Fetching().ceiling
    if floor > ceiling:
        text = f"longer than fetch.ceiling ({format_duration(ceiling)})"
        yield document.problem(("fetch", "floor"), text)
    for path, source in sources:
        every = _duration(source.get("every"))
        mine = str(source.get("i_own_this_host") or "no").lower() not in _NO
        if "url" in source and every and every < floor and not mine:
            text = f"{format_duration(every)} is shorter than fetch.floor ({format_duration(floor)}); "
            yield document.problem(
                (*path, "every"), text + "wait longer, or write `i_own_this_host: true` if the host is yours"
            )


def _without_extra(document: Document, sources: list[tuple[KeyPath, dict[str, Any]]]) -> Iterator[Problem]:
    """What is asked for and not installed."""
    url = document.values.get("database")
    if isinstance(url, str) and url.startswith("postgresql") and not importlib.util.find_spec(_DRIVER):
        text = "needs a driver that is not installed: pip install 'story-aggregator[postgresql]'"
        yield document.problem(("database",), text)
    if all(importlib.util.find_spec(library) for library in _FULL_TEXT):
        return
    for path, source in sources:
        if str(source.get("full_text") or "no").lower() not in _NO:
            text = "needs libraries that are not installed: pip install 'story-aggregator[fulltext]'"
            yield document.problem((*path, "full_text"), text)


def _forgetful(document: Document) -> Iterator[Problem]:
    """Bounds of keeping that undercut what needs what is kept."""
    window = _given(document, "dedup", "window") or Dedup().window
    texts = _given(document, "retention", "texts") or Retention().texts
    stories = _given(document, "retention", "stories") or Retention().stories
    if texts < window:
        text = f"shorter than dedup.window ({format_duration(window)}), in which texts are compared"
        yield document.problem(("retention", "texts"), text)
    if stories < texts:
        text = f"shorter than retention.texts ({format_duration(texts)})"
        yield document.problem(("retention", "stories"), text)


def _given(document: Document, section: str, key: str) -> timedelta | None:
    values = document.values.get(section)
    return _duration(values.get(key)) if isinstance(values, dict) else None


def _deaf(document: Document) -> Iterator[Problem]:
    """Hubs are told an address at which nobody listens."""
    websub, serve = document.values.get("websub"), document.values.get("serve")
    callback = isinstance(websub, dict) and websub.get("callback")
    enabled = serve.get("enabled") if isinstance(serve, dict) else None
    deaf = enabled is not None and str(enabled).lower() in _NO
    if callback and deaf:
        text = "nothing answers there while serve.enabled is false"
        yield document.problem(("websub", "callback"), text)
    hub = websub.get("hub", "none") if isinstance(websub, dict) else "none"
    public = serve.get("public_url") if isinstance(serve, dict) else None
    if hub in ("public", "private") and (deaf or not public):
        text = "subscribers find it by serve.public_url, and serve has to be enabled"
        yield document.problem(("websub", "hub"), text)


def _duration(value: Any) -> timedelta | None:
    try:
        return parse_duration(value)
    except ValueError:
        return None
