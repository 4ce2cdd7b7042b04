"""What people see: tables, colours where they are wanted, and JSON or YAML for programs.

Texts come from objects that others wrote: control characters in them would let a job's message move the cursor or
change the window's title, so they never reach the terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TextIO

import click
import msgspec
from msgspec import Struct

_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160), *range(8234, 8239)), "?") | {
    ord("\n"): " ",
    ord("\t"): " ",
    ord("\r"): " ",
}
_GAP: Final = "   "
GOOD: Final = "green"
DOUBTFUL: Final = "yellow"
BAD: Final = "red"


class Cell(Struct, frozen=True):
    """A text with a colour's name; empty for none."""

    text: str
    tint: str = ""


def clean(text: str) -> str:
    """The text without control characters."""
    return text.translate(_CONTROLS)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def colourful(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether colours are wanted there: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb say otherwise."""
    return is_terminal(stream) and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def painted(text: str, tint: str) -> str:
    """The text in a colour, if standard output takes colours."""
    return click.style(text, fg=tint) if tint and colourful(sys.stdout) else text


def say(text: str = "") -> None:
    """A line on standard output."""
    click.echo(text)


def note(text: str) -> None:
    """A line on standard error, so that standard output stays what was asked for."""
    click.echo(clean(text), err=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell | str]], right: Collection[str] = ()) -> str:
    """Columns as kubectl aligns them; those named in `right` are aligned to the right."""
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    cells = [[Cell(clean(each.text), each.tint) for each in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(headers, *([c.text for c in row] for row in cells), strict=True)]
    aligned = [name in right for name in headers]
    lines = [[Cell(name) for name in headers], *cells]
    return "\n".join(_line(line, widths, aligned) for line in lines)


def _line(cells: Sequence[Cell], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for cell, width, to_the_right in zip(cells, widths, right, strict=True):
        filler = " " * (width - len(cell.text))
        shown = painted(cell.text, cell.tint)
        parts.append(filler + shown if to_the_right else shown + filler)
    return _GAP.join(parts).rstrip()


def show(value: Any, form: str) -> None:  # noqa: ANN401 - whatever msgspec can encode
    """A value as JSON or YAML."""
    if form == "yaml":
        say(msgspec.yaml.encode(msgspec.to_builtins(value)).decode().rstrip())
    else:
        say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
