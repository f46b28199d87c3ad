"""Dates as sources write them."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.normalise.dates import AHEAD, EARLIEST, LONGEST, when

SEEN = datetime(2026, 11, 22, 12, tzinfo=UTC)

READ = {
    # RFC 822 and its relatives
    "Fri, 02 Dec 2022 12:34:56 GMT": "2022-12-02T12:34:56",
    "Fri, 2 Dec 2022 12:34:56 +0100": "2022-12-02T11:34:56",
    "02 Dec 2022 12:34:56 -0800 ": "2022-12-02T20:34:56",
    "Fri,  2 Dec 2022 12:34 Z": "2022-12-02T12:34:00",
    "Fri, 02 Dec 2022 12:34:56": "2022-12-02T12:34:56",
    "Fri, 02 Dec 22 12:34:56 -0800": "2022-12-02T20:34:56",
    "Thu, 02 Dec 93 12:34:56 GMT": "1993-12-02T12:34:56",
    "Friday, 02-Dec-22 12:34:56 GMT": "2022-12-02T12:34:56",
    "Fri Dec  2 12:34:56 2022": "2022-12-02T12:34:56",
    "Fri Dec  2 12:34:56 PST 2022": "2022-12-02T20:34:56",
    "Mon, 5 Sept 2022": "2022-09-05T00:00:00",
    "Mon, 05 September 2022 9:05 am": "2022-09-05T09:05:00",
    "Fri, Dec 02 2022 03:34:56 PM": "2022-12-02T15:34:56",
    "Dec 2, 2022 at 3:45 p.m. EST": "2022-12-02T20:45:00",
    "December 2nd, 2022": "2022-12-02T00:00:00",
    "2 Dec 2022 12:05 AM": "2022-12-02T00:05:00",
    "2 Dec 2022 12:05 PM": "2022-12-02T12:05:00",
    "2022 Dec 2": "2022-12-02T00:00:00",
    "2022-Dec-02 10:00": "2022-12-02T10:00:00",
    "Fri Dec 02 2022 12:34:56 GMT+0100 (Central European Standard Time)": "2022-12-02T11:34:56",
    "Sat, 31 Dec 2022 23:59:60 GMT": "2022-12-31T23:59:59",
    # zones by name
    "Tue, 02 Aug 2022 12:00:00 CEST": "2022-08-02T10:00:00",
    "Tue, 02 Aug 2022 12:00:00 BST": "2022-08-02T11:00:00",
    "Tue, 02 Aug 2022 12:00:00 EDT": "2022-08-02T16:00:00",
    "Fri, 02 Dec 2022 12:00:00 EST": "2022-12-02T17:00:00",
    "Fri, 02 Dec 2022 12:00:00 MSK": "2022-12-02T09:00:00",
    "Fri, 02 Dec 2022 12:00:00 IST": "2022-12-02T06:30:00",
    "Fri, 02 Dec 2022 12:00:00 AEDT": "2022-12-02T01:00:00",
    "Fri, 02 Dec 2022 12:00:00 JST": "2022-12-02T03:00:00",
    "Fri, 02 Dec 2022 12:00:00 UTC+02:00": "2022-12-02T10:00:00",
    "Fri, 02 Dec 2022 12:00:00 Nowhere": "2022-12-02T12:00:00",
    # ISO 8601
    "2022-12-02": "2022-12-02T00:00:00",
    "2022-12-02T12:34Z": "2022-12-02T12:34:00",
    "2022-12-02T12:34:56Z": "2022-12-02T12:34:56",
    "2022-12-02t12:34:56z": "2022-12-02T12:34:56",
    "2022-12-02 12:34:56": "2022-12-02T12:34:56",
    "2022-12-02T12:34:56.789012345Z": "2022-12-02T12:34:56.789012",
    "2022-12-02T12:34:56,5Z": "2022-12-02T12:34:56.500000",
    "2022-12-02T12:34:56+01:00": "2022-12-02T11:34:56",
    "2022-12-02T12:34:56\u221205:00": "2022-12-02T17:34:56",
    "2022-12-02T12:34:56 +0530": "2022-12-02T07:04:56",
    "2022-12-02 12:34:56 -5": "2022-12-02T17:34:56",
    "2022-12-02T12:34:5+01:00": "2022-12-02T11:34:05",
    "2022-12-02T24:00:00Z": "2022-12-03T00:00:00",
    "2022-12-02 12:34:56 UTC": "2022-12-02T12:34:56",
    "20221202T123456Z": "2022-12-02T12:34:56",
    "20221202": "2022-12-02T00:00:00",
    "202212021234": "2022-12-02T12:34:00",
    "20221202123456": "2022-12-02T12:34:56",
    # Unix time
    "1669984496": "2022-12-02T12:34:56",
    "1669984496.25": "2022-12-02T12:34:56",
    "1669984496000": "2022-12-02T12:34:56",
    "978307200": "2001-01-01T00:00:00",
    # in numbers, where only one reading can be
    "2022/12/02 12:34": "2022-12-02T12:34:00",
    "2022.12.02": "2022-12-02T00:00:00",
    "31/12/2022": "2022-12-31T00:00:00",
    "12/31/2022 3:45 PM": "2022-12-31T15:45:00",
    "12-31-2022": "2022-12-31T00:00:00",
    "02.12.2022 09:10": "2022-12-02T09:10:00",
    "2. 12. 2022": "2022-12-02T00:00:00",
    "05/05/2022": "2022-05-05T00:00:00",
    "12:34 31/12/2022": "2022-12-31T12:34:00",
    "2022年12月2日 12時34分": "2022-12-02T12:34:00",
    "2022年12月2日": "2022-12-02T00:00:00",
    "2022. 12. 2. 오후 3:45": "2022-12-02T15:45:00",
    # other languages
    "2. Dezember 2022, 14:30 Uhr": "2022-12-02T14:30:00",
    "5. M\u00e4rz 2022": "2022-03-05T00:00:00",
    "ven., 2 d\u00e9c. 2022 \u00e0 14h30": "2022-12-02T14:30:00",
    "mar., 6 d\u00e9c. 2022 10:00": "2022-12-06T10:00:00",
    "mar 15 mars 2022": "2022-03-15T00:00:00",
    "1er ao\u00fbt 2022": "2022-08-01T00:00:00",
    "2 de diciembre de 2022 a las 10:15": "2022-12-02T10:15:00",
    "2 de mar\u00e7o de 2022": "2022-03-02T00:00:00",
    "2 dicembre 2022": "2022-12-02T00:00:00",
    "2 grudnia 2022": "2022-12-02T00:00:00",
    "2 декабря 2022, 12:34": "2022-12-02T12:34:00",
    "9 мая 2022": "2022-05-09T00:00:00",
    "2 Aral\u0131k 2022": "2022-12-02T00:00:00",
}

CANNOT_BE = [
    None,
    "",
    "   ",
    "yesterday",
    "n/a",
    "0",
    "-1",
    "1970-01-01T00:00:00Z",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "1989-12-31",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2022-13-02",
    "2022-02-30",
    "2022-12-02T25:00:00Z",
    "2022-12-02T12:61:00Z",
    "2022-12-02T12:00:00+99:00",
    "Fri, 32 Dec 2022 12:34:56 GMT",
    "03/04/2022",
    "3-4-2022",
    "2 Dec",
    "December 2022",
    "2022",
    "2022-12",
    "2 May 2022 or 3 June 2022",
    "12345678901234567890",
    "99999999999999",
    "\x00\udcff",
    "2022-12-02" + " " * LONGEST,
]


@pytest.mark.parametrize(("written", "expected"), READ.items())
def test_a_date_is_read_as_it_was_meant(written: str, expected: str) -> None:
    """Every usual way to write a moment gives that moment in UTC."""
    assert when(written, SEEN) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("written", CANNOT_BE)
def test_what_cannot_be_is_no_date(written: str | None) -> None:
    """Words, two readings, days outside the calendar, 1970 and 9999 are no dates, and never an exception."""
    assert when(written, SEEN) is None


@given(st.integers(EARLIEST.timestamp(), SEEN.timestamp()), st.integers(-14 * 60, 14 * 60))
def test_rfc_822_and_iso_8601_come_back(seconds: int, minutes: int) -> None:
    """Whatever Python writes in either standard, in any zone, is read as the same moment."""
    whole = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    for written in (format_datetime(whole), whole.isoformat(), whole.isoformat(" ", "seconds")):
        assert when(written, SEEN) == whole


@given(st.text(max_size=LONGEST + 10) | st.text("0123456789:.-/+ TZadecmr,年月日", max_size=LONGEST))
@settings(max_examples=500, deadline=None)
@example("1" * LONGEST)
@example("(" * LONGEST)
@example("dec 12 " * 14)
@example("٢٠٢٢-١٢-٠٢")
def test_hostile_dates_never_raise(written: str) -> None:
    """Any string at all gives a moment that can be, or None."""
    moment = when(written, SEEN)
    assert moment is None or (moment.tzinfo is UTC and EARLIEST <= moment <= SEEN + AHEAD)


def test_a_date_a_little_ahead_stands_and_a_later_one_does_not() -> None:
    """A day ahead is a clock or a zone; more than that cannot be."""
    assert when("2026-11-23T12:00Z", SEEN) == SEEN + AHEAD
    assert when("2026-11-23T12:01Z", SEEN) is None


def test_an_archive_of_the_past_keeps_its_dates() -> None:
    """A file from 2022 dropped in 2026 is of 2022."""
    assert when("2022-12-02", SEEN) == datetime(2022, 12, 2, tzinfo=UTC)
