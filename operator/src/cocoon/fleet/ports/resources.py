"""Which of the resources the operator touches, and single objects of them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cocoon.api.resources import (
    CONFIG_MAP,
    DISRUPTION_BUDGET,
    EVENT,
    JOB,
    LEASE,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    POD,
    PROVIDER,
    SECRET,
    Manifest,
    Resource,
)

#: All that the operator has rights to.
TOUCHED: Final = (
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
_BY_KIND: Final = {(resource.api_version, resource.kind): resource for resource in TOUCHED}


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
