"""Dashboards and alerts on a whole demo: each panel has something to show, and trouble shows on a bad day."""

from __future__ import annotations

import time

import msgspec
import pytest
from tools.dashboards.board import Panel, boards
from tools.dashboards.scrape import Scrape, shown

from demo.errors import DemoError
from demo.kubectl import until
from tests.e2e.conftest import PROMETHEUS, ROOT, Demo
from tests.e2e.fleet import Fleet
from tests.e2e.incidents import Day
from tests.e2e.watch import Watch
from tests.unit.dashboards.test_boards import LEGENDS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is missing: tools/packages.sh prometheus"),
]
PANELS = [(f"{name}: {panel.title}", panel) for name, board in boards().items() for panel in board.panels]
#: What a sound fleet does not have, whatever happens to it: tests/observability shows it instead, on figures made up.
NEVER_HERE = {"operator: Broken rounds"}
NOTED_AT_ONCE = {"CocoonTritonUnitMismatch", "CocoonPayoutDrift", "CocoonNodeQuarantined", "CocoonServersNotTrusted"}
SCRAPE = ROOT / "build/dashboards/scrape.json"


@pytest.fixture(scope="module")
def scrape(demo: Demo, fleet: Fleet, watch: Watch) -> Scrape:
    """All panels' figures, from before the demo until the end of a bad day; kept for `make pictures`."""
    Day(demo.cluster, fleet, watch).happens()
    end = time.time()
    found = Scrape(watch.since, end, {query: shown(watch.asked, query, watch.since, end) for query in _queries()})
    SCRAPE.parent.mkdir(parents=True, exist_ok=True)
    SCRAPE.write_bytes(msgspec.json.encode(found))
    return found


def _queries() -> set[str]:
    return {query.expr for _, panel in PANELS for query in panel.queries}


def test_all_that_there_is_was_scraped(scrape: Scrape, watch: Watch) -> None:
    try:
        until(lambda: not _down(watch), "an answer of all targets", 30)  # Pods of the bad day are on their way out
    except DemoError:
        pytest.fail("\n".join(_down(watch)))
    found = watch.asked.targets()
    paths = [each["scrapeUrl"].rpartition(":")[2].partition("/")[2] for each in found]
    assert paths.count("metrics/triton") >= 1
    assert watch.value("count(nv_inference_request_success)") > 0
    pods = {each["labels"]["pod"].rpartition("-")[0] for each in found}
    assert pods > {"cocoon-fleet-payout", "cocoon-fleet-keyring"}


def _down(watch: Watch) -> list[str]:
    return [f"{each['scrapeUrl']}: {each['lastError']}" for each in watch.asked.targets() if each["health"] != "up"]


@pytest.mark.parametrize("panel", [pytest.param(panel, id=name) for name, panel in PANELS])
def test_a_panel_has_data(panel: Panel, scrape: Scrape) -> None:
    for query in panel.queries:
        series = scrape.series[query.expr]
        assert any(each.numbers for each in series), query.expr
        assert all(set(each.labels) <= LEGENDS for each in series)


@pytest.mark.parametrize("panel", [pytest.param(panel, id=name) for name, panel in PANELS if panel.trouble])
def test_a_panel_of_trouble_was_at_rest_and_was_not(
    panel: Panel, scrape: Scrape, request: pytest.FixtureRequest
) -> None:
    lines = [each for query in panel.queries for each in scrape.series[query.expr]]
    troubled = {at for each in lines for at, value in each.points if value}
    assert len(troubled) < scrape.end - scrape.start - 10, "it shows trouble all the time"
    if request.node.callspec.id not in NEVER_HERE:
        assert troubled


def test_alerts_were_about_to_fire(scrape: Scrape, watch: Watch) -> None:
    found = watch.asked.over_time("ALERTS", scrape.start, scrape.end)
    assert {each["metric"]["alertname"] for each in found} >= NOTED_AT_ONCE
    assert {rule["name"]: rule.get("lastError") for rule in watch.asked.rules() if rule["health"] != "ok"} == {}
