"""What the chart renders."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.fleet.settings import Settings, read_settings
from tests.unit.chart.conftest import CHART, Objects, Render

CRDS = CHART.parents[1] / "crds"


def test_the_charts_crds_are_the_crds() -> None:
    copied = {path.name: path.read_text() for path in (CHART / "definitions").iterdir()}
    written = {path.name: path.read_text() for path in CRDS.glob("*.yaml")}
    assert copied == written, "run: cp crds/*.yaml charts/cocoon-fleet/definitions/"


def only(objects: Objects, kind: str) -> dict[str, Any]:
    found = [each for each in objects if each["kind"] == kind]
    assert len(found) == 1
    return found[0]


def operator(objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operator's Pod spec and its only container."""
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def settings(objects: Objects) -> Settings:
    """The settings that an operator started so would have."""
    _, container = operator(objects)
    return read_settings(container["args"], {})


@pytest.mark.helm
def test_test_roots_are_for_development_only(render: Render) -> None:
    assert not settings(render()).allow_test_roots
    assert settings(render({"development": True})).allow_test_roots


@pytest.mark.helm
def test_private_addresses_are_asked_for(render: Render) -> None:
    assert not settings(render()).allow_private_addresses
    assert settings(render({"allowPrivateAddresses": True})).allow_private_addresses


@pytest.mark.helm
def test_servers_get_the_runner_and_the_priority_of_the_chart(render: Render) -> None:
    objects = render({"image": {"runner": "registry.example/runner:1"}})
    found = settings(objects)
    assert found.runner_image == "registry.example/runner:1"
    assert found.priority_class == only(objects, "PriorityClass")["metadata"]["name"]


@pytest.mark.helm
def test_the_lease_and_the_identity_are_those_the_role_names(render: Render) -> None:
    objects = render()
    found = settings(objects)
    named = {name for rule in only(objects, "Role")["rules"] for name in rule.get("resourceNames", [])}
    assert named == {found.lease, found.identity_secret}


@pytest.mark.helm
def test_probes_and_service_lead_to_the_operators_port(render: Render) -> None:
    objects = render()
    _, container = operator(objects)
    (port,) = container["ports"]
    assert port["containerPort"] == settings(objects).port
    assert only(objects, "Service")["spec"]["ports"][0]["targetPort"] == port["name"]


@pytest.mark.helm
def test_one_replica_stays_while_nodes_are_drained(render: Render) -> None:
    assert only(render(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    kinds = [each["kind"] for each in render({"replicas": 1})]
    assert "PodDisruptionBudget" not in kinds, "the budget of a single replica would block every drain for ever"


@pytest.mark.helm
def test_every_selector_selects_the_operators_pods(render: Render) -> None:
    objects = render()
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert only(objects, kind)["spec"]["selector"]["matchLabels"].items() <= labels
    assert only(objects, "Service")["spec"]["selector"].items() <= labels


@pytest.mark.helm
@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 0},
        {"replica": 2},
        {"image": {"pullPolicy": "Sometimes"}},
        {"development": "yes"},
        {"logLevel": "verbose"},
    ],
)
def test_a_wrong_value_is_refused(render: Render, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="schema"):
        render(wrong)
