"""Figures of a benchmark: a table for people, and build/bench/NAME.json for machines."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench"


class Row(Struct, frozen=True):
    """One figure. `target` is empty, or reads like "≥ 100"; `met` is None where there is no target."""

    name: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None

    @classmethod
    def at_least(cls, name: str, value: float, unit: str, target: float) -> Self:
        """A figure that should not be lower than `target`."""
        return cls(name, value, unit, f"≥ {target:g}", value >= target)

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, target: float) -> Self:
        """A figure that should not be higher than `target`."""
        return cls(name, value, unit, f"≤ {target:g}", value <= target)


def report(name: str, rows: Sequence[Row]) -> int:
    """Print the table and write the file; 1 if a target was missed, else 0."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    sys.stdout.write(table(rows))
    sys.stdout.write(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    return 1 if any(row.met is False for row in rows) else 0


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one a line: name, value, unit, target, ratio to the target, verdict."""
    cells = [(row.name, f"{row.value:,.4g}", row.unit, row.target, _ratio(row), _verdict(row)) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return "".join(_line(each, widths) for each in cells)


def _line(cells: tuple[str, str, str, str, str, str], widths: list[int]) -> str:
    name, value, unit, target, ratio, verdict = cells
    figure = f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}"
    return f"{figure}  {target:<{widths[3]}}  {ratio:>{widths[4]}}  {verdict}".rstrip() + "\n"


def _ratio(row: Row) -> str:
    """The figure as a multiple of its target; empty where there is none to divide by."""
    wanted = float(row.target.split()[-1]) if row.target else 0.0
    return f"{row.value / wanted:.3g} times" if wanted else ""


def _verdict(row: Row) -> str:
    return "" if row.met is None else "met" if row.met else "MISSED"
