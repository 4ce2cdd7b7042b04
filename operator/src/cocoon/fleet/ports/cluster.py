"""The Kubernetes API as the operator uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from cocoon.api.resources import Json, Manifest, Resource
from cocoon.fleet.ports.resources import Ref


class Page(Struct, frozen=True):
    """One page of a LIST. `version` is the collection's resourceVersion, the same on all pages."""

    items: list[Manifest]
    version: str


class Where(Struct, frozen=True):
    """What to list; empty means all."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    cached: bool = False
    """Whether the API server may answer from its cache, which can be some seconds old."""


class Cluster(Protocol):
    """The Kubernetes API. Every call raises Gone, Busy or Refused and nothing else, and has a deadline."""

    def pages(self, resource: Resource, where: Where = Where()) -> AsyncIterator[Page]:  # noqa: B008 - frozen
        """All objects of a resource, 500 at a time."""

    async def read(self, ref: Ref) -> Manifest:
        """The object as it is now."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create it; Gone if one of that name exists."""

    async def apply(self, manifest: Manifest, manager: str = "") -> Manifest:
        """Server-side apply under the operator's field manager, or under `manager`."""

    async def apply_status(self, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply on /status under a field manager of its own."""

    async def replace(self, manifest: Manifest) -> Manifest:
        """PUT the whole object; Gone if its resourceVersion is no longer the newest."""

    async def write_status(self, ref: Ref, uid: str, resource_version: str, status: Json) -> Manifest:
        """PUT to /status; the answer is the whole object. Gone if it changed since `resource_version`."""

    async def delete(self, ref: Ref, uid: str, resource_version: str = "") -> None:
        """Delete it if it still is that one (and that version)."""
