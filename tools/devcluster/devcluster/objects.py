"""Where an object of the Kubernetes API lives, for the kinds that this tool applies."""

from devcluster.kube import Json, Kube

_CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "RuntimeClass"}
_PLURALS = {"RuntimeClass": "runtimeclasses", "NetworkPolicy": "networkpolicies"}


def path(thing: Json) -> str:
    """Such as "/api/v1/namespaces/kube-system/services/kube-dns"."""
    version, kind, meta = thing["apiVersion"], thing["kind"], thing["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = "" if kind in _CLUSTER_WIDE else f"/namespaces/{meta['namespace']}"
    return f"{root}{where}/{_PLURALS.get(kind, kind.lower() + 's')}/{meta['name']}"


def apply(kube: Kube, things: list[Json]) -> None:
    """Server-side apply, in this order."""
    for thing in things:
        kube.apply(path(thing), thing)


def make(version: str, kind: str, name: str, namespace: str = "", **fields: object) -> Json:
    """An object as a dict shaped like its YAML."""
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **where}, **fields}


def deployment(name: str, namespace: str, labels: dict[str, str], pod: Json, version: str) -> Json:
    """One replica of `pod`, a PodSpec; a new `version` of what is beneath it (images, certificates) replaces it."""
    template = {"metadata": {"labels": labels, "annotations": {"devcluster/version": version}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"}, "template": template}
    return make("apps/v1", "Deployment", name, namespace, spec=spec)
