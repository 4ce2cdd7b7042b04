"""What the chart makes of keyrings: each generation a StatefulSet that holds nothing but its terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cocoon.api.trust import Trust
from cocoon.attest import terms, tsm
from cocoon.attest.policy import Policy
from cocoon.fleet import settings as fleet_settings
from cocoon.keyring import settings as keyring_settings
from tests.unit.chart.conftest import CHART, Objects, Render
from tests.unit.chart.values import GUEST, KEYRING, TEST_KEYRING, Values, changed

pytestmark = pytest.mark.helm
NAME = "cocoon-fleet-keyring"
OLD = changed(changed(KEYRING, "keyring.generation", "2"), "keyring.previous", [{"generation": "", "image": "old:1"}])


def named(objects: Objects, kind: str, name: str = NAME) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod(objects: Objects, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = named(objects, "StatefulSet", name)["spec"]["template"]
    return found


def read(objects: Objects, folder: Path, replica: int, name: str = NAME) -> keyring_settings.Settings:
    """The settings as that very replica reads them."""
    file = folder / "terms.json"
    file.write_text(named(objects, "ConfigMap", name)["data"]["terms.json"])
    (container,) = pod(objects, name)["spec"]["containers"]
    given = {each["name"]: each.get("value", f"{name}-{replica}") for each in container["env"]}
    mounted = container["volumeMounts"][0]["mountPath"]
    assert given["COCOON_KEYRING_TERMS"] == f"{mounted}/terms.json"
    return keyring_settings.read(given | {"COCOON_KEYRING_TERMS": str(file)})


def operator(objects: Objects) -> fleet_settings.Settings:
    (container,) = named(objects, "Deployment", "cocoon-fleet")["spec"]["template"]["spec"]["containers"]
    return fleet_settings.read_settings(container["args"], {})


def test_nothing_of_it_is_there_unless_asked_for(render: Render) -> None:
    objects = render()
    assert not [each for each in objects if "keyring" in each["metadata"]["name"]]
    assert operator(objects).keyrings == ()


@pytest.mark.parametrize("values", [KEYRING, TEST_KEYRING])
def test_each_replica_understands_its_settings(render: Render, tmp_path: Path, values: Values) -> None:
    objects = render(values)
    found = [read(objects, tmp_path, replica) for replica in range(3)]
    assert [each.founder for each in found] == [True, False, False]
    assert found[1].peers == tuple(f"https://{NAME}-{peer}.{NAME}.cocoon-system.svc:8443" for peer in (0, 2))
    assert {each.test_roots for each in found} == {values is TEST_KEYRING}
    read_terms = terms.read(found[0].terms)
    assert read_terms.runners.trust is (Trust.TEST if values is TEST_KEYRING else Trust.HARDWARE)
    assert read_terms.keyrings.measurements == (() if values is TEST_KEYRING else (GUEST,))


def test_a_keyring_of_one_has_no_peers_and_no_budget(render: Render, tmp_path: Path) -> None:
    objects = render(changed(KEYRING, "keyring.replicas", 1))
    assert read(objects, tmp_path, 0).peers == ()
    assert operator(objects).keyrings == (f"https://{NAME}-0.{NAME}.cocoon-system.svc:8443",)
    assert not [each for each in objects if each["kind"] == "PodDisruptionBudget" and each["metadata"]["name"] == NAME]
    assert named(render(KEYRING), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_the_operator_knows_every_replica_the_newest_keyring_first(render: Render) -> None:
    objects = render(OLD)
    found = operator(objects)
    hosts = [address.removeprefix("https://").partition(".")[0] for address in found.keyrings]
    assert hosts == [*(f"{NAME}-2-{replica}" for replica in range(3)), *(f"{NAME}-{replica}" for replica in range(3))]
    assert found.keyring_measurements == (GUEST,)
    assert pod(objects)["spec"]["containers"][0]["image"] == "old:1"
    assert pod(objects, f"{NAME}-2")["spec"]["containers"][0]["image"] == "cocoon-fleet/keyring:0.1.0"


def test_two_keyrings_select_each_their_own_pods(render: Render) -> None:
    objects = render(OLD)
    for kind in ("StatefulSet", "Service", "PodDisruptionBudget"):
        for name, other in ((NAME, f"{NAME}-2"), (f"{NAME}-2", NAME)):
            selector = named(objects, kind, name)["spec"]["selector"]
            wanted = selector.get("matchLabels", selector).items()
            assert wanted <= pod(objects, name)["metadata"]["labels"].items()
            assert not wanted <= pod(objects, other)["metadata"]["labels"].items()


def test_a_new_chart_restarts_no_keyring(render: Render) -> None:
    """A label with the chart's version in the Pod would roll the StatefulSet at every upgrade."""
    assert "0.1.0" not in json.dumps(pod(render(KEYRING))["metadata"])


def test_replicas_find_each_other_before_they_are_ready(render: Render) -> None:
    objects = render(KEYRING)
    service, stateful = named(objects, "Service")["spec"], named(objects, "StatefulSet")["spec"]
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    assert (stateful["serviceName"], stateful["podManagementPolicy"]) == (NAME, "Parallel")


