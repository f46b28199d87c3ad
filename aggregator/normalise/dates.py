"""When an entry was published, from whatever its source wrote.

Three readers, in this order: digits only (a Unix time, or a date without separators), a date in numbers
(ISO 8601 and its relatives), a date with the name of a month (RFC 822 and what people write). A date in
numbers that could be meant in two ways (03/04/2026) is no date. A name that means one month in one language
and another in the next (``listopad``) is not in the table. No zone means UTC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

LONGEST = 100
"""Characters of the longest date that is looked at; RFC 822 needs 37."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Feeds say 1970 where they have no date; nothing that is polled today is older than this."""

AHEAD = timedelta(hours=24)
"""How far a date may lie in the future: clocks run ahead, and a day begins 14 hours early in Kiribati."""

_NOT_IN_NUMBER = r"(?<!\d)"
_YEAR_FIRST = re.compile(
    _NOT_IN_NUMBER
    + r"(?P<year>\d{4})(?:[-/.]|[年년]) ?(?P<month>\d{1,2})(?:[-/.]|[月월]) ?(?P<day>\d{1,2})[日일]?(?!\d)"
)
_YEAR_LAST = re.compile(
    _NOT_IN_NUMBER + r"(?P<first>\d{1,2})(?P<mark>[-/.]) ?(?P<second>\d{1,2})(?P=mark) ?(?P<year>\d{4})(?!\d)"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[t ]?(\d\d)(\d\d)(\d\d)?)?(z| ?[+-]\d{4})?")
_EPOCH = re.compile(r"(\d{9,10})(?:\.\d{1,9})?|(\d{12,13})")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_COMMENT = re.compile(r"\([^()]*\)")

_MONTH_NAMES = """
    1 jan january januar janner janvier janv enero ene janeiro gennaio gen januari stycznia styczen
    1 leden ledna января янв січня ocak oca ianuarie ian januara tammikuuta tammikuu
    2 feb february februar fevrier fevr fev febrero fevereiro febbraio februari lutego luty unor
    2 unora февраля фев лютого subat sub februarie helmikuuta helmikuu
    3 mar mars march marz mrz marzo marco maart marec mrt marca marzec brezen brezna марта мар
    3 березня mart martie maret maaliskuuta maaliskuu
    4 apr april avril avr abril abr aprile kwietnia kwiecien duben dubna апреля апр квітня nisan nis
    4 aprilie huhtikuuta huhtikuu
    5 may mai mayo maio maggio mag mei maj maja kveten kvetna мая маи травня mayis toukokuuta
    5 toukokuu
    6 jun june juni juin junio junho giugno giu czerwca czerwiec cerven cervna июня июн червня
    6 haziran haz iunie kesakuuta kesakuu
    7 jul july juli juillet juil julio julho luglio lug lipca lipiec cervenec cervence июля июл липня
    7 temmuz tem iulie heinakuuta heinakuu
    8 aug august aout agosto ago augustus augusti sierpnia sierpien srpen srpna августа авг серпня
    8 agustos agu agustus elokuuta elokuu
    9 sep sept september septembre septiembre setembro set settembre wrzesnia wrzesien zari сентября
    9 сен сент вересня eylul eyl septembrie syyskuuta syyskuu
    10 oct october oktober okt octobre octubre outubro out ottobre ott pazdziernika pazdziernik rijen
    10 rijna октября окт жовтня ekim eki octombrie lokakuuta lokakuu
    11 nov november novembre noviembre novembro listopadu ноября ноя нояб kasim kas noiembrie
    11 marraskuuta marraskuu
    12 dec december dezember dez decembre diciembre dic dezembro dicembre grudnia grudzien prosinec
    12 prosince декабря дек грудня aralik ara decembrie desember des joulukuuta joulukuu
"""  # without accents
_MONTHS: Mapping[str, int] = {
    name: int(number)
    for number, *names in map(str.split, _MONTH_NAMES.strip().splitlines())
    for name in names
}
_WEEKDAYS_TOO = frozenset({"mar"})  # mardi, martes, martedì: a month only where no other is named
_Day = tuple[int, int, int]  # year, month, day

_ZONES: Mapping[str, float] = {
    # hours from UTC; where several zones have one name, the one that news feeds mean
    **dict.fromkeys(("utc", "gmt", "ut", "z", "wet"), 0),
    **dict.fromkeys(("bst", "west", "cet", "met", "mez", "wat"), 1),  # BST: Britain
    **dict.fromkeys(("cest", "mest", "mesz", "eet", "sast", "cat"), 2),
    **dict.fromkeys(("eest", "msk", "trt", "eat", "idt"), 3),
    **{"irst": 3.5, "gst": 4, "aft": 4.5, "pkt": 5, "ist": 5.5, "npt": 5.75},  # IST: India
    **dict.fromkeys(("ict", "wib"), 7),
    **dict.fromkeys(("hkt", "sgt", "awst", "pht", "myt", "wita"), 8),
    **dict.fromkeys(("jst", "kst", "wit"), 9),
    **{"acst": 9.5, "aest": 10, "acdt": 10.5, "aedt": 11, "nzst": 12, "nzdt": 13},
    **dict.fromkeys(("brt", "art", "adt", "clst"), -3),
    **{"nst": -3.5, "ndt": -2.5},
    **dict.fromkeys(("edt", "ast", "clt", "bot", "vet"), -4),
    **dict.fromkeys(("est", "cdt", "cot", "pet"), -5),
    **dict.fromkeys(("cst", "mdt"), -6),  # CST: America, as RFC 822 has it
    **dict.fromkeys(("mst", "pdt"), -7),
    **dict.fromkeys(("pst", "akdt"), -8),
    **{"akst": -9, "hst": -10},
}

