"""kube-scheduler, kubelet and Pod collector in one: Pods start where they fit, and end when they are deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cocoon.api.resources import NODE, POD, Manifest, Resource
from cocoon.api.times import format_time
from cocoon.fleet.observe.node import requested
from cocoon.fleet.observe.pod import server
from cocoon.fleet.ports.resources import Ref

if TYPE_CHECKING:
    from tests.scenario.world import World

START = 1.0


class FakeKubelet:
    """Watches Pods and plays their lives."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._addresses = 0

    def watch(self, resource: Resource, event: str, pod: Manifest) -> None:
        if resource is not POD or "app.kubernetes.io/managed-by" not in pod["metadata"].get("labels", {}):
            return
        loop = asyncio.get_running_loop()
        meta = pod["metadata"]
        ref = Ref(POD, meta["namespace"], meta["name"])
        if event == "ADDED":
            loop.call_later(START, self._start, ref, meta["uid"])
        elif event == "MODIFIED" and meta.get("deletionTimestamp"):
            loop.call_later(START, self._end, ref, meta["uid"])
        elif event == "MODIFIED":
            self._ready(ref, pod)

    def _start(self, ref: Ref, uid: str) -> None:
        pod = self._living(ref, uid)
        if pod is None:
            return
        node = server(pod).node
        if not self._fits(node, pod):
            self._world.cluster.edit(ref, _unschedulable)
            return
        self._addresses += 1
        address = f"10.0.{self._addresses >> 8}.{self._addresses & 255}"
        self._world.starts_runner(pod, node)
        now = format_time(self._world.now())

        def run(body: Manifest) -> None:
            body["spec"]["nodeName"] = node
            conditions = body.get("status", {}).get("conditions", [])
            body["status"] = {
                "phase": "Running",
                "podIP": address,
                "conditions": [*conditions, _condition("ContainersReady", "True", now)],
                "initContainerStatuses": [{"name": "triton", "state": {"running": {}}}],
                "containerStatuses": [{"name": "runner", "state": {"running": {}}}],
            }

        self._world.cluster.edit(ref, run)

    def _end(self, ref: Ref, uid: str) -> None:
        if self._living(ref, uid) is None:
            return
        runner = self._world.runner_of(uid)
        if runner is not None and not runner.drained:
            asyncio.get_running_loop().call_later(START, self._end, ref, uid)
            return
        self._world.ends_runner(uid)
        self._world.cluster._vanish(ref)

    def _ready(self, ref: Ref, pod: Manifest) -> None:
        """Ready: the containers are, and the gate is open."""
        conditions = {each["type"]: each for each in pod.get("status", {}).get("conditions", [])}
        parts = ("ContainersReady", "cocoonfleet.io/Attested")
        ready = "True" if all(conditions.get(part, {}).get("status") == "True" for part in parts) else "False"
        if conditions.get("Ready", {}).get("status") == ready or self._living(ref, pod["metadata"]["uid"]) is None:
            return
        now = format_time(self._world.now())

        def set_ready(body: Manifest) -> None:
            others = [each for each in body.get("status", {}).get("conditions", []) if each["type"] != "Ready"]
            body.setdefault("status", {})["conditions"] = [*others, _condition("Ready", ready, now)]

        self._world.cluster.edit(ref, set_ready)

    def _living(self, ref: Ref, uid: str) -> Manifest | None:
        pod = self._world.cluster.find(POD, f"{ref.namespace}/{ref.name}")
        return pod if pod is not None and pod["metadata"]["uid"] == uid else None

    def _fits(self, node: str, pod: Manifest) -> bool:
        body = self._world.cluster.find(NODE, node)
        if body is None or body["spec"].get("unschedulable"):
            return False
        others = [each for each in self._world.cluster.objects[POD].values() if each["spec"].get("nodeName") == node]
        total = body["status"]["allocatable"]
        for resource, count in requested(pod).items():
            used = sum(requested(each).get(resource, 0) for each in others)
            if used + count > int(total.get(resource, "0")):
                return False
        return True


def _unschedulable(body: Manifest) -> None:
    why: dict[str, Any] = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: Insufficient GPUs.",
    }
    body["status"] = {"phase": "Pending", "conditions": [why]}


def _condition(kind: str, truth: str, now: str) -> dict[str, str]:
    return {"type": kind, "status": truth, "reason": "", "message": "", "lastTransitionTime": now}
