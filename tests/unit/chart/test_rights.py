"""What the chart lets the operator and tenants do."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from cocoon.fleet.ports.resources import TOUCHED
from tests.unit.chart.conftest import Objects, Render
from tests.unit.chart.values import SETS

pytestmark = pytest.mark.helm
WRITES: Final = {"create", "update", "patch", "delete", "deletecollection"}
SEES: Final = {"get", "list", "watch"}
ADDED: Final = "rbac.authorization.k8s.io/aggregate-to-"


def rules(objects: Objects, *names: str) -> list[dict[str, Any]]:
    """All rules of all roles, or of those whose names end so."""
    roles = [each for each in objects if each["kind"] in ("Role", "ClusterRole")]
    assert roles
    wanted = [each for each in roles if not names or each["metadata"]["name"].endswith(names)]
    return [rule for role in wanted for rule in role["rules"]]


@pytest.mark.parametrize("values", SETS, ids=SETS.keys())
def test_no_role_has_a_wildcard(render: Render, values: str) -> None:
    for rule in rules(render(SETS[values])):
        assert "*" not in json.dumps(rule)


@pytest.mark.parametrize("values", SETS, ids=SETS.keys())
def test_no_role_can_read_secrets_of_others(render: Render, values: str) -> None:
    objects = render(SETS[values])
    cluster_wide = [each for each in objects if each["kind"] == "ClusterRole"]
    assert "secrets" not in [name for rule in rules(cluster_wide) for name in rule["resources"]]
    readable = [rule for rule in rules(objects) if "secrets" in rule["resources"] and "create" not in rule["verbs"]]
    assert [rule["resourceNames"] for rule in readable] == [["cocoon-fleet-operator-identity"]]


def test_the_operator_may_touch_what_it_touches_and_nothing_else(render: Render) -> None:
    names = {(found.api_version.rpartition("/")[0], found.plural) for found in TOUCHED}
    granted = {
        (group, name.partition("/")[0])
        for rule in rules(render(), ":cocoon-fleet", "cocoon-fleet")
        for group in rule["apiGroups"]
        for name in rule["resources"]
    }
    assert granted == names


@pytest.mark.parametrize(
    ("name", "resource", "verbs", "added_to"),
    [
        ("view-jobs", "inferencejobs", SEES, {"view", "edit", "admin"}),
        ("edit-jobs", "inferencejobs", WRITES, {"edit", "admin"}),
        ("view-providers", "cocoonproviders", SEES, {"view", "edit", "admin"}),
        ("edit-providers", "cocoonproviders", SEES | WRITES, set()),
    ],
)
def test_a_role_for_people(render: Render, name: str, resource: str, verbs: set[str], added_to: set[str]) -> None:
    (role,) = [each for each in render() if each["metadata"]["name"] == f"cocoon-system:cocoon-fleet:{name}"]
    (rule,) = role["rules"]
    assert (rule["resources"], set(rule["verbs"])) == ([resource], verbs)
    assert {label.removeprefix(ADDED) for label in role["metadata"]["labels"] if label.startswith(ADDED)} == added_to


def test_tenants_change_nothing_but_jobs(render: Render) -> None:
    """Whatever roles there will be: what is added to Kubernetes' own gives no right to write but on jobs."""
    added = [each for each in render() if ADDED in json.dumps(each["metadata"].get("labels", {}))]
    assert len(added) == 3
    written = {name for rule in rules(added) if WRITES & set(rule["verbs"]) for name in rule["resources"]}
    assert written == {"inferencejobs"}


def test_every_binding_is_to_the_operator_and_its_own_role(render: Render) -> None:
    objects = render()
    bindings = [each for each in objects if each["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert len(bindings) == 2
    for binding in bindings:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "cocoon-fleet", "namespace": "cocoon-system"}]
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
