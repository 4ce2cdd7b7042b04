"""Each alert fires when it should and keeps still when it should, as Prometheus itself evaluates it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.reference.pages import ROOT

from tests.observability.expressions import known_series, labels_kept, names_in
from tests.unit.test_reference import BOUNDED

RULES = ROOT / "charts/cocoon-fleet/alerts/alerts.yaml"
STORIES: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(Path(__file__).with_name("stories.yaml").read_text())
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
NAMES = sorted(ALERTS)
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: tools/packages.sh prometheus")


def test_every_alert_has_its_stories() -> None:
    assert set(STORIES) == set(ALERTS)
    for name, stories in STORIES.items():
        assert {"fires", "quiet"} <= set(stories), name


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_explains_itself(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"warning", "critical"}
    annotations = alert["annotations"]
    assert set(annotations) == {"runbook_url", "summary", "description"}
    assert annotations["description"].endswith((".", "."))
    runbook = ROOT / "docs/runbooks" / annotations["runbook_url"]
    text = runbook.read_text()
    assert f"`{name}`" in text, f"{runbook.name} does not name its alert"
    assert {"## What it means", "## What to look at", "## What to do"} <= set(text.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_reads_metrics_that_exist(name: str) -> None:
    expression = ALERTS[name]["expr"]
    assert names_in(expression)
    assert names_in(expression) <= known_series()
    assert labels_kept(expression) <= BOUNDED


@pytest.mark.parametrize("name", NAMES)
def test_a_story_speaks_of_what_the_alert_reads(name: str) -> None:
    for story, figures in STORIES[name].items():
        read = {re.split(r"\{", series)[0] for series in figures} - {"up"}
        assert read <= names_in(ALERTS[name]["expr"]), story


@needs_promtool
def test_prometheus_can_read_the_rules() -> None:
    done = subprocess.run([str(PROMTOOL), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_promtool
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    written = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [_told(name, story, figures) for story, figures in STORIES[name].items()],
    }
    (tmp_path / "story.yaml").write_text(yaml.safe_dump(written))
    command = [str(PROMTOOL), "test", "rules", str(tmp_path / "story.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _told(name: str, story: str, figures: dict[str, str]) -> dict[str, Any]:
    expected = [{"labels": "{}", "value": 1}] if story.endswith("fires") else []
    return {
        "name": story,
        "interval": "1m",
        "input_series": [{"series": series, "values": str(values)} for series, values in figures.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
                "eval_time": "3h",
                "exp_samples": expected,
            }
        ],
    }
