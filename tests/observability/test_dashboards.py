"""Every panel and every alert, asked of a real Prometheus that scrapes the processes' real endpoints.

Here is the trouble that nobody can bring about in a sound cluster, such as a bug in a round; tests/e2e/test_symptoms.py
asks the same of a whole demo.
"""

from __future__ import annotations

import asyncio
import math
import shutil
from pathlib import Path

import pytest
import yaml
from tools.dashboards.board import Panel, Query, boards
from tools.reference.pages import ROOT

from tests.observability.processes import processes
from tests.observability.prometheus import Prometheus, fixed, prometheus
from tests.unit.dashboards.test_boards import LEGENDS

PROGRAM = shutil.which("prometheus")
RULES = ROOT / "charts/cocoon-fleet/alerts/alerts.yaml"
PANELS = {f"{name}: {panel.title}": panel for name, board in boards().items() for panel in board.panels}
PATIENCE = 60.0


@pytest.mark.skipif(PROGRAM is None, reason="prometheus is missing: tools/packages.sh prometheus")
async def test_every_panel_shows_something(tmp_path: Path) -> None:
    async with processes(tmp_path) as targets:
        with prometheus(str(PROGRAM), tmp_path, fixed(targets), RULES) as asked:
            assert await _silent(asked) == []
            _assert_rules_are_evaluated(asked)


async def _silent(asked: Prometheus) -> list[str]:
    """Panels without data, or without any trouble to show, though it was waited for."""
    end = asyncio.get_running_loop().time() + PATIENCE
    missing = dict(PANELS)
    while missing and asyncio.get_running_loop().time() < end:
        for name in [name for name, panel in missing.items() if _shows(asked, panel)]:
            del missing[name]
        await asyncio.sleep(0.5)
    return list(missing)


def _assert_rules_are_evaluated(asked: Prometheus) -> None:
    rules = asked.rules()
    written = yaml.safe_load(RULES.read_text())["groups"]
    assert len(rules) == sum(len(group["rules"]) for group in written)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def _shows(asked: Prometheus, panel: Panel) -> bool:
    """Whether each query has data, under few names; of trouble one must be above or below 0, for there is some."""
    numbers = [_numbers(asked, panel, query) for query in panel.queries]
    return all(numbers) and (not panel.trouble or any(map(any, numbers)))


def _numbers(asked: Prometheus, panel: Panel, query: Query) -> list[float]:
    found = asked.query(query.expr)
    for series in found:
        assert set(series["metric"]) <= LEGENDS, (panel.title, series["metric"])
    values = [float(series["value"][1]) for series in found]
    return [value for value in values if not math.isnan(value)]
