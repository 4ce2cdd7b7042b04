"""What the NetworkPolicies of a cluster allow, Pod by Pod: pure, from objects to rules.

    policies, Pods, Namespaces ──▶ isolate ──▶ [Isolation] ──▶ nft.script ──▶ the kernel

A Pod that some policy selects for a direction may, in this direction, only do what at least one of these policies
allows. A Pod that none selects is not in the answer. Semantics: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from devcluster.selectors import matches

Json = dict[str, Any]
Direction = Literal["ingress", "egress"]
_DIRECTIONS: tuple[tuple[Direction, str, str], ...] = (("ingress", "Ingress", "from"), ("egress", "Egress", "to"))


@dataclass(frozen=True, order=True)
class Allow:
    """Traffic with `peers` (networks; empty is everyone) but not `excepts`, of `protocol` (empty is any) to `ports`.

    `ports` are the first and the last of a range of destination ports; (0, 65535) is all.
    """

    peers: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()
    protocol: str = ""
    ports: tuple[int, int] = (0, 65535)


@dataclass(frozen=True)
class Isolation:
    """All that the Pod with this IPv4 address may do in one direction; replies are always allowed."""

    address: str
    direction: Direction
    allows: tuple[Allow, ...]


@dataclass(frozen=True)
class Pod:
    """What policies ask about a Pod. `ports` maps a container port's (name, protocol) to its number."""

    namespace: str
    address: str
    labels: dict[str, str]
    ports: dict[tuple[str, str], int]


@dataclass(frozen=True)
class _View:
    pods: list[Pod]
    namespaces: dict[str, dict[str, str]]


def isolate(policies: Iterable[Json], pods: Iterable[Json], namespaces: Iterable[Json]) -> list[Isolation]:
    """The rules for each isolated Pod, in a stable order."""
    view = _View(
        sorted(_with_address(pods), key=lambda pod: pod.address), {_name(each): _labels(each) for each in namespaces}
    )
    allowed: dict[tuple[str, Direction], set[Allow]] = {}
    for policy in policies:
        spec, where = policy["spec"], policy["metadata"]["namespace"]
        for direction, kind, side in _DIRECTIONS:
            if kind not in _kinds(spec):
                continue
            for pod in view.pods:
                if pod.namespace == where and matches(spec.get("podSelector") or {}, pod.labels):
                    rules = (_rule(rule, side, where, pod, view) for rule in spec.get(direction) or [])
                    allowed.setdefault((pod.address, direction), set()).update(*rules)
    return [Isolation(address, way, tuple(sorted(allows))) for (address, way), allows in sorted(allowed.items())]


def _kinds(spec: Json) -> list[str]:
    """Without policyTypes: ingress always, egress if there is a rule for it."""
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _rule(rule: Json, side: str, where: str, subject: Pod, view: _View) -> Iterator[Allow]:
    """One rule is each of its peers with each of its ports."""
    peers = rule.get(side) or [None]
    for port in rule.get("ports") or [{}]:
        for peer in peers:
            yield from _peer_on_port(peer, port, where, subject if side == "from" else None, view)


def _peer_on_port(peer: Json | None, port: Json, where: str, target: Pod | None, view: _View) -> Iterator[Allow]:
    """`target` is the Pod whose port is meant, for ingress; for egress it is each peer itself."""
    protocol = port.get("protocol", "TCP") if port else ""
    number = port.get("port")
    if isinstance(number, str):
        yield from _named(peer, (number, protocol), where, target, view)
        return
    first = int(number) if number is not None else 0
    last = int(port.get("endPort", first)) if number is not None else 65535
    networks, excepts = _networks(peer, where, view)
    if networks or peer is None:
        yield Allow(networks, excepts, protocol.lower(), (first, last))


def _named(peer: Json | None, name: tuple[str, str], where: str, target: Pod | None, view: _View) -> Iterator[Allow]:
    protocol = name[1].lower()
    if target is not None:
        networks, excepts = _networks(peer, where, view)
        if name in target.ports and (networks or peer is None):
            yield Allow(networks, excepts, protocol, (target.ports[name],) * 2)
        return
    for pod in view.pods if peer is None else _selected(peer, where, view):
        if name in pod.ports:
            yield Allow((pod.address,), (), protocol, (pod.ports[name],) * 2)


def _networks(peer: Json | None, where: str, view: _View) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(networks, exceptions); both empty for a peer that is nobody."""
    if peer is None:
        return (), ()
    block = peer.get("ipBlock")
    if block is not None:
        return _ipv4([block["cidr"]]), _ipv4(block.get("except") or [])
    return tuple(pod.address for pod in _selected(peer, where, view)), ()


def _selected(peer: Json, where: str, view: _View) -> list[Pod]:
    if "ipBlock" in peer:
        return []
    spaces, labels = peer.get("namespaceSelector"), peer.get("podSelector") or {}
    return [
        pod
        for pod in view.pods
        if matches(labels, pod.labels)
        and (pod.namespace == where if spaces is None else matches(spaces, view.namespaces.get(pod.namespace, {})))
    ]


def _ipv4(networks: list[str]) -> tuple[str, ...]:
    return tuple(network for network in networks if ipaddress.ip_network(network, strict=False).version == 4)


def _with_address(pods: Iterable[Json]) -> Iterator[Pod]:
    """Pods on the node's own network and Pods that have ended are nobody's subject or peer."""
    for pod in pods:
        spec, status = pod["spec"], pod.get("status", {})
        if status.get("podIP") and not spec.get("hostNetwork") and status.get("phase") not in ("Succeeded", "Failed"):
            yield Pod(pod["metadata"]["namespace"], status["podIP"], _labels(pod), _ports(spec))


def _ports(spec: Json) -> dict[tuple[str, str], int]:
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    stated = (port for container in containers for port in container.get("ports") or [])
    return {(port["name"], port.get("protocol", "TCP")): port["containerPort"] for port in stated if "name" in port}


def _labels(thing: Json) -> dict[str, str]:
    return dict(thing["metadata"].get("labels") or {})


def _name(thing: Json) -> str:
    return str(thing["metadata"]["name"])
