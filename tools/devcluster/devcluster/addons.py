"""What runs in every cluster of the profile `full`: RuntimeClasses, public token keys, DNS, and the S3 server."""

import functools
from pathlib import Path

from devcluster import containerd, dns, objects, s3
from devcluster.containerd import Containerd
from devcluster.images import Image
from devcluster.kube import Json, Kube, condition, until
from devcluster.paths import State

PROBE = "localhost/devcluster/probe:dev"
_DEPLOYMENTS = (("kube-system", dns.DEPLOYMENT), (s3.NAMESPACE, s3.NAME))


def install(kube: Kube, runtime: Containerd, state: State, binaries: dict[str, Path]) -> None:
    """Import the images and apply the objects."""
    runtime.provide(Image(containerd.PAUSE, ("/pause",), {"pause": binaries["pause"]}, user="65532:65532"))
    tools = {"bin/busybox": containerd.busybox(), "bin/probe": binaries["probe"]}
    runtime.provide(Image(PROBE, (), tools, containerd.busybox_links()))
    resolver = runtime.provide(dns.image(binaries["coredns"]))
    store = runtime.provide(s3.image(binaries["versitygw"]))
    objects.apply(kube, [*_basics(), *dns.manifests(resolver), *s3.manifests(state, store)])


def await_ready(kube: Kube) -> None:
    """Wait until DNS and S3 answer."""
    for namespace, name in _DEPLOYMENTS:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        until(functools.partial(_is_current, kube, path), f"{name} becoming available", 90)


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
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"}
    everyone = {"kind": "Group", "name": "system:unauthenticated", "apiGroup": group}
    name = "devcluster:service-account-issuer-discovery"
    return [*classes, objects.make(f"{group}/v1", "ClusterRoleBinding", name, roleRef=role, subjects=[everyone])]
