"""Which Kubernetes resources we read and write, and where the API server serves them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from cocoon.api.groups import API_VERSION, JOB_KIND, JOBS, PROVIDER_KIND, PROVIDERS

#: Any JSON value.
Json = Any
#: A Kubernetes object as JSON.
Manifest = dict[str, Json]


class Resource(Struct, frozen=True):
    """One resource: its group and version as in apiVersion, its kind, and its plural."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str = "") -> str:
        """The URL path of one object, of a namespace's collection, or of the whole collection."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


PROVIDER: Final = Resource(API_VERSION, PROVIDER_KIND, PROVIDERS)
JOB: Final = Resource(API_VERSION, JOB_KIND, JOBS)
POD: Final = Resource("v1", "Pod", "pods")
NODE: Final = Resource("v1", "Node", "nodes", namespaced=False)
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
SECRET: Final = Resource("v1", "Secret", "secrets")
SERVICE: Final = Resource("v1", "Service", "services")
SERVICE_ACCOUNT: Final = Resource("v1", "ServiceAccount", "serviceaccounts")
EVENT: Final = Resource("v1", "Event", "events")
LEASE: Final = Resource("coordination.k8s.io/v1", "Lease", "leases")
NETWORK_POLICY: Final = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
DISRUPTION_BUDGET: Final = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
