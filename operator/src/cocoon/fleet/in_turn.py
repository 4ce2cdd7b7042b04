"""The Kubernetes API for one action: each call waits for its turn, by the rank of the action.

It is calls that take turns, not actions: what an action has to say to a runner or to the payout service on the way,
however slow they are, holds up nobody's writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from cocoon.api.resources import Json, Manifest, Resource
from cocoon.fleet.ports.cluster import Cluster, Page, Where
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.room import Rank, Room


class InTurn:
    """An adapter of `Cluster` over another one."""

    def __init__(self, cluster: Cluster, room: Room, rank: Rank) -> None:
        self._cluster = cluster
        self._room = room
        self._rank = rank

    async def pages(self, resource: Resource, where: Where = Where()) -> AsyncIterator[Page]:  # noqa: B008 - frozen
        """All objects of a resource; a page is read by whoever has time, so it takes no room."""
        async for page in self._cluster.pages(resource, where):
            yield page

    async def read(self, ref: Ref) -> Manifest:
        """The object as it is now."""
        async with self._room.turn(self._rank):
            return await self._cluster.read(ref)

    async def create(self, manifest: Manifest) -> Manifest:
        """Create it."""
        async with self._room.turn(self._rank):
            return await self._cluster.create(manifest)

    async def apply(self, manifest: Manifest, manager: str = "") -> Manifest:
        """Server-side apply."""
        async with self._room.turn(self._rank):
            return await self._cluster.apply(manifest, manager)

    async def apply_status(self, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply on /status."""
        async with self._room.turn(self._rank):
            return await self._cluster.apply_status(manifest, manager)

    async def replace(self, manifest: Manifest) -> Manifest:
        """PUT the whole object."""
        async with self._room.turn(self._rank):
            return await self._cluster.replace(manifest)

    async def write_status(self, ref: Ref, uid: str, resource_version: str, status: Json) -> Manifest:
        """PUT to /status."""
        async with self._room.turn(self._rank):
            return await self._cluster.write_status(ref, uid, resource_version, status)

    async def delete(self, ref: Ref, uid: str, resource_version: str = "") -> None:
        """Delete it if it still is that one."""
        async with self._room.turn(self._rank):
            await self._cluster.delete(ref, uid, resource_version)
