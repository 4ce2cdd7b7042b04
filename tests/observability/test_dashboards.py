"""Every panel and every alert, asked of a real Prometheus that scrapes the processes' real endpoints.

Here is the trouble that nobody can bring about in a sound cluster, such as a bug in a round; tests/e2e/test_symptoms.py
asks the same of a whole demo.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import aiohttp
import pytest
import yaml
from tools.dashboards.board import Panel, Query, boards
from tools.reference.pages import ROOT

from tests.observability.processes import processes
from tests.observability.prometheus import Prometheus, fixed, prometheus
from tests.unit.dashboards.test_boards import LEGENDS

PROGRAM = shutil.which("prometheus")
RULES = ROOT / "charts/cocoon-fleet/alerts/alerts.yaml"
QUERIES = [
    (f"{name}: {panel.title}", panel, query)
    for name, board in boards().items()
    for panel in board.panels
    for query in panel.queries
]
PATIENCE = 60.0


@pytest.mark.skipif(PROGRAM is None, reason="prometheus is missing: tools/packages.sh prometheus")
async def test_every_panel_shows_something(tmp_path: Path) -> None:
    async with processes(tmp_path) as targets:
        with prometheus(str(PROGRAM), tmp_path, fixed(targets), RULES) as running:
            async with aiohttp.ClientSession(f"http://{running.address}") as session:
                asked = Prometheus(session)
                assert await _silent(asked) == []
                await _assert_rules_are_evaluated(asked)


async def _silent(asked: Prometheus) -> list[str]:
    """Panels with a query that has nothing to show though it was waited for."""
    missing = set(range(len(QUERIES)))
    end = asyncio.get_running_loop().time() + PATIENCE
    while missing and asyncio.get_running_loop().time() < end:
        for number in list(missing):
            if await _shows(asked, *QUERIES[number][1:]):
                missing.remove(number)
        await asyncio.sleep(0.5)
    return [QUERIES[number][0] for number in missing]


async def _assert_rules_are_evaluated(asked: Prometheus) -> None:
    rules = await asked.rules()
    written = yaml.safe_load(RULES.read_text())["groups"]
    assert len(rules) == sum(len(group["rules"]) for group in written)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


async def _shows(asked: Prometheus, panel: Panel, query: Query) -> bool:
    """Whether there is data, under few names; what shows trouble must be above or below 0, for there is some."""
    found = await asked.query(query.expr)
    for series in found:
        assert set(series["metric"]) <= LEGENDS, (panel.title, series["metric"])
    values = [float(series["value"][1]) for series in found]
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN is what has no data yet
    return any(numbers) if panel.trouble else bool(numbers)
