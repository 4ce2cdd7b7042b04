"""Which Kubernetes resources the operator touches, and where they are served."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from cocoon.api.groups import API_VERSION, JOB_KIND, JOBS, PROVIDER_KIND, PROVIDERS

#: Any JSON value.
Json = Any
#: A Kubernetes object as JSON.
Manifest = dict[str, Json]


class Resource(Struct, frozen=True):
    """One resource of the API server."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of one object, of a namespace's collection, or of the whole collection."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")


PROVIDER: Final = Resource(API_VERSION, PROVIDER_KIND, PROVIDERS)
JOB: Final = Resource(API_VERSION, JOB_KIND, JOBS)
POD: Final = Resource("v1", "Pod", "pods")
NODE: Final = Resource("v1", "Node", "nodes", namespaced=False)
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
SECRET: Final = Resource("v1", "Secret", "secrets")
EVENT: Final = Resource("v1", "Event", "events")
LEASE: Final = Resource("coordination.k8s.io/v1", "Lease", "leases")
NETWORK_POLICY: Final = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
DISRUPTION_BUDGET: Final = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")

_ALL: Final = (
    PROVIDER,
    JOB,
    POD,
    NODE,
    NAMESPACE,
    CONFIG_MAP,
    SECRET,
    EVENT,
    LEASE,
    NETWORK_POLICY,
    DISRUPTION_BUDGET,
)
_BY_KIND: Final = {(resource.api_version, resource.kind): resource for resource in _ALL}


class Ref(Struct, frozen=True):
    """One object. `namespace` is empty for cluster-wide ones."""

    resource: Resource
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """The URL path of the object."""
        return self.resource.path(self.namespace, self.name)


def ref_of(manifest: Manifest) -> Ref:
    """Which object a manifest describes. Raises KeyError for a kind that the operator does not touch."""
    meta = manifest["metadata"]
    resource = _BY_KIND[manifest["apiVersion"], manifest["kind"]]
    return Ref(resource, meta.get("namespace", ""), meta.get("name", ""))


def ref_of_key(resource: Resource, key: str) -> Ref:
    """The object of a `namespace/name` key, or of a plain name if it is cluster-wide."""
    namespace, _, name = key.rpartition("/")
    return Ref(resource, namespace, name)
