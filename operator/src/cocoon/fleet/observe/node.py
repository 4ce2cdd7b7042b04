"""Node and Namespace to their records, and other Pods' GPUs to ForeignUse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cocoon.api.groups import MANAGED_BY
from cocoon.api.resources import Json
from cocoon.api.times import Instant
from cocoon.fleet.observe.reading import metadata, moment, quantity, tolerant
from cocoon.fleet.plan.records import ForeignUse, Namespace, Node, Taint

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"


@tolerant
def node(body: Json) -> Node:
    """The record of a Node. Raises Unreadable if it has no usable metadata."""
    meta = metadata(body)
    spec, status = body.get("spec") or {}, body.get("status") or {}
    return Node(
        name=meta.name,
        labels=meta.labels,
        taints=tuple(_taint(taint) for taint in spec.get("taints") or []),
        cordoned=bool(spec.get("unschedulable")),
        not_ready_since=_not_ready_since(status, moment(meta.creation_timestamp)),
        allocatable={name: quantity(count) for name, count in (status.get("allocatable") or {}).items() if "/" in name},
    )


@tolerant
def namespace(body: Json) -> Namespace:
    """The record of a Namespace. Raises Unreadable if it has no usable metadata."""
    meta = metadata(body)
    return Namespace(meta.name, meta.labels)


def foreign_use(pod: Json) -> tuple[str, dict[str, int]] | None:
    """The node and the extended resources that a Pod holds there, if it is not ours, not over, and holds any."""
    labels, node_name = pod["metadata"].get("labels") or {}, pod["spec"].get("nodeName")
    if not node_name or labels.get(MANAGED_BY_LABEL) == MANAGED_BY or _over(pod):
        return None
    held = requested(pod)
    return (str(node_name), held) if held else None


def add_up(uses: Iterable[tuple[str, dict[str, int]]], nodes: Iterable[str]) -> list[ForeignUse]:
    """One record for every node, also if nobody else holds anything there."""
    used: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, held in uses:
        for resource, count in held.items():
            used[name][resource] += count
    return [ForeignUse(name, dict(used[name])) for name in nodes]


def requested(pod: Json) -> dict[str, int]:
    """Extended resources that a Pod holds: the sum over its containers, or an init container's if that is more.

    Sidecars (init containers that are restarted) run beside the containers, so they count as such.
    """
    first = pod["spec"].get("initContainers") or []
    sidecars = [container for container in first if container.get("restartPolicy") == "Always"]
    total: dict[str, int] = defaultdict(int)
    for container in [*sidecars, *(pod["spec"].get("containers") or [])]:
        for name, count in _limits(container).items():
            total[name] += count
    for container in first:
        for name, count in _limits(container).items():
            total[name] = max(total[name], count)
    return dict(total)


def _limits(container: Json) -> dict[str, int]:
    resources = container.get("resources") or {}
    found = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    return {name: quantity(count) for name, count in found.items() if "/" in name and quantity(count)}


def _over(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _taint(taint: Json) -> Taint:
    return Taint(str(taint.get("key", "")), str(taint.get("effect", "")), str(taint.get("value", "")))


def _not_ready_since(status: Json, created: Instant | None) -> Instant | None:
    ready = next((found for found in status.get("conditions") or [] if found.get("type") == "Ready"), None)
    if ready is None:
        return created or 0.0
    if ready.get("status") == "True":
        return None
    return moment(ready.get("lastTransitionTime")) or created or 0.0
