"""What the chart lets the operator and tenants do."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.fleet.ports.resources import TOUCHED
from tests.unit.chart.conftest import Objects, Render

pytestmark = pytest.mark.helm
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def rules(objects: Objects, *names: str) -> list[dict[str, Any]]:
    """All rules of all roles, or of those whose names end so."""
    roles = [each for each in objects if each["kind"] in ("Role", "ClusterRole")]
    assert roles
    wanted = [each for each in roles if not names or each["metadata"]["name"].endswith(names)]
    return [rule for role in wanted for rule in role["rules"]]


def test_no_role_has_a_wildcard(render: Render) -> None:
    for rule in rules(render()):
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_no_role_can_read_secrets_of_others(render: Render) -> None:
    objects = render()
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


def test_tenants_handle_jobs_but_no_provider(render: Render) -> None:
    objects = [each for each in render() if each["metadata"]["name"].endswith((":view", ":edit"))]
    written = {name for rule in rules(objects) if WRITES & set(rule["verbs"]) for name in rule["resources"]}
    assert written == {"inferencejobs"}


def test_every_binding_is_to_the_operator_and_its_own_role(render: Render) -> None:
    objects = render()
    bindings = [each for each in objects if each["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert len(bindings) == 2
    for binding in bindings:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "cocoon-fleet", "namespace": "cocoon-system"}]
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