def test_a_keyring_holds_nothing_but_its_terms(render: Render) -> None:
    objects = render(KEYRING)
    spec = pod(objects)["spec"]
    assert [each["configMap"]["name"] for each in spec["volumes"]] == [NAME]
    assert "volumeClaimTemplates" not in named(objects, "StatefulSet")["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert named(objects, "ConfigMap")["immutable"] is True
    subjects = [subject for each in objects for subject in each.get("subjects", [])]
    assert subjects
    assert NAME not in [subject["name"] for subject in subjects]


def test_only_servers_operator_and_replicas_reach_a_keyring(render: Render) -> None:
    objects = render(KEYRING)
    policy = named(objects, "NetworkPolicy")["spec"]
    (calls,) = policy["ingress"]
    ports = {each["name"]: each["containerPort"] for each in pod(objects)["spec"]["containers"][0]["ports"]}
    assert calls["ports"] == [{"protocol": "TCP", "port": "https"}]
    assert ports == {"https": 8443, "health": 9090}
    servers, *others = calls["from"]
    assert servers["namespaceSelector"] == {}
    assert servers["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "cocoon-server"
    components = [each["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for each in others]
    assert components == ["operator", "keyring", "test"]
    assert not [each for each in others if "namespaceSelector" in each]
    watching = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    scraped = named(render(changed(KEYRING, "networkPolicy.keyringScrapers", watching)), "NetworkPolicy")["spec"]
    assert scraped["ingress"][1] == {"ports": [{"protocol": "TCP", "port": "health"}], "from": watching}


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        (KEYRING, {8443, 53, 443}),
        (TEST_KEYRING, {8443, 53}),
        (changed(KEYRING, "keyring.collateral", ["/collateral"]), {8443, 53}),
        (changed(KEYRING, "keyring.collateral", ["https://mirror.example:9443/cc", "vendors"]), {8443, 53, 443, 9443}),
    ],
)
def test_a_keyring_reaches_peers_names_and_vendors(render: Render, values: Values, ports: set[int]) -> None:
    rules = named(render(values), "NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == ports


IN_GUEST = changed(KEYRING, "keyring.runtimeClassName", "kata-qemu-tdx")


def test_a_keyring_in_a_guest_reaches_its_configfs_as_root_without_a_capability(render: Render) -> None:
    spec = pod(render(IN_GUEST))["spec"]
    (folder,) = [each for each in spec["volumes"] if "hostPath" in each]
    assert folder == {"name": "configfs", "hostPath": {"path": str(tsm.ROOT.parents[1]), "type": "Directory"}}
    (container,) = spec["containers"]
    assert {"name": "configfs", "mountPath": str(tsm.ROOT.parents[1])} in container["volumeMounts"]
    given = container["securityContext"]
    assert (given["runAsUser"], given["runAsNonRoot"], given["capabilities"]) == (0, False, {"drop": ["ALL"]})


@pytest.mark.parametrize(
    "values",
    [KEYRING, TEST_KEYRING, changed(TEST_KEYRING, "keyring.runtimeClassName", "kata-qemu")],
    ids=["no guest, so it would be the node's own", "Test", "Test in a guest"],
)
def test_no_other_keyring_is_given_a_folder_of_the_node(render: Render, values: Values) -> None:
    spec = pod(render(values))["spec"]
    assert not [each for each in spec["volumes"] if "hostPath" in each]
    assert "runAsUser" not in spec["containers"][0]["securityContext"]


def test_runners_are_told_where_collateral_is_but_not_of_the_operators_folders(render: Render) -> None:
    mirror = "https://mirror.example/cc"
    told = operator(render({"collateral": [mirror, "vendors"]}))
    assert (told.collateral, told.runner_collateral) == ((mirror, "vendors"),) * 2
    assert operator(render()).runner_collateral == ("vendors",)
    more = fleet_settings.read_settings(["--collateral=/cc,vendors", f"--runner-collateral={mirror}"], {})
    assert (more.collateral, more.runner_collateral) == (("/cc", "vendors"), (mirror,))
    assert fleet_settings.read_settings(["--collateral=/cc,vendors"], {}).runner_collateral == ("vendors",)
    with pytest.raises(ValueError, match="schema"):
        render({"collateral": ["/cc"]})


def test_the_chart_knows_every_field_of_a_policy_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["definitions"]["policy"]["properties"]
    assert set(schema) == set(Policy.__struct_fields__) - {"role"}, "the role is not a matter of taste"


@pytest.mark.parametrize(
    ("values", "path", "value", "said"),
    [
        (TEST_KEYRING, "development", False, "keyring.terms.keyrings: anybody can sign"),
        (KEYRING, "keyring.terms.runners", {}, "keyring.terms.runners.measurements: without a launch"),
        (OLD, "keyring.generation", "", "keyring.previous: two keyrings"),
    ],
)
def test_what_can_not_work_is_refused_with_a_sentence(
    render: Render, values: Values, path: str, value: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        render(changed(values, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("keyring.replica", 3),
        ("keyring.replicas", 0),
        ("keyring.generation", "Two"),
        ("keyring.terms.runners", {"requireGpu": True}),
        ("keyring.previous", [{"image": "old:1"}]),
        ("keyring.patience", "2 minutes"),
        ("keyring.collector", "none"),
    ],
)
def test_a_wrong_value_is_refused_by_the_schema(render: Render, path: str, value: object) -> None:
    with pytest.raises(ValueError, match="schema"):
        render(changed(KEYRING, path, value))
