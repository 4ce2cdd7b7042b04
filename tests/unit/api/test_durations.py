from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5_400),
        ("2d", 172_800),
        ("1d2h3m4s", 93_784),
        ("1d4s", 86_404),
        ("007m", 420),
        ("99999d", 99_999 * 86_400),
        ("99999999s", 99_999_999),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 99_999), st.integers(0, 999_999), st.integers(0, 9_999_999), st.integers(0, 99_999_999))
def test_units_are_added(days: int, hours: int, minutes: int, seconds: int) -> None:
    total = 86_400 * days + 3_600 * hours + 60 * minutes + seconds
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == total


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "90",
        "s",
        "h30m",
        "-1s",
        "+1s",
        "1.5h",
        "1m1h",
        "1s1s",
        "1H",
        "1ms",
        "1 h",
        "1h ",
        "1h\n",
        "PT1H",
        "٣s",
        "100000d",
        "1w",
    ],
)
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 90s, 10m or 1h30m"):
        parse_duration(text)
