"""A Kubernetes API in memory, as far as the operator uses it; tests/api/operator holds it to the real one."""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from cocoon.api.resources import POD, Manifest, Resource
from cocoon.api.times import format_time
from cocoon.fleet.ports.cluster import Page, Where
from cocoon.fleet.ports.failures import Busy, Gone, Refused
from cocoon.fleet.ports.resources import Ref, ref_of

Watcher = Callable[[Resource, str, Manifest], None]
#: Called after each write with its verb and object; it may never return, which is how a crash is played.
Afterwards = Callable[[str, Manifest], Awaitable[None]]
LATENCY = 0.002


async def _nothing(_verb: str, _body: Manifest) -> None:
    return


class FakeCluster:
    """Objects by resource and `namespace/name`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._version = 100
        self._uids = 0
        self._finalizers: dict[str, set[str]] = {}
        """Those that the finalizers' manager holds, by the object's uid."""
        self.objects: dict[Resource, dict[str, Manifest]] = defaultdict(dict)
        self.watchers: list[Watcher] = []
        self.afterwards: Afterwards = _nothing
        self.down = False
        self.writes: list[tuple[str, str]] = []
        """Verb and `Kind/key` of every write by the operator."""

    # --- the port ---

    async def pages(self, resource: Resource, where: Where = Where()) -> AsyncIterator[Page]:  # noqa: B008 - frozen
        await self._answer()
        found = [copy.deepcopy(body) for key, body in self.objects[resource].items() if _matches(key, body, where)]
        yield Page(found, str(self._version))

    async def read(self, ref: Ref) -> Manifest:
        await self._answer()
        return copy.deepcopy(self._find(ref))

    async def create(self, manifest: Manifest) -> Manifest:
        await self._answer()
        ref = ref_of(manifest)
        if _key(ref) in self.objects[ref.resource]:
            raise Gone("409: it exists")
        return await self._written("create", self.put(manifest))

    async def apply(self, manifest: Manifest, manager: str = "") -> Manifest:
        await self._answer()
        ref = ref_of(manifest)
        meta = manifest["metadata"]
        old = self.objects[ref.resource].get(_key(ref))
        if old is None and meta.get("uid"):
            raise Gone("409: the object of this uid is gone")
        if old is None:
            return await self._written("apply", self.put(manifest))
        _check(old, meta.get("uid", ""), meta.get("resourceVersion", ""))
        new = copy.deepcopy(old)
        if manager.endswith("finalizer"):
            ours, held = set(meta.get("finalizers", [])), self._finalizers.get(meta["uid"], set())
            others = [each for each in new["metadata"].get("finalizers", []) if each not in ours | held]
            new["metadata"]["finalizers"] = others + sorted(ours)
            self._finalizers[meta["uid"]] = ours
        else:
            new["spec"] = copy.deepcopy(manifest["spec"])
        return await self._written("apply", self._replace(ref, old, new))

    async def apply_status(self, manifest: Manifest, manager: str) -> Manifest:
        await self._answer()
        ref = ref_of(manifest)
        old = self._find(ref)
        _check(old, manifest["metadata"].get("uid", ""), "")
        new = copy.deepcopy(old)
        conditions = {each["type"]: each for each in new.setdefault("status", {}).get("conditions", [])}
        conditions |= {each["type"]: each for each in manifest["status"]["conditions"]}
        new["status"]["conditions"] = list(conditions.values())
        return await self._written("apply_status", self._replace(ref, old, new))

    async def replace(self, manifest: Manifest) -> Manifest:
        await self._answer()
        ref = ref_of(manifest)
        old = self._find(ref)
        meta = manifest["metadata"]
        _check(old, meta.get("uid", ""), meta.get("resourceVersion", ""))
        new = copy.deepcopy(manifest)
        new["metadata"] = old["metadata"] | new["metadata"]
        return await self._written("update", self._replace(ref, old, new))

    async def write_status(self, ref: Ref, uid: str, resource_version: str, status: Any) -> Manifest:
        await self._answer()
        old = self._find(ref)
        _check(old, uid, resource_version)
        new = copy.deepcopy(old) | {"status": copy.deepcopy(status)}
        self._finalizers.pop(uid, None)  # they are not in what is written, so nobody holds them any more
        return await self._written("update_status", self._replace(ref, old, new))

    async def delete(self, ref: Ref, uid: str, resource_version: str = "") -> None:
        await self._answer()
        old = self._find(ref)
        _check(old, uid, resource_version)
        self.remove(ref, graceful=ref.resource is POD)
        await self._written("delete", old)

    # --- what others do to the cluster ---

    def put(self, manifest: Manifest) -> Manifest:
        """Create or change an object, as a user, the kubelet or a controller does."""
        ref = ref_of(manifest)
        old = self.objects[ref.resource].get(_key(ref))
        new = copy.deepcopy(manifest)
        if old is not None:
            return self._replace(ref, old, new)
        self._uids += 1
        meta = {"generation": 1, "creationTimestamp": format_time(self._now())} | new["metadata"]
        new["metadata"] = meta | {"uid": f"uid-{self._uids}", "resourceVersion": self._next()}
        self.objects[ref.resource][_key(ref)] = new
        self._tell(ref.resource, "ADDED", new)
        return copy.deepcopy(new)

    def edit(self, ref: Ref, change: Callable[[Manifest], None]) -> None:
        """Change an object in place."""
        old = self._find(ref)
        new = copy.deepcopy(old)
        change(new)
        self._replace(ref, old, new)

    def remove(self, ref: Ref, *, graceful: bool = False) -> None:
        """Delete an object; one with finalizers, or a Pod with grace, is only marked."""
        old = self._find(ref)
        if graceful or old["metadata"].get("finalizers"):
            if not old["metadata"].get("deletionTimestamp"):
                new = copy.deepcopy(old)
                new["metadata"]["deletionTimestamp"] = format_time(self._now())
                self._replace(ref, old, new)
            return
        self._vanish(ref)

    def find(self, resource: Resource, key: str) -> Manifest | None:
        """The object, if there is one."""
        return self.objects[resource].get(key)

    # --- inside ---

    async def _answer(self) -> None:
        await asyncio.sleep(LATENCY)
        if self.down:
            raise Busy("The API server does not answer: it is down.")

    async def _written(self, verb: str, body: Manifest) -> Manifest:
        meta = body["metadata"]
        self.writes.append((verb, f"{body['kind']}/{meta.get('namespace', '')}/{meta['name']}"))
        await self.afterwards(verb, body)
        return copy.deepcopy(body)

    def _find(self, ref: Ref) -> Manifest:
        found = self.objects[ref.resource].get(_key(ref))
        if found is None:
            raise Gone(f"404: {_key(ref)} not found")
        return found

    def _replace(self, ref: Ref, old: Manifest, new: Manifest) -> Manifest:
        new["metadata"] = {**new["metadata"], "uid": old["metadata"]["uid"]}
        unchanged = {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
        if {**new, "metadata": unchanged} == old:
            return copy.deepcopy(old)
        generation = old["metadata"].get("generation", 1) + (new.get("spec") != old.get("spec"))
        new["metadata"] |= {"resourceVersion": self._next(), "generation": generation}
        self.objects[ref.resource][_key(ref)] = new
        self._tell(ref.resource, "MODIFIED", new)
        if (
            new["metadata"].get("deletionTimestamp")
            and not new["metadata"].get("finalizers")
            and ref.resource is not POD
        ):
            self._vanish(ref)
        return copy.deepcopy(new)

    def _vanish(self, ref: Ref) -> None:
        body = self.objects[ref.resource].pop(_key(ref))
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": self._next()}}
        self._tell(ref.resource, "DELETED", body)
        self._collect(body["metadata"]["uid"])

    def _collect(self, owner: str) -> None:
        """Delete what the vanished object owned."""
        owned = [
            Ref(resource, *_split(key))
            for resource, bodies in self.objects.items()
            for key, body in bodies.items()
            if any(each["uid"] == owner for each in body["metadata"].get("ownerReferences", []))
        ]
        for ref in owned:
            self.remove(ref, graceful=ref.resource is POD)

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    def _tell(self, resource: Resource, event: str, body: Manifest) -> None:
        for watcher in self.watchers:
            asyncio.get_running_loop().call_later(LATENCY, watcher, resource, event, copy.deepcopy(body))


def _key(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}" if ref.resource.namespaced else ref.name


def _split(key: str) -> tuple[str, str]:
    namespace, _, name = key.rpartition("/")
    return namespace, name


def _check(old: Manifest, uid: str, version: str) -> None:
    if uid and old["metadata"]["uid"] != uid:
        raise Gone("409: another uid")
    if version and old["metadata"]["resourceVersion"] != version:
        raise Gone("409: the object has been modified")
    if old is None:
        raise Refused("there is nothing")


def _matches(key: str, body: Manifest, where: Where) -> bool:
    labels = body["metadata"].get("labels") or {}
    if where.namespace and not key.startswith(f"{where.namespace}/"):
        return False
    for term in filter(None, where.labels.split(",")):
        name, unequal, value = term.partition("!=")
        if unequal and labels.get(name) == value:
            return False
        if not unequal and labels.get(term.partition("=")[0]) != term.partition("=")[2]:
            return False
    return "spec.nodeName!=" not in where.fields or bool(body["spec"].get("nodeName"))
