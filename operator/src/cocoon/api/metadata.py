"""The part of Kubernetes' ObjectMeta that decisions need."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class OwnerReference(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An owner, as metav1.OwnerReference."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class ObjectMeta(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Metadata as the API server sends it; times are RFC 3339 in UTC."""

    name: str
    uid: str = ""
    namespace: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