_CLOCK = re.compile(
    _NOT_IN_NUMBER + r"(?:(?P<late>오후|下午|午後)|오전|上午|午前)? ?"
    r"(?P<hour>\d{1,2})(?:[:.]| ?h ?|時 ?|时 ?|点 ?|시 ?)(?P<minute>\d{2})(?:[:.]|[分분] ?)?"
    r"(?:(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?[秒초]?)?(?: ?(?P<half>[ap])\.?m\b\.?)?"
    rf"(?: ?(?P<zone>{'|'.join(_ZONES)})(?![a-z]))?"
    r"(?: ?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?!\d))?"
)


def when(written: str | None, seen: datetime) -> datetime | None:
    """The moment that was meant, in UTC; None where there is none, or one that cannot be.

    Args:
        written: the date as the source wrote it, trusted in nothing.
        seen: when the source first showed it. A date before `EARLIEST`, or later than this by more than
            `AHEAD`, cannot be. One that is a little later is given as it is.
    """
    if not written or len(written) > LONGEST:
        return None
    try:
        moment = _read(_folded(written))
    except (ValueError, OverflowError):  # 31 April, an hour of 25, a year that no calendar has
        return None
    return moment if moment and EARLIEST <= moment <= seen + AHEAD else None


def _folded(written: str) -> str:
    """Lower case, without accents and comments, single spaces."""
    text = unicodedata.normalize("NFKC", written).casefold().replace("ı", "i").replace("\u2212", "-")
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", text) if not "\u0300" <= letter <= "\u036f"
    )
    return " ".join(_COMMENT.sub(" ", unicodedata.normalize("NFC", bare)).split())


def _read(text: str) -> datetime | None:
    if compact := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second, zone = compact.groups()
        if EARLIEST.year <= int(year) and int(month) <= 12:
            return _at(
                (int(year), int(month), int(day)), f"{hour or 0}:{minute or '00'}:{second or 0}{zone or ''}"
            )
    if epoch := _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(epoch[1]) if epoch[1] else int(epoch[2]) / 1000, tz=UTC)
    if found := _YEAR_FIRST.search(text):
        return _at((int(found["year"]), int(found["month"]), int(found["day"])), _around(text, found))
    if found := _YEAR_LAST.search(text):
        return _at(_numbers_in_order(found), _around(text, found))
    clock = _CLOCK.search(text)
    day_of_words = _named(_around(text, clock) if clock else text)
    return _at(day_of_words, clock[0] if clock else "") if day_of_words else None


def _around(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def _numbers_in_order(found: re.Match[str]) -> _Day:
    """02.12.2022 (before dots the day is first) or 12/31/2022, where only one reading can be."""
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if found["mark"] == "." or first > 12 or first == second:
        return year, second, first
    if second > 12:
        return year, first, second
    raise ValueError(f"{found[0]} may be two days")


def _named(text: str) -> _Day | None:
    """The day beside the name of a month, and the year: 2 Dec 2022, December 2nd, 2022, 2022 Dec 2."""
    words = [word for word in _WORD.findall(text) if word.isdecimal() or word in _MONTHS]
    months = [word for word in words if word in _MONTHS]
    if len(months) > 1:
        months = [word for word in months if word not in _WEEKDAYS_TOO]
        words = [word for word in words if word in months or word.isdecimal()]
    if len(months) != 1:
        return None
    at = words.index(months[0])
    before, after, last = words[max(at - 1, 0) : at], words[at + 1 : at + 2], words[at + 2 : at + 3]
    for day, year in ((before, after), (after, last), (after, before)):
        if day and year and len(day[0]) <= 2 and len(year[0]) in (2, 4):
            return _whole_year(year[0]), _MONTHS[months[0]], int(day[0])
    return None


def _whole_year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 70 else 1900)


def _at(day: _Day, clock: str) -> datetime:
    """The moment at which that day's clock showed that time; midnight where there is none."""
    midnight = datetime(*day, tzinfo=UTC)
    found = _CLOCK.search(clock)
    if not found:
        return midnight
    hour, minute = int(found["hour"]), int(found["minute"])
    if (found["late"] or found["half"] == "p") and hour < 12:
        hour += 12
    elif found["half"] == "a" and hour == 12:
        hour = 0
    second = min(int(found["second"] or 0), 59)  # 60 is a leap second
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise ValueError(f"no clock shows {found[0]}")
    fraction = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    passed = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction)
    return midnight + passed - _offset(found)


def _offset(found: re.Match[str]) -> timedelta:
    """How far the zone is ahead of UTC: by name, by number, or both (GMT+2)."""
    offset = timedelta(hours=_ZONES.get(found["zone"] or "", 0))
    if found["sign"]:
        given = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        offset += given if found["sign"] == "+" else -given
    if abs(offset) > timedelta(hours=15):
        raise ValueError(f"no zone is {offset} from UTC")
    return offset
