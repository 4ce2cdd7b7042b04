"""Dashboards as Grafana stores them (its JSON model, schema 39, Grafana 11): one grid of 24 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from tools.dashboards.board import Board, Panel, Query

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24
_STAT_HEIGHT, _GRAPH_HEIGHT, _GRAPH_WIDTH = 4, 8, 12


class Cell(Struct, frozen=True):
    """A place on the grid, in its units: of a panel, or of a row's title if `panel` is none."""

    x: int
    y: int
    width: int
    height: int
    title: str
    panel: Panel | None


def document(name: str, board: Board) -> str:
    """The file that Grafana's sidecar loads."""
    return json.dumps(_model(name, board), indent=1, ensure_ascii=False) + "\n"


def _model(name: str, board: Board) -> dict[str, Any]:
    return {
        "uid": f"cocoon-fleet-{name}",
        "title": board.title,
        "description": board.description,
        "tags": ["cocoon-fleet"],
        "schemaVersion": 39,
        "editable": False,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "graphTooltip": 1,
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "links": [{"type": "dashboards", "tags": ["cocoon-fleet"], "title": "Cocoon Fleet", "asDropdown": True}],
        "panels": [_drawn(number, cell) for number, cell in enumerate(placed(board), start=1)],
    }


def placed(board: Board) -> Iterator[Cell]:
    """Where each row's title and each panel is on the grid."""
    y = 0
    for row in board.rows:
        yield Cell(0, y, COLUMNS, 1, row.title, None)
        x, y, height = 0, y + 1, 0
        stats = sum(panel.type == "stat" for panel in row.panels)
        for panel in row.panels:
            width = COLUMNS // stats if panel.type == "stat" else _GRAPH_WIDTH
            if x + width > COLUMNS:
                x, y = 0, y + height
            height = _STAT_HEIGHT if panel.type == "stat" else _GRAPH_HEIGHT
            yield Cell(x, y, width, height, panel.title, panel)
            x += width
        y += height


def _drawn(number: int, cell: Cell) -> dict[str, Any]:
    at = {"gridPos": {"x": cell.x, "y": cell.y, "w": cell.width, "h": cell.height}}
    if cell.panel is not None:
        return _panel(number, cell.panel) | at
    return {"id": number, "type": "row", "title": cell.title, "collapsed": False, "panels": []} | at


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.type,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [_target(letter, query) for letter, query in zip("ABCDEFGH", panel.queries, strict=False)],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.trouble:
        steps.append({"color": "red", "value": 1e-9})
    stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    custom = {"lineWidth": 1, "fillOpacity": 30 if panel.stacked else 5, "showPoints": "never", "stacking": stacking}
    shown: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    return shown if panel.type == "stat" else {**shown, **({"min": 0} if panel.stacked else {}), "custom": custom}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.type == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
        }
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _target(letter: str, query: Query) -> dict[str, Any]:
    return {"refId": letter, "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend, "range": True}
