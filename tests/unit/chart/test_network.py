"""Nothing is open that is not named: each workload has one NetworkPolicy, for both directions."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.fleet.settings import read_settings
from tests.unit.chart.conftest import Objects, Render
from tests.unit.chart.values import SETS, changed

pytestmark = pytest.mark.helm


def templates(objects: Objects) -> dict[str, dict[str, Any]]:
    made = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    return {each["metadata"]["name"]: each["spec"]["template"] for each in made}


def policies(objects: Objects) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "NetworkPolicy"}


def selected(objects: Objects, peer: dict[str, Any]) -> set[str]:
    """The workloads whose Pods these labels select."""
    wanted = peer["podSelector"]["matchLabels"].items()
    return {name for name, pod in templates(objects).items() if wanted <= pod["metadata"]["labels"].items()}


@pytest.mark.parametrize("name", SETS)
def test_every_workload_has_a_policy_for_both_directions(render: Render, name: str) -> None:
    objects = render(SETS[name])
    covered = [(selected(objects, each), each["policyTypes"]) for each in policies(objects).values()]
    assert {one for which, _ in covered for one in which} == set(templates(objects))
    assert all(len(which) == 1 and directions == ["Ingress", "Egress"] for which, directions in covered)
    switched_off = render(changed(SETS[name], "networkPolicy.enabled", value=False))
    assert policies(switched_off) == {}


@pytest.mark.parametrize("name", SETS)
def test_no_rule_names_nobody_by_mistake(render: Render, name: str) -> None:
    """An empty list of peers or ports means everybody."""
    for policy in policies(render(SETS[name])).values():
        for rule in policy["ingress"] + policy["egress"]:
            assert rule["ports"]
            assert rule.get("from", ["given"])
            assert rule.get("to", ["given"])
        assert all("from" in rule for rule in policy["ingress"])


@pytest.mark.parametrize(("name", "parts"), [("plain", set()), ("local", {"payout", "keyring"}), ("real", {"payout"})])
def test_the_operator_reaches_the_parts_that_there_are(render: Render, name: str, parts: set[str]) -> None:
    objects = render(SETS[name])
    (operator,) = templates(objects)["cocoon-fleet"]["spec"]["containers"]
    settings = read_settings(operator["args"], {})
    (ours,) = [
        rule
        for rule in policies(objects)["cocoon-fleet"]["egress"]
        if rule["ports"] == [{"protocol": "TCP", "port": settings.runner_port}]
    ]
    servers, *others = ours["to"]
    assert servers["podSelector"]["matchLabels"]["app.kubernetes.io/managed-by"] == "cocoon-fleet"
    assert servers["namespaceSelector"] == {}
    found = {each for peer in others for each in selected(objects, peer)}
    assert found == {f"cocoon-fleet-{part}" for part in parts}
    for each in found:
        (container,) = templates(objects)[each]["spec"]["containers"]
        assert {"name": "https", "containerPort": settings.runner_port} in container["ports"]


def test_the_charts_test_may_ask_all_three(render: Render) -> None:
    objects = render(SETS["local"])
    (pod,) = [each for each in objects if each["kind"] == "Pod"]
    for name in ("cocoon-fleet", "cocoon-fleet-payout", "cocoon-fleet-keyring"):
        callers = [peer for rule in policies(objects)[name]["ingress"] for peer in rule["from"]]
        given = [each["podSelector"]["matchLabels"].items() for each in callers if "podSelector" in each]
        assert any(labels <= pod["metadata"]["labels"].items() for labels in given)
