from typing import Any

import pytest

from devcluster.kube import Json
from devcluster.network_policy import Allow, Direction, Isolation, isolate


def pod(name: str, address: str, namespace: str = "shop", **more: Any) -> Json:
    ports = [{"name": "web", "containerPort": more.pop("web")}] if "web" in more else []
    meta = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"metadata": meta, "spec": {"containers": [{"ports": ports}], **more}, "status": {"podIP": address}}


def policy(namespace: str = "shop", **spec: Any) -> Json:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


NAMESPACES: list[Json] = [
    {"metadata": {"name": "shop", "labels": {"team": "a"}}},
    {"metadata": {"name": "bank", "labels": {"team": "b"}}},
]
DESK, SHELF, VAULT = "10.244.0.2", "10.244.0.3", "10.244.0.9"
PODS = [pod("desk", DESK), pod("shelf", SHELF, web=8080), pod("vault", VAULT, "bank", web=9090)]
EVERYONE_IN_SHOP = (DESK, SHELF)


def allowed(
    address: str, *policies: Json, pods: list[Json] = PODS, way: Direction = "ingress"
) -> tuple[Allow, ...] | None:
    """What the Pod may do, None if it is not isolated."""
    found = {(each.address, each.direction): each.allows for each in isolate(policies, pods, NAMESPACES)}
    return found.get((address, way))


def test_without_policies_nobody_is_isolated() -> None:
    assert isolate([], PODS, NAMESPACES) == []


def test_a_policy_without_rules_denies_all_ingress_in_its_namespace_only() -> None:
    assert isolate([policy()], PODS, NAMESPACES) == [Isolation(DESK, "ingress", ()), Isolation(SHELF, "ingress", ())]


def test_egress_is_isolated_only_when_asked_for() -> None:
    assert allowed(DESK, policy(), way="egress") is None
    assert allowed(DESK, policy(policyTypes=["Egress"]), way="egress") == ()
    assert allowed(DESK, policy(egress=[{}]), way="egress") == (Allow(),)
    assert allowed(DESK, policy(policyTypes=["Egress"]), way="ingress") is None


def test_an_empty_rule_allows_everyone() -> None:
    assert allowed(DESK, policy(ingress=[{}])) == (Allow(),)


def test_policies_add_up() -> None:
    first = policy(ingress=[{"ports": [{"port": 80}]}])
    second = policy(ingress=[{"ports": [{"port": 443}]}])
    assert allowed(DESK, first, second) == (
        Allow(protocol="tcp", ports=(80, 80)),
        Allow(protocol="tcp", ports=(443, 443)),
    )


@pytest.mark.parametrize(
    ("peer", "networks"),
    [
        ({"podSelector": {}}, EVERYONE_IN_SHOP),
        ({"podSelector": {"matchLabels": {"app": "shelf"}}}, (SHELF,)),
        ({"namespaceSelector": {}}, (DESK, SHELF, VAULT)),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, (VAULT,)),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "desk"}}}, (DESK,)),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["desk"]}]}}, (DESK,)),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["desk"]}]}}, (SHELF,)),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, EVERYONE_IN_SHOP),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, ("10.0.0.0/8",)),
    ],
)
def test_peers(peer: Json, networks: tuple[str, ...]) -> None:
    assert allowed(DESK, policy(ingress=[{"from": [peer]}])) == (Allow(networks),)
    assert allowed(DESK, policy(egress=[{"to": [peer]}], policyTypes=["Egress"]), way="egress") == (Allow(networks),)


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {"matchLabels": {"app": "nobody"}}},
        {"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}},
        {"namespaceSelector": {"matchLabels": {"team": "nobody"}}},
        {"ipBlock": {"cidr": "fd00::/8"}},
    ],
)
def test_a_peer_that_is_nobody_allows_nobody(peer: Json) -> None:
    assert allowed(DESK, policy(ingress=[{"from": [peer]}])) == ()


def test_a_block_of_addresses_with_exceptions() -> None:
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}}
    expected = Allow(("0.0.0.0/0",), ("10.0.0.0/8", "169.254.0.0/16"))
    assert allowed(DESK, policy(egress=[{"to": [block]}]), way="egress") == (expected,)


@pytest.mark.parametrize(
    ("port", "protocol", "ports"),
    [
        ({"port": 80}, "tcp", (80, 80)),
        ({"port": 53, "protocol": "UDP"}, "udp", (53, 53)),
        ({"port": 8000, "endPort": 9000}, "tcp", (8000, 9000)),
        ({"protocol": "SCTP"}, "sctp", (0, 65535)),
    ],
)
def test_ports(port: Json, protocol: str, ports: tuple[int, int]) -> None:
    assert allowed(DESK, policy(ingress=[{"ports": [port]}])) == (Allow(protocol=protocol, ports=ports),)


def test_a_named_port_is_the_subjects_own_for_ingress() -> None:
    everywhere = policy(ingress=[{"ports": [{"port": "web"}]}])
    assert allowed(SHELF, everywhere) == (Allow(protocol="tcp", ports=(8080, 8080)),)
    assert allowed(DESK, everywhere) == (), "a Pod without a port of that name gets nothing on it"


def test_a_named_port_is_each_peers_own_for_egress() -> None:
    rules = policy(egress=[{"to": [{"namespaceSelector": {}}], "ports": [{"port": "web"}]}])
    expected = (Allow((SHELF,), (), "tcp", (8080, 8080)), Allow((VAULT,), (), "tcp", (9090, 9090)))
    assert allowed(DESK, rules, way="egress") == expected


@pytest.mark.parametrize(
    "absent",
    [
        pod("host", DESK, hostNetwork=True),
        {**pod("done", DESK), "status": {"podIP": DESK, "phase": "Succeeded"}},
        {**pod("new", DESK), "status": {}},
    ],
)
def test_pods_without_a_network_of_their_own_are_neither_subject_nor_peer(absent: Json) -> None:
    pods = [absent, pod("shelf", SHELF)]
    assert allowed(DESK, policy(), pods=pods) is None
    assert allowed(SHELF, policy(ingress=[{"from": [{"podSelector": {}}]}]), pods=pods) == (Allow((SHELF,)),)
