"""Every panel can be read by somebody who has not written it, and asks for figures that there are."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tools.dashboards.board import Panel, boards
from tools.dashboards.grafana import document
from tools.reference.pages import ROOT

from tests.observability.expressions import known_series, labels_kept, names_in
from tests.unit.test_reference import BOUNDED

BOARDS = boards()
PANELS = [pytest.param(panel, id=f"{name}: {panel.title}") for name, board in BOARDS.items() for panel in board.panels]
#: Replicas of our own processes: at most five of each.
LEGENDS = BOUNDED | {"pod"}
UNITS = {"short", "s", "ops", "reqps", "bytes", "percentunit", "suffix:TON", "suffix:TON/h"}
FILES = ROOT / "charts/cocoon-fleet/dashboards"


def test_there_are_five() -> None:
    assert set(BOARDS) == {"fleet", "jobs", "earnings", "trust", "operator"}


@pytest.mark.parametrize("name", BOARDS)
def test_the_chart_has_what_the_sources_say(name: str) -> None:
    assert (FILES / f"{name}.json").read_text() == document(name, BOARDS[name]), "run `make reference`"


@pytest.mark.parametrize("name", BOARDS)
def test_grafana_knows_every_field(name: str) -> None:
    """Its own types drop what they don't know, options of the panels' plugins too."""
    written = json.loads((FILES / f"{name}.json").read_text())
    register_default_plugins()
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert _lost(written, read) == []


def _lost(written: Any, read: Any, path: str = "") -> list[str]:
    """Where something was written that was not read, or read as something else."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [lost for key in written for lost in _lost(written[key], read.get(key, ...), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [lost for number, (left, right) in pairs for lost in _lost(left, right, f"{path}[{number}]")]
    return [] if written == read else [path]


def test_a_field_that_grafana_does_not_know_is_found() -> None:
    panel = {"type": "timeseries", "options": {"legend": {"showLegend": True, "colour": "red"}}, "titel": "Jobs"}
    register_default_plugins()
    read = json.loads(json.dumps(Dashboard.from_json({"panels": [panel]}), cls=JSONEncoder))
    assert _lost({"panels": [panel]}, read) == [".panels[0].options.legend.colour", ".panels[0].titel"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_explains_itself(panel: Panel) -> None:
    assert panel.title[0].isupper()
    assert len(panel.description) > 10
    assert panel.description.endswith(".")
    assert panel.unit in UNITS
    assert panel.queries


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_metrics_that_exist(panel: Panel) -> None:
    for query in panel.queries:
        assert names_in(query.expr)
        assert names_in(query.expr) <= known_series()


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_few_series_with_names_of_their_own(panel: Panel) -> None:
    assert len(panel.queries) <= 4
    for query in panel.queries:
        named = set(re.findall(r"\{\{([a-z_]+)\}\}", query.legend))
        assert named <= LEGENDS
        assert labels_kept(query.expr) <= LEGENDS
        assert named <= labels_kept(query.expr)
        assert re.search(r"\b(sum|max|min)\b", query.expr), "series of all Pods, one by one, have no bound"
    assert len({query.legend for query in panel.queries}) == len(panel.queries)


def test_a_unit_is_that_of_the_metric() -> None:
    for panel in (panel for board in BOARDS.values() for panel in board.panels):
        for query in panel.queries:
            assert ("nanoton" in query.expr) == ("1e9" in query.expr), panel.title
            assert ("nanoton" in query.expr) == panel.unit.startswith("suffix:TON"), panel.title
            if "histogram_quantile" in query.expr:
                assert panel.unit == "s", panel.title


@pytest.mark.parametrize("name", BOARDS)
def test_grafana_can_place_the_panels(name: str) -> None:
    model: dict[str, Any] = json.loads((FILES / f"{name}.json").read_text())
    assert [each["name"] for each in model["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in model["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in model["panels"]}) == len(model["panels"])
