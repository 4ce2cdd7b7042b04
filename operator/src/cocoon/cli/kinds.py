"""The resources of the API server that commands read and write."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from cocoon.api.groups import API_VERSION, JOBS, PROVIDERS

#: A Kubernetes object.
Manifest = dict[str, Any]


class Kind(Struct, frozen=True):
    """One resource: its group and version as in apiVersion, its plural, and what people call one of it."""

    api_version: str
    plural: str
    called: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str = "") -> str:
        """The URL path of a collection (of all namespaces if none is given) or of one object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


PROVIDER: Final = Kind(API_VERSION, PROVIDERS, "CocoonProvider")
JOB: Final = Kind(API_VERSION, JOBS, "InferenceJob")
POD: Final = Kind("v1", "pods", "Pod")
NODE: Final = Kind("v1", "nodes", "Node", namespaced=False)
NAMESPACE: Final = Kind("v1", "namespaces", "Namespace", namespaced=False)
CONFIG_MAP: Final = Kind("v1", "configmaps", "ConfigMap")
SECRET: Final = Kind("v1", "secrets", "Secret")
SERVICE: Final = Kind("v1", "services", "Service")
SERVICE_ACCOUNT: Final = Kind("v1", "serviceaccounts", "ServiceAccount")
