"""What the chart gives to Prometheus and Grafana, and that it gives nothing unasked."""

from __future__ import annotations

import json

import pytest
import yaml

from cocoon.fleet.render.names import METRICS_PORT
from tests.unit.chart.conftest import CHART, Render
from tests.unit.chart.values import KEYRING, LOCAL

KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}

pytestmark = pytest.mark.helm


def test_nothing_of_it_is_there_unless_asked_for(render: Render) -> None:
    found = render()
    assert not KINDS & {each["kind"] for each in found}
    assert not [each for each in found if "dashboard" in each["metadata"]["name"]]


def test_monitors_select_what_there_is(render: Render) -> None:
    found = render(LOCAL | {"monitoring": {"enabled": True, "labels": {"release": "prometheus"}}})
    monitors = [each for each in found if each["kind"] in KINDS]
    assert all(each["metadata"]["labels"]["release"] == "prometheus" for each in monitors)
    services = [each for each in found if each["kind"] == "Service"]
    for monitor in (each for each in monitors if each["kind"] == "ServiceMonitor"):
        wanted, [endpoint] = monitor["spec"]["selector"]["matchLabels"].items(), monitor["spec"]["endpoints"]
        [service] = [each for each in services if wanted <= each["metadata"]["labels"].items()]
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    [servers] = [each for each in monitors if each["kind"] == "PodMonitor"]
    assert servers["spec"]["namespaceSelector"] == {"any": True}
    found_at = [(each["port"], each["path"]) for each in servers["spec"]["podMetricsEndpoints"]]
    assert found_at == [("metrics", "/metrics"), ("metrics", "/metrics/triton")]
    assert METRICS_PORT == 9090


def test_keyrings_are_scraped_by_the_name_of_their_port(render: Render) -> None:
    found = render(KEYRING | {"monitoring": {"enabled": True}})
    [monitor] = [
        each for each in found if each["metadata"]["name"].endswith("-keyring") and each["kind"] == "PodMonitor"
    ]
    [keyring] = [each for each in found if each["kind"] == "StatefulSet"]
    pod = keyring["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in ports


def test_an_alert_points_to_its_runbook(render: Render) -> None:
    where = "https://docs.example.com/runbooks/"
    found = render({"monitoring": {"enabled": True, "rules": {"runbooks": where}}})
    [rule] = [each for each in found if each["kind"] == "PrometheusRule"]
    written = yaml.safe_load((CHART / "alerts/alerts.yaml").read_text())
    for group, source in zip(rule["spec"]["groups"], written["groups"], strict=True):
        for alert, original in zip(group["rules"], source["rules"], strict=True):
            assert alert["annotations"].pop("runbook_url") == where + original["annotations"].pop("runbook_url")
            assert alert == original


def test_grafanas_sidecar_finds_the_dashboards(render: Render) -> None:
    found = render({"monitoring": {"dashboards": {"enabled": True}}})
    boards = [each for each in found if each["metadata"]["labels"].get("grafana_dashboard") == "1"]
    assert len(boards) == 5
    for board in boards:
        [(name, text)] = board["data"].items()
        assert text == (CHART / "dashboards" / name).read_text()
        assert json.loads(text)["uid"].startswith("cocoon-fleet-")


def test_a_wrong_word_is_refused_by_its_name(render: Render) -> None:
    with pytest.raises(ValueError, match="dashboard"):
        render({"monitoring": {"dashboard": {"enabled": True}}})
