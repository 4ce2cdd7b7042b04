"""What reaches a terminal: aligned, coloured only where that is wanted, and free of others' control characters."""

from __future__ import annotations

import io

import pytest

from cocoon.cli import screen
from cocoon.cli.screen import Cell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = screen.table(("A", "COUNT"), [("long name", "1"), ("b", "12345678")], right=("COUNT",)).splitlines()
    assert lines == ["A              COUNT", "long name          1", "b           12345678"]


def test_colours_do_not_count_as_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "colourful", lambda _: True)
    coloured = screen.table(("A", "B"), [(Cell("x", screen.BAD), "y")])
    assert coloured.splitlines()[1] == "\x1b[31mx\x1b[0m   y"


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_when_colours_are_wanted(stream: io.StringIO, environment: dict[str, str], wanted: bool) -> None:
    assert screen.colourful(stream, environment) is wanted


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\r", "\x00"])
def test_control_characters_stay_out(text: str) -> None:
    shown = screen.table(("A",), [(f"a{text}b",)])
    assert text not in shown
    assert screen.clean("größe 東京 ✓") == "größe 東京 ✓"
