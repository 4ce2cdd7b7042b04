"""What a dashboard says, without how Grafana stores it: rows of panels, each with its queries."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import yaml
from msgspec import Struct

BOARDS = Path(__file__).parent / "boards"


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """A PromQL expression, and how its series are called: `{{label}}` stands for a label's value."""

    expr: str
    legend: str


class Panel(Struct, frozen=True, forbid_unknown_fields=True):
    """One picture. `unit` is Grafana's word for it; `trouble` is a number that should be 0."""

    title: str
    description: str
    queries: tuple[Query, ...]
    type: Literal["timeseries", "stat"] = "timeseries"
    unit: str = "short"
    stacked: bool = False
    trouble: bool = False


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """One dashboard."""

    title: str
    description: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in their order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def boards() -> dict[str, Board]:
    """All dashboards by name. Raises msgspec.ValidationError for one that is none."""
    return {
        path.stem: msgspec.convert(yaml.safe_load(path.read_text()), Board) for path in sorted(BOARDS.glob("*.yaml"))
    }
