"""Whose report an entry is, and its headline without that name.

Ten feeds of one newsroom are one publisher, so the name has to come out the same for all of them: as the
configuration has it, else from the feed's title without what only says which feed it is ("BBC News - Home").
An entry that names another publisher, as in an aggregator's feed, has that one.

Newsrooms put their name behind each title. Two titles that share only the name look alike, so it goes; but
only where it stands as a part of its own and is the whole name, with nothing added but words that say little
("BBC News" for "BBC"). "China: floods" from China Daily stays.
"""

from __future__ import annotations

import re
import unicodedata

from aggregator.model import Entry, Parsed
from aggregator.normalise.address import host
from aggregator.settings import FeedSource, FolderSource

_LONGEST_NAME = 80  # characters; what is longer is a slogan
_PARTS_AT_MOST = 4  # of a title that are cut off behind: name, section, and both once more

_WORDS = """
    a all and articles at blog by channel com content current daily edition en feed feeds for from front
    frontpage headlines home homepage in index latest main most new newest news of official on online our
    page posts press recent releases rss stories story the today top tv update updates video videos
    web website www app africa america americas art arts asia books breaking business climate
    culture economy education entertainment environment europe finance food health international
    lifestyle markets middle east money opinion politics s science society sport sports tech technology
    travel u uk us usa weather world
    aktuell aktuelle aktuelles alle der die das meldungen nachrichten neueste politik schlagzeilen startseite
    wirtschaft wissen überblick übersicht ausland inland kultur panorama
    actualité actualités à dernières flux fil infos la le les toute toutes une
    actualidad de del el inicio las los noticia noticias portada titulares últimas última hora
    destaques início notícia notícias cronaca esteri notizie prima pagina ultime
    algemeen het laatste nieuws voorpagina binnenland buitenland aktualności najnowsze wiadomości świat kraj
    все главное лента новости последние политика головне новини останні haber haberler son dakika
    berita terkini tin mới nhất ニュース 新闻 新聞 要闻 뉴스 أخبار الأخبار
"""
_SAY_LITTLE = frozenset(_WORDS.split())  # what feeds and titles add to a publisher's name
_FEED_WORDS = frozenset({"rss", "feed", "feeds", "atom", "xml", "rss2"})

_BETWEEN = re.compile(r" [-–—|·•»›/:>]{1,3} | ?[|｜_] ?")
_BETWEEN_IN_FEED = re.compile(r" [-–—|·•»›/:>]{1,3} | ?[|｜:] ")
_IN_BRACKETS = re.compile(r" ?[(\[（【]([^()\[\]]{2,80})[)\]）】]$")
_BEFORE = re.compile(r"[(\[【]([^()\[\]【】]{2,80})[)\]】] ?|([^:：|]{2,80}?)(?: ?[:：|] ?| [-–—] )")
_SECOND_LEVEL = frozenset(
    {"co", "com", "org", "net", "gov", "gob", "gouv", "govt", "ac", "edu", "or", "ne", "go"}
)


def publisher(entry: Entry, parsed: Parsed, source: FeedSource | FolderSource) -> str:
    """The name of whose report it is: the entry's, where it is another than the source's own."""
    from_feed = feed_name(parsed) if isinstance(source, FeedSource) else None
    own = source.publisher or from_feed or source.name
    other = _name(entry.publisher)
    names = (own, from_feed, parsed.title)
    return own if other is None or any(_same(other, name) for name in names if name) else other


def feed_name(parsed: Parsed) -> str | None:
    """The publisher's name in a feed's title: the part that is its host, else the first that says much."""
    title = " ".join((parsed.title or "").split())
    parts = [part for part in _BETWEEN_IN_FEED.split(title) if part.strip()]
    address = host(parsed.url) or ""
    sites = {_letters(address), _label(address)} - {""}
    named = [part for part in parts if _forms(part) & sites] or [part for part in parts if _core(part)]
    words = (named[0] if named else title).split()
    while len(words) > 1 and _letters(words[-1]) in _FEED_WORDS:
        words.pop()
    return _name(" ".join(words))


def headline(title: str, names: tuple[str | None, ...], url: str | None) -> str:
    """The title on one line, without the publisher's name before or behind it; never empty where it was not.

    Args:
        title: as the source wrote it.
        names: under which its publisher goes: as configured, as the feed and the entry call it.
        url: the entry's address; its host is a name too, but only behind a title.
    """
    title = " ".join(title.split())
    known = {_letters(name) for name in names if name} - {""}
    address = host(url) or ""
    behind = _without_name_behind(title, known | ({_letters(address), _label(address)} - {""}))
    return _without_name_before(behind, known)


def _without_name_behind(title: str, known: set[str]) -> str:
    if (
        (found := _IN_BRACKETS.search(title))
        and _forms(found[1]) & known
        and _letters(title[: found.start()])
    ):
        return title[: found.start()].rstrip()
    cut = ""
    for _ in range(_PARTS_AT_MOST):
        *_, last = (None, *_BETWEEN.finditer(title))
        if last is None or not _letters(title[: last.start()]):
            break
        part, mark = title[last.end() :], last[0].strip()
        is_section = cut == mark == "|" and not _core(part)  # "… | World news | The Guardian"
        if not is_section and not _forms(part) & known:
            break
        title, cut = title[: last.start()].rstrip(), mark
    return title


def _without_name_before(title: str, known: set[str]) -> str:
    found = _BEFORE.match(title)
    if found and _forms(found[1] or found[2]) & known and _letters(rest := title[found.end() :]):
        return rest.strip()
    return title


def _same(one: str, other: str) -> bool:
    """Whether two names are of one publisher: equal, or one is the other with words that say little."""
    less, more = sorted((_words(one), _words(other)), key=len)
    return _letters(one) == _letters(other) or (less <= more and bool(less) and more - less <= _SAY_LITTLE)


def _forms(name: str) -> set[str]:
    """What the name is known by: all its letters, and those of the words that say much."""
    return {_letters(name), _letters(_core(name))} - {""}


def _core(name: str) -> str:
    """The words of a name that say which it is: ``BBC`` of "BBC News Online"."""
    return " ".join(word for word in re.findall(r"\w+", name) if word.casefold() not in _SAY_LITTLE)


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.casefold()))


def _label(address: str) -> str:
    """The name that was registered: ``bbc`` of news.bbc.co.uk."""
    labels = address.split(".")[:-1]
    if len(labels) > 1 and labels[-1] in _SECOND_LEVEL:
        labels.pop()
    return _letters(labels[-1]) if labels else ""


def _name(text: str | None) -> str | None:
    """The text if it can be a name; of an address its host."""
    name = " ".join((text or "").split())
    if "://" in name:
        return host(name)
    usable = 1 < len(name) <= _LONGEST_NAME and "@" not in name and any(map(str.isalpha, name))
    return name if usable else None


def _letters(text: str) -> str:
    """Letters and digits in lower case, without accents."""
    letters = unicodedata.normalize("NFKD", text[: 2 * _LONGEST_NAME]).casefold()
    return "".join(filter(str.isalnum, letters))
