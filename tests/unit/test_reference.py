"""The generated pages say what the sources say, and every metric is one that a stranger can use."""

from __future__ import annotations

import re

import pytest
from tools.reference.metrics import Described, described, registries
from tools.reference.pages import PAGES, ROOT

# What these hold is bounded by the product or by an administrator: never a job, a Pod, a namespace or an address.
BOUNDED = {"age", "code", "kind", "lane", "method", "model", "outcome", "part", "reason", "result", "route", "state"}
BOUNDED |= {"status", "trust", "verb"}
METRICS = [metric for registry in registries().values() for metric in described(registry)]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_its_sources_are(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](ROOT), f"{name} is behind its sources; run `make reference`"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_bounded_and_explained(metric: Described) -> None:
    assert set(metric.labels) <= BOUNDED
    assert len(metric.meaning) > 10
    assert re.fullmatch(r"cocoon_(fleet|runner|payout|keyring)_[a-z_]+", metric.name)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_has_its_unit_in_its_name(metric: Described) -> None:
    assert metric.unit
    if metric.kind == "histogram":
        assert metric.name.endswith(("_seconds", "_actions", "_bytes"))
    if re.search(r"\b(Time|Age|wait)\b", metric.meaning.split(".")[0]) and metric.unit != "seconds since 1970":
        assert metric.unit in {"seconds", "jobs", "objects"}, "a time is in seconds"


@pytest.mark.parametrize(
    ("name", "meaning", "unit"),
    [
        ("cocoon_fleet_wait_seconds", "Time.", "seconds"),
        ("cocoon_payout_oldest_timestamp_seconds", "When.", "seconds since 1970"),
        ("cocoon_payout_paid_nanoton_total", "Paid.", "nanoTON"),
        ("cocoon_fleet_leading", "1 while it leads.", "1 or 0"),
        ("cocoon_runner_items_total", "Answered.", "items"),
        ("cocoon_runner_wait", "Time.", ""),
        ("cocoon_payout_earned", "Money.", ""),
    ],
)
def test_a_unit_is_read_from_a_name(name: str, meaning: str, unit: str) -> None:
    assert Described(name, "gauge", (), meaning).unit == unit


def test_every_process_shows_metrics() -> None:
    assert {metric.name.split("_")[1] for metric in METRICS} == {"fleet", "runner", "payout", "keyring"}
