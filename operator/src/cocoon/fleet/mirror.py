"""What the operator knows of the cluster: records by kind and key, the newest version of each.

Three things feed it: kopf's watches (`note`), full LISTs at the start and every few minutes (`relist`), and the answers
to our own writes (`take`). A watch can miss a deletion while it reconnects; the LIST drops such ghosts. A deletion
leaves a tombstone for a while, so that an event that was under way can't bring the object back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from cocoon.api.resources import JOB, NAMESPACE, NODE, POD, PROVIDER, Json, Resource
from cocoon.fleet.logs import fields
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.observe.reading import Unreadable
from cocoon.fleet.plan.records import Job, Namespace, Node, Provider, Record, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.cluster import Cluster, Where
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.resources import Ref

LOG: Final = logging.getLogger(__name__)
KINDS: Final[Mapping[Resource, type]] = {PROVIDER: Provider, JOB: Job, POD: Server, NODE: Node, NAMESPACE: Namespace}
#: Label selector of our own Pods.
OURS: Final = "app.kubernetes.io/managed-by=cocoon-fleet"
_TOMBSTONES: Final = 50_000

Observer = Callable[[Json], Record]


class Mirror:
    """The snapshot's only writer of Kubernetes records. `changed` is set whenever there is something new to plan."""

    def __init__(self, snapshot: Snapshot, observers: Mapping[Resource, Observer], metrics: Metrics) -> None:
        self.snapshot = snapshot
        self.changed = asyncio.Event()
        self.complete = asyncio.Event()
        self._observers = observers
        self._metrics = metrics
        self._versions: dict[Resource, dict[str, int]] = {resource: {} for resource in observers}
        self._begun: dict[Resource, int] = dict.fromkeys(observers, 0)
        self._listed: dict[Resource, int] = dict.fromkeys(observers, 0)
        self._tombstones: dict[Resource, dict[str, int]] = {resource: {} for resource in observers}

    def note(self, resource: Resource, event: str | None, body: Json) -> None:
        """What a watch says: an event of type ADDED, MODIFIED, DELETED, or None for what a LIST found."""
        if event == "DELETED":
            self.lose(resource, key_of(body), version_of(body))
        else:
            self.take(resource, body)

    def take(self, resource: Resource, body: Json) -> None:
        """Know this object, unless something newer is known already, as after our own write."""
        key, version = key_of(body), version_of(body)
        if version <= max(self._versions[resource].get(key, -1), self._tombstones[resource].get(key, -1)):
            self._metrics.events.labels(resource.kind, "known").inc()
            return
        try:
            record = self._observers[resource](body)
        except Unreadable as error:
            self._metrics.events.labels(resource.kind, "skipped").inc()
            self._skip(resource, key, version, str(error))
            return
        self._metrics.events.labels(resource.kind, "noted").inc()
        self._versions[resource][key] = version
        self._put(record)

    def lose(self, resource: Resource, key: str, version: int) -> None:
        """Know that the object is gone, as of this version of its collection."""
        if version < self._versions[resource].get(key, -1):
            return
        self._bury(resource, key, version)
        if self._versions[resource].pop(key, None) is not None:
            self.snapshot.drop(KINDS[resource], key)
            self.changed.set()

    def know(self, record: Record) -> None:
        """Know something that is no Kubernetes object: a verdict, a runner's view, other Pods' GPUs."""
        self._put(record)

    async def relist(self, cluster: Cluster, namespaces: tuple[str, ...] = ()) -> None:
        """Read everything again; drop what is no longer there."""
        for resource in self._observers:
            await self.list_again(cluster, resource, namespaces)
        self.complete.set()
        self.changed.set()

    async def list_again(self, cluster: Cluster, resource: Resource, namespaces: tuple[str, ...] = ()) -> None:
        """Read all objects of a kind again."""
        self._begun[resource] = number = self._begun[resource] + 1
        for namespace in namespaces if namespaces and resource.namespaced else ("",):
            await self._relist(cluster, resource, namespace)
        self._listed[resource] = max(self._listed[resource], number)
        self.changed.set()

    def begun(self, resource: Resource) -> int:
        """How many LISTs of a kind were begun."""
        return self._begun[resource]

    def listed(self, resource: Resource) -> int:
        """Which of them was the last one, in the order in which they began, that is in; 0 if none is."""
        return self._listed[resource]

    async def reread(self, cluster: Cluster, resource: Resource, key: str) -> Json:
        """Read one object again; None if it is gone."""
        namespace, _, name = key.rpartition("/")
        try:
            body = await cluster.read(Ref(resource, namespace, name))
        except Gone:
            self.lose(resource, key, self._versions[resource].get(key, 0))
            return None
        self.take(resource, body)
        return body

    def count(self) -> dict[str, int]:
        """How many objects of each kind are known."""
        return {resource.kind: len(known) for resource, known in self._versions.items()}

    async def _relist(self, cluster: Cluster, resource: Resource, namespace: str) -> None:
        there: set[str] = set()
        version = 0
        where = Where(namespace=namespace, labels=OURS if resource is POD else "")
        async for page in cluster.pages(resource, where):
            version = max(version, int(page.version))
            for body in page.items:
                there.add(key_of(body))
                self.take(resource, body)
            await asyncio.sleep(0)
        for key, known in list(self._versions[resource].items()):
            inside = not namespace or key.startswith(f"{namespace}/")
            if inside and known <= version and key not in there:
                LOG.info("An object vanished unseen", extra=fields(kind=resource.kind, key=key))
                self.lose(resource, key, version)

    def _put(self, record: Record) -> None:
        self.snapshot.put(record)
        self.changed.set()

    def _skip(self, resource: Resource, key: str, version: int, reason: str) -> None:
        LOG.warning("An object can't be read", extra=fields(kind=resource.kind, key=key, reason=reason))
        self.lose(resource, key, version)

    def _bury(self, resource: Resource, key: str, version: int) -> None:
        tombstones = self._tombstones[resource]
        tombstones.pop(key, None)
        tombstones[key] = version
        while len(tombstones) > _TOMBSTONES:
            del tombstones[next(iter(tombstones))]


def key_of(body: Json) -> str:
    """`namespace/name`, or the name of a cluster-wide object."""
    meta = body["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])


def version_of(body: Json) -> int:
    """The resourceVersion, which is a number that grows (since Kubernetes 1.35 by contract, always in fact)."""
    return int(body["metadata"].get("resourceVersion") or 0)
