"""Ages in few characters."""

from __future__ import annotations

import pytest

from cocoon.cli.ages import age, span


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (190, "3m10s"),
        (3_600, "60m"),
        (7_260, "2h1m"),
        (90_000, "25h"),
        (864_000, "10d"),
    ],
)
def test_spans(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_an_age_of_nothing() -> None:
    assert age(None, 100.0) == "-"
    assert age("nonsense", 100.0) == "-"
    assert age("1970-01-01T00:00:00Z", 42.0) == "42s"
