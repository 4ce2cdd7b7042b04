"""The NetworkPolicy of a provider's servers.

Nobody in but the operator; nothing out but names, https, keyrings, and mirrors of collateral that lie in the cluster.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cocoon.fleet.plan.records import Provider
from cocoon.fleet.render.names import METRICS_PORT, labels, name_of, owned_by
from cocoon.fleet.render.server_pod import RunnerTerms

#: Never reached by a server unless the operator allows private addresses (RFC 1918, 6598, 3927; RFC 4193, 4291).
PRIVATE_IPV4: Final = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"]
PRIVATE_IPV6: Final = ["fc00::/7", "fe80::/10"]
#: Who is asked for names: the cluster's DNS, and a cache of it on the node (NodeLocal DNSCache's own address). Port 53
#: of anybody else would be a way out for what a model has read.
DNS: Final = [
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
    {"ipBlock": {"cidr": "169.254.20.10/32"}},
]


def network_policy(provider: Provider, terms: RunnerTerms) -> dict[str, Any]:
    """One policy for all servers of a provider."""
    own = labels(provider)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{name_of(provider)}-servers"[:253],
            "namespace": provider.namespace,
            "labels": own,
            "ownerReferences": owned_by(provider),
        },
        "spec": {
            "podSelector": {"matchLabels": own},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_from_operator(terms), {"from": [{"namespaceSelector": {}}], "ports": [_tcp(METRICS_PORT)]}],
            "egress": [_names(), *_out(provider, terms), *_to_keyrings(terms), *_to_mirrors(terms)],
        },
    }


def _from_operator(terms: RunnerTerms) -> dict[str, Any]:
    operator = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": terms.operator_namespace}},
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/part-of": "cocoon-fleet",
                "app.kubernetes.io/component": "operator",
            }
        },
    }
    return {"from": [operator], "ports": [_tcp(terms.port)]}


def _names() -> dict[str, Any]:
    return {"to": DNS, "ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]}


def _out(provider: Provider, terms: RunnerTerms) -> list[dict[str, Any]]:
    allowed = terms.allow_private_addresses
    anywhere = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": [] if allowed else PRIVATE_IPV4}},
        {"ipBlock": {"cidr": "::/0", "except": [] if allowed else PRIVATE_IPV6}},
    ]
    return [{"to": anywhere, "ports": [_tcp(port) for port in _ports(provider, terms)]}, *_to_proxy(provider)]


def _to_keyrings(terms: RunnerTerms) -> list[dict[str, Any]]:
    keyrings = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": terms.operator_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/component": "keyring"}},
    }
    return [{"to": [keyrings], "ports": [_tcp(port) for port in terms.keyring_ports]}] if terms.keyring_ports else []


def _to_mirrors(terms: RunnerTerms) -> list[dict[str, Any]]:
    """Mirrors that the way out, which excepts private addresses, does not reach: Services of this cluster, addresses.

    A policy sees the port of a Pod and not of its Service, so a Service's namespace is opened with all its ports.
    """
    found: list[dict[str, Any]] = []
    for place in terms.collateral:
        host, port = urlsplit(place).hostname or "", _port(place) or 443
        labels_of_name = host.removesuffix(".").split(".")
        if labels_of_name[2:3] == ["svc"]:
            named = {"matchLabels": {"kubernetes.io/metadata.name": labels_of_name[1]}}
            found.append({"to": [{"namespaceSelector": named}]})
        elif block := _block(host):
            found.append({"to": [{"ipBlock": {"cidr": block}}], "ports": [_tcp(port)]})
    return found


def _block(host: str) -> str:
    """The one address that this host is; empty if it is a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    return f"{address}/{address.max_prefixlen}"


def _ports(provider: Provider, terms: RunnerTerms) -> list[int]:
    sources = [model.source.uri for model in provider.spec.models if model.source.uri]
    return sorted({443, *(_port(uri) or 443 for uri in (*sources, *terms.collateral))})


def _to_proxy(provider: Provider) -> list[dict[str, Any]]:
    """A proxy usually has a private address; its port is all that is known of it."""
    proxy = provider.spec.proxy
    port = _port(proxy.https_proxy) if proxy and proxy.https_proxy else None
    return [{"ports": [_tcp(port)]}] if port else []


def _port(uri: str) -> int | None:
    try:
        return urlsplit(uri).port
    except ValueError:
        return None


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
