"""Durations and sizes as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.units import (
    DURATION,
    LARGEST,
    LONGEST,
    SIZE,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("10s", 10),
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86_400),
        ("2d", 172_800),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        ("90m", 5400),
        ("900", 900),
        ("0.5", 0.5),
        (900, 900),
        (0.25, 0.25),
        (timedelta(minutes=1), 60),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: object, seconds: float) -> None:
    """Units in falling order, each at most once; a bare number is seconds."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "m", "15 minuts", "15 m", "15M", "1m1h", "1h1h", "1.5h", "-5s", "+5s", "5s ", "5s\n", "1e3",
        "٣s", "1w", "PT15M", "00:15", "9" * 40 + "s", "9" * 5000, "1" * 100_000 + "x",
        -1, float("nan"), float("inf"), 10**400, True, None, [], {},
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: object) -> None:
    """With a ValueError that says what to write, and nothing else."""
    with pytest.raises(ValueError, match=r"is no duration; write 30s|is out of range"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("10 MB", 10_000_000),
        ("10MB", 10_000_000),
        ("512 KiB", 524_288),
        ("1.5 GB", 1_500_000_000),
        ("2 kB", 2000),
        ("2 KB", 2000),
        ("7 B", 7),
        ("0.1 KiB", 102),
        ("10000000", 10_000_000),
        (42, 42),
        ("1000 GB", LARGEST),
    ],
)
def test_a_size_is_read_as_people_write_it(text: object, size: int) -> None:
    """K, M and G are thousands with B alone, and 1024s with iB."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", "MB", "10 mb", "10  MB", "1 TB", "-1", "0", "0 MB", "1.5", "1e6", "10 MB\n", "9" * 5000,
        0, -1, 1.5, 10**13, True, None, [],
    ],
)  # fmt: skip
def test_what_is_no_size_is_refused(text: object) -> None:
    """With a ValueError that says what to write, and nothing else."""
    with pytest.raises(ValueError, match=r"is no size; write 512 KiB|is out of range"):
        parse_size(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST))
def test_a_duration_survives_its_text(value: timedelta) -> None:
    """`format_duration` and `parse_duration` are each other's inverse, to the microsecond."""
    assert abs(parse_duration(format_duration(value)) - value) < timedelta(microseconds=2)


@given(st.integers(0, int(LONGEST.total_seconds())))
def test_a_duration_in_whole_seconds_survives_exactly(seconds: int) -> None:
    """All durations that people write come back as they were."""
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.integers(1, LARGEST))
def test_a_size_survives_its_text(size: int) -> None:
    """`format_size` and `parse_size` are each other's inverse."""
    assert parse_size(format_size(size)) == size


@given(st.from_regex(DURATION, fullmatch=True))
def test_what_the_pattern_of_the_schema_lets_through_is_read(text: str) -> None:
    """An editor that checks by the schema promises nothing that the service refuses, but for the range."""
    try:
        parse_duration(text)
    except ValueError as error:
        assert "out of range" in str(error)  # noqa: PT017  # most texts raise nothing


@given(st.from_regex(SIZE, fullmatch=True))
def test_what_the_pattern_of_sizes_lets_through_is_read(text: str) -> None:
    """The same for sizes."""
    try:
        parse_size(text)
    except ValueError as error:
        assert "out of range" in str(error)  # noqa: PT017  # most texts raise nothing
