"""Lengths of time as people write them."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.durations import parse_duration, parse_moment, write_duration
from devctl.errors import SettingsInvalid

NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("8h", 28_800), ("2d", 172_800), ("1h30m", 5400), ("1.5h", 5400), ("45", 45), (" 1W ", 604_800)],
)  # fmt: skip
def test_lengths_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "h", "-8h", "8 h", "8x", "1h,5m", "1e9h", "999999999w", "nan", "8hh", "."])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        parse_duration(text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsInvalid):
        assert parse_duration(text) >= timedelta(0)


@given(st.integers(0, 3600 * 24 * 365))
def test_what_is_written_reads_back_to_its_two_largest_units(seconds: int) -> None:
    back = parse_duration(write_duration(timedelta(seconds=seconds))).total_seconds()
    assert seconds - 3600 < back <= seconds
    assert write_duration(timedelta(seconds=-seconds - 1)).startswith("-")


def test_moments_are_lengths_before_now_or_dates() -> None:
    assert parse_moment("2h", NOW) == datetime(2030, 1, 2, 10, tzinfo=UTC)
    assert parse_moment("2030-01-01", NOW) == datetime(2030, 1, 1, tzinfo=UTC)
