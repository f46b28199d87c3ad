"""What header fields and feeds say about coming back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.schedule.freshness import after_skips, asked_pause, http_date, in_words, quiet, still_fresh

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)  # a Tuesday
IN_AN_HOUR = "Tue, 03 Nov 2026 11:00:00 GMT"
EXPIRES = "server says that it expires at Tue 2026-11-03 11:00 GMT"
YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("headers", "seconds", "words"),
    [
        ({}, None, None),
        ({"cache-control": "max-age=1800"}, 1800, "server says max-age 1800"),
        ({"cache-control": "public, Max-Age=1800, must-revalidate"}, 1800, "server says max-age 1800"),
        ({"cache-control": 'max-age="1800"'}, 1800, "server says max-age 1800"),
        ({"cache-control": "max-age=1800", "age": "600"}, 1200, "server says max-age 1800 (age 600)"),
        ({"cache-control": "max-age=1800", "age": "1800"}, None, None),
        ({"cache-control": "max-age=1800", "age": "-5"}, 1800, "server says max-age 1800"),
        ({"cache-control": "max-age=0"}, None, None),
        ({"cache-control": "max-age=0", "expires": IN_AN_HOUR}, None, None),
        ({"cache-control": "max-age=-1"}, None, None),
        ({"cache-control": "max-age=soon", "expires": IN_AN_HOUR}, 3600, EXPIRES),
        ({"cache-control": "no-cache, max-age=1800"}, None, None),
        ({"cache-control": "no-store, max-age=1800"}, None, None),
        ({"cache-control": "s-maxage=1800"}, None, None),
        ({"cache-control": "max-age=60, max-age=1800"}, 60, "server says max-age 60"),
        ({"cache-control": "max-age=" + "9" * 30}, YEAR.total_seconds(), "server says max-age 31536000"),
        ({"expires": IN_AN_HOUR}, 3600, EXPIRES),
        ({"expires": IN_AN_HOUR, "age": "600"}, 3000, EXPIRES),
        ({"expires": IN_AN_HOUR, "date": "Tue, 03 Nov 2026 10:30:00 GMT"}, 1800, EXPIRES),
        ({"expires": "Tue, 03 Nov 2026 09:00:00 GMT"}, None, None),
        ({"expires": "0"}, None, None),
        ({"expires": "-1"}, None, None),
        ({"expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, YEAR.total_seconds(), "server says"),
    ],
)  # fmt: skip
def test_still_fresh(headers, seconds, words):
    """max-age less Age comes before Expires; what is past, forbidden to keep or unreadable says nothing."""
    wish = still_fresh(headers, NOW)
    if seconds is None:
        assert wish is None
    else:
        assert wish.wait == timedelta(seconds=seconds)
        assert wish.words.startswith(words)


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("９９", None),
        ("9" * 25, YEAR.total_seconds()),
        ("9" * 4000, None),
        (IN_AN_HOUR, 3600),
        ("Tue, 03 Nov 2026 12:00:00 +0100", 3600),
        ("Tue, 03 Nov 2026 09:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR.total_seconds()),
    ],
)
def test_asked_pause(field, seconds):
    """Retry-After is seconds or a date; a date that is past asks for no wait, nonsense for none at all."""
    wait = asked_pause(field, NOW)
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


@given(
    st.text(max_size=120) | st.from_regex(r"[A-Za-z]{3}, \d{1,3} [A-Za-z]{3} \d{1,6} \d{1,3}:\d\d:\d\d.{0,6}")
)
def test_any_date(text):
    """Any text is a date in UTC or none; nothing escapes."""
    moment = http_date(text)
    assert moment is None or moment.tzinfo is UTC
    asked_pause(text, NOW)
    still_fresh({"expires": text, "cache-control": text, "age": text, "date": text}, NOW)


@pytest.mark.parametrize(
    ("ttl", "minutes"), [(None, None), (0, None), (-5, None), (60, 60), (10**30, 525_600)]
)
def test_ttl(ttl, minutes):
    """A ttl is minutes; none below one, and a year at most."""
    wish = quiet(ttl)
    assert (wish and wish.wait) == (minutes and timedelta(minutes=minutes))


def bits(*numbers):
    """A set of small numbers as bits."""
    return sum(1 << number for number in numbers)


@pytest.mark.parametrize(
    ("hours", "days", "expected"),
    [
        (0, 0, NOW + timedelta(minutes=30)),
        (bits(9, 11), bits(0, 2), NOW + timedelta(minutes=30)),
        (bits(10), 0, NOW + timedelta(hours=1)),
        (bits(10, 11, 12), 0, NOW + timedelta(hours=3)),
        (bits(*range(8, 24), *range(6)), 0, datetime(2026, 11, 4, 6, tzinfo=UTC)),
        (0, bits(1), datetime(2026, 11, 4, tzinfo=UTC)),
        (0, bits(1, 2, 3, 4, 5, 6), datetime(2026, 11, 9, tzinfo=UTC)),
        (bits(0), bits(1), datetime(2026, 11, 4, 1, tzinfo=UTC)),
        (bits(*range(24)), 0, NOW + timedelta(minutes=30)),
        (0, bits(*range(7)), NOW + timedelta(minutes=30)),
        (bits(*range(24)), bits(1), datetime(2026, 11, 4, tzinfo=UTC)),
    ],
)
def test_skips(hours, days, expected):
    """A skipped moment gives way to the next that is not; a feed that skips all of them skips none."""
    assert after_skips(NOW + timedelta(minutes=30), hours, days) == expected


@given(st.integers(0, 2**40), st.integers(0, 2**10), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_skips_end(hours, days, moment):
    """Whatever a feed skips, there is a moment within eight days."""
    moment = moment.replace(tzinfo=UTC)
    assert moment <= after_skips(moment, hours, days) <= moment + timedelta(days=8)


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=20.4), "20 s"),
        (timedelta(minutes=15), "15 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=2, hours=3, minutes=4), "2 days 3 h"),
    ],
)
def test_in_words(wait, words):
    """A wait is said in its two largest units."""
    assert in_words(wait) == words
