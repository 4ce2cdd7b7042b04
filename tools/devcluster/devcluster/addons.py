"""What runs in every cluster of the profile `full`: RuntimeClasses, public token keys, DNS, and the S3 server."""

import functools
import socket
from pathlib import Path

from devcluster import containerd, dns, node, objects, pki, s3
from devcluster.containerd import Containerd
from devcluster.images import Image
from devcluster.kube import Json, Kube, condition, until
from devcluster.paths import State

PROBE = "localhost/devcluster/probe:dev"
_RBAC = "rbac.authorization.k8s.io"
_SERVERS = (
    (dns.NAMESPACE, dns.DEPLOYMENT, node.DNS_SERVICE, 53),
    (s3.NAMESPACE, s3.NAME, s3.ADDRESS, 443),
)


def install(kube: Kube, runtime: Containerd, state: State, binaries: dict[str, Path]) -> None:
    """Import the images and apply the objects."""
    runtime.provide(Image(containerd.PAUSE, ("/pause",), {"pause": binaries["pause"]}, user="65532:65532"))
    tools = {"bin/busybox": containerd.busybox(), "bin/probe": binaries["probe"]}
    runtime.provide(Image(PROBE, (), tools, containerd.busybox_links()))
    resolver = runtime.provide(dns.image(binaries["coredns"]))
    store = runtime.provide(s3.image(binaries["versitygw"]))
    objects.apply(kube, [*_basics(), *dns.manifests(resolver), *s3.manifests(state, store)])


def await_ready(kube: Kube) -> None:
    """Wait until DNS and S3 are up to date and their Services' addresses answer."""
    for namespace, name, address, port in _SERVERS:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        until(functools.partial(_is_current, kube, path), f"{name} becoming available", 90)
        until(functools.partial(_connects, address, port), f"{name} answering at {address}:{port}", 60)


def _connects(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _is_current(kube: Kube, path: str) -> bool:
    """Whether the replica that the Deployment's newest template asks for is available."""
    deployment = kube.find(path)
    if deployment is None or not condition(deployment, "Available"):
        return False
    status = deployment["status"]
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return bool(seen and status.get("updatedReplicas") == 1 and status.get("availableReplicas") == 1)


def _basics() -> list[Json]:
    classes = [objects.make("node.k8s.io/v1", "RuntimeClass", name, handler=name) for name in containerd.HANDLERS]
    everyone = {"kind": "Group", "name": "system:unauthenticated", "apiGroup": _RBAC}
    enforcer = {"kind": "User", "name": pki.CLIENTS["policy"].name, "apiGroup": _RBAC}
    read = ["list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": read},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": read},
    ]
    return [
        *classes,
        _grant("devcluster:token-keys", "system:service-account-issuer-discovery", everyone),
        objects.make(f"{_RBAC}/v1", "ClusterRole", enforcer["name"], rules=rules),
        _grant(enforcer["name"], enforcer["name"], enforcer),
    ]


def _grant(name: str, role: str, subject: Json) -> Json:
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}
    return objects.make(f"{_RBAC}/v1", "ClusterRoleBinding", name, roleRef=reference, subjects=[subject])
