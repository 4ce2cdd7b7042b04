"""What the manifests must have whatever a provider says, and what makes servers outdated."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cocoon.api.groups import ATTESTED_CONDITION
from cocoon.api.provider import TechnologySpec
from cocoon.api.resources import Manifest
from cocoon.api.trust import Trust
from cocoon.attest import tsm
from cocoon.fleet.observe.provider import provider as observe
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.records import Provider
from cocoon.fleet.render.disruption_budget import disruption_budgets
from cocoon.fleet.render.names import label_value
from cocoon.fleet.render.network_policy import network_policy
from cocoon.fleet.render.server_pod import RunnerTerms, server_pod
from tests.scenario import builders

TERMS = RunnerTerms(image="runner:1", operator_certificates="PEM")
TDX = TechnologySpec("TDX", "kata", builders.GPU)


def _provider(models: list[Any] | None = None, **spec: Any) -> Provider:
    body = builders.provider("dc1", models or ["minilm"], **spec)
    body["metadata"] |= {"uid": "u1", "resourceVersion": "1", "generation": 1}
    return observe(body, allow_test_roots=True)


def _hardware(models: list[Any] | None = None) -> Provider:
    found = _provider(models)
    return replace(found, trust=Trust.HARDWARE)


def _pod(provider: Provider, terms: RunnerTerms = TERMS, technology: TechnologySpec = TDX) -> Manifest:
    offer = provider.offers["minilm"]
    wish = CreateServer(provider.key, provider.uid, "minilm", offer.template, "n1", technology, "dc1-minilm-1")
    return server_pod(provider, wish, terms)


def _container(pod: Manifest, name: str) -> dict[str, Any]:
    return next(each for each in _containers(pod) if each["name"] == name)


def _containers(pod: Manifest) -> list[dict[str, Any]]:
    return [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]


def _environment(pod: Manifest) -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container(pod, "runner")["env"]}


def test_a_server_can_do_nothing_to_the_cluster() -> None:
    pod = _pod(_provider())
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert all(each["securityContext"]["capabilities"] == {"drop": ["ALL"]} for each in _containers(pod))
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in _containers(pod))


@pytest.mark.parametrize("name", ["TDX", "SEV-SNP"])
def test_only_the_runner_reaches_the_guests_configfs_as_root_without_a_capability(name: Any) -> None:
    source = {"image": "models:1"}
    pod = _pod(_hardware([builders.model("minilm", source=source)]), technology=replace(TDX, name=name))
    folders = [each["hostPath"] for each in pod["spec"]["volumes"] if "hostPath" in each]
    assert folders == [{"path": "/sys/kernel/config", "type": "Directory"}]
    holders = [
        each["name"] for each in _containers(pod) for mount in each["volumeMounts"] if mount["name"] == "configfs"
    ]
    assert holders == ["runner"]
    assert {"name": "configfs", "mountPath": str(tsm.ROOT.parents[1])} in _container(pod, "runner")["volumeMounts"]
    given = _container(pod, "runner")["securityContext"]
    assert (given["runAsUser"], given["capabilities"], given["allowPrivilegeEscalation"]) == (
        0,
        {"drop": ["ALL"]},
        False,
    )
    assert not any("runAsUser" in each["securityContext"] for each in _containers(pod) if each["name"] != "runner")


@pytest.mark.parametrize(
    ("provider", "technology"),
    [
        (_provider(), TDX),
        (_hardware(), replace(TDX, runtime_class_name="")),
        (_hardware(), replace(TDX, name="Development")),
    ],
    ids=["trust Test", "no guest, so it would be the node's own", "Development"],
)
def test_nothing_else_is_given_a_folder_of_the_node(provider: Provider, technology: TechnologySpec) -> None:
    pod = _pod(provider, technology=technology)
    assert not [each for each in pod["spec"]["volumes"] if "hostPath" in each]
    assert not any("runAsUser" in each["securityContext"] for each in _containers(pod))


def test_a_runner_is_told_where_collateral_is() -> None:
    assert _environment(_pod(_provider()))["COCOON_COLLATERAL"] == "vendors"
    places = ("https://mirror.example/cc", "vendors")
    assert _environment(_pod(_provider(), replace(TERMS, collateral=places)))["COCOON_COLLATERAL"] == ",".join(places)


@pytest.mark.parametrize(
    ("place", "added"),
    [
        ("vendors", []),
        ("https://mirror.example/cc", []),
        (
            "https://mirror.cc-system.svc.cluster.local/cc",
            [{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "cc-system"}}}]}],
        ),
        (
            "https://10.1.2.3:8443/cc",
            [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"protocol": "TCP", "port": 8443}]}],
        ),
        (
            "https://[fd00::1]/cc",
            [{"to": [{"ipBlock": {"cidr": "fd00::1/128"}}], "ports": [{"protocol": "TCP", "port": 443}]}],
        ),
    ],
)
def test_servers_reach_mirrors_of_collateral(place: str, added: list[Any]) -> None:
    plain = network_policy(_provider(), TERMS)["spec"]["egress"]
    given = network_policy(_provider(), replace(TERMS, collateral=(place,)))["spec"]["egress"]
    assert [rule for rule in given[2:] if rule not in plain] == added


def test_a_mirror_on_another_port_may_be_asked() -> None:
    policy = network_policy(_provider(), replace(TERMS, collateral=("https://mirror.example:8443/cc",)))
    assert [port["port"] for port in policy["spec"]["egress"][1]["ports"]] == [443, 8443]


def test_triton_is_ended_after_the_runner() -> None:
    spec = _pod(_provider())["spec"]
    assert [each["name"] for each in spec["containers"]] == ["runner"]
    assert (spec["initContainers"][-1]["name"], spec["initContainers"][-1]["restartPolicy"]) == ("triton", "Always")


def test_a_server_is_pinned_to_its_node_and_outlasts_its_silence() -> None:
    spec = _pod(_provider())["spec"]
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
    lasting = {each["key"] for each in spec["tolerations"] if "tolerationSeconds" not in each}
    assert {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} <= lasting


def test_a_server_is_ready_only_if_it_is_attested_and_ends_only_after_its_jobs() -> None:
    provider = _provider(drainTimeout="1h")
    spec = _pod(provider)["spec"]
    assert spec["readinessGates"] == [{"conditionType": ATTESTED_CONDITION}]
    assert spec["terminationGracePeriodSeconds"] > provider.drain_timeout


def test_triton_listens_to_its_own_pod_only_and_its_control_needs_the_runners_key() -> None:
    pod = _pod(_provider())
    arguments = _container(pod, "triton")["args"]
    assert {"--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--model-control-mode=explicit"} <= set(arguments)
    key = _environment(pod)["COCOON_TRITON_CONTROL_KEY"]
    assert any(each.startswith("--grpc-restricted-protocol=model-repository") and key in each for each in arguments)


def test_the_gpus_go_to_triton() -> None:
    pod = _pod(_provider([builders.model("minilm", gpus=4)], triton={"resources": {"limits": {"memory": "1Gi"}}}))
    assert _container(pod, "triton")["resources"]["limits"] == {"memory": "1Gi", builders.GPU: "4"}
    assert builders.GPU not in _container(pod, "runner")["resources"]["limits"]
    assert _environment(pod)["COCOON_GPUS"] == "4", "so the runner knows whom to ask"


@pytest.mark.parametrize(
    ("source", "volume"),
    [
        ({"claimName": "c", "path": "p"}, {"persistentVolumeClaim": {"claimName": "c", "readOnly": True}}),
        ({"uri": "https://m.example/x.tar"}, {"emptyDir": {}}),
        ({"image": "models:1"}, {"emptyDir": {}}),
    ],
)
def test_sources_are_mounted_read_only(source: dict[str, str], volume: dict[str, Any]) -> None:
    pod = _pod(_provider([builders.model("minilm", source=source)]))
    sources = next(each for each in pod["spec"]["volumes"] if each["name"] == "sources")
    assert sources == {"name": "sources"} | volume
    mount = next(each for each in _container(pod, "runner")["volumeMounts"] if each["name"] == "sources")
    assert mount["readOnly"] is True
    copied = any(each["name"] == "model" for each in pod["spec"]["initContainers"])
    assert copied == ("image" in source)


def _template(**spec: Any) -> str:
    return _provider(**spec).offers["minilm"].template


@pytest.mark.parametrize(
    "spec",
    [
        {"wallet": {"address": "0:" + "1" * 64}},
        {"operation": "Hold"},
        {"drainTimeout": "1m"},
        {"allowedNamespaces": {"from": "All"}},
        {"nodes": {"selector": {"matchLabels": {"a": "b"}}}},
        {"models": [builders.model("minilm", price={"perMillionItems": "9"})]},
        {"models": [builders.model("minilm", servers={"minimum": 1, "maximum": 9, "idleTimeout": "1m"})]},
        {"models": [builders.model("minilm"), builders.model("other")]},
        {"imagePullSecrets": [{"name": "s"}]},
    ],
)
def test_what_restarts_nothing(spec: dict[str, Any]) -> None:
    assert _template(**spec) == _template()


@pytest.mark.parametrize(
    "spec",
    [
        {"triton": {"image": "other"}},
        {"triton": {"args": ["--log-verbose=1"]}},
        {"triton": {"sharedMemory": "2Gi"}},
        {"caBundle": "PEM"},
        {"proxy": {"httpsProxy": "http://p"}},
        {"models": [builders.model("minilm", sha256="b" * 64)]},
        {"models": [builders.model("minilm", gpus=2)]},
        {"models": [builders.model("minilm", maxConcurrency=9)]},
        {"models": [builders.model("minilm", isolation="PerNamespace")]},
    ],
)
def test_what_replaces_servers(spec: dict[str, Any]) -> None:
    assert _template(**spec) != _template()


def test_nothing_reaches_a_server_but_the_operator_and_a_server_reaches_nothing_private() -> None:
    policy = network_policy(_provider(), TERMS)["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8443, 9090]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"
    names, out = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert names["to"][0]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    assert "10.0.0.0/8" in out["to"][0]["ipBlock"]["except"]
    assert out["ports"] == [{"protocol": "TCP", "port": 443}]


def test_a_model_on_another_port_may_be_fetched() -> None:
    source = {"uri": "https://models.example:8443/minilm.tar"}
    policy = network_policy(_provider([builders.model("minilm", source=source)]), TERMS)
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 8443]


def test_drain_takes_one_server_of_a_minimum_at_a_time() -> None:
    kept = [builders.model(name, servers={"minimum": n, "maximum": 4}) for name, n in (("a", 0), ("b", 1), ("c", 3))]
    assert [each["spec"]["minAvailable"] for each in disruption_budgets(_provider(kept))] == [2]


def test_a_label_value_has_63_characters_at_most() -> None:
    assert label_value("a" * 63) == "a" * 63
    assert len(label_value("a" * 64)) <= 63
    assert label_value("a" * 64) != label_value("a" * 65)


def test_servers_reach_keyrings_where_there_are_any() -> None:
    plain = network_policy(_provider(), TERMS)["spec"]["egress"]
    with_keyrings = network_policy(_provider(), replace(TERMS, keyring_ports=(8443,)))["spec"]["egress"]
    (added,) = [rule for rule in with_keyrings if rule not in plain]
    assert added["ports"] == [{"protocol": "TCP", "port": 8443}]
    assert added["to"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/component": "keyring"}}
    assert added["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "cocoon-system"}
