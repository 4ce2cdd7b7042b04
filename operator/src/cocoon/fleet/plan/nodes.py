"""Which nodes a provider's server fits on, and in few words why not on the others."""

from __future__ import annotations

from typing import Final

from cocoon.api.provider import TechnologySpec, Toleration
from cocoon.api.times import Instant
from cocoon.fleet.plan.records import Node, Provider, Taint
from cocoon.fleet.plan.snapshot import Snapshot

#: Taints that say what the node's own fields say already.
_KNOWN_OTHERWISE: Final = frozenset(
    {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable"}
)


def technology_of(provider: Provider, node: Node) -> TechnologySpec | None:
    """How a server of this provider is started on this node: the first technology whose selector matches."""
    for technology in provider.technologies:
        if all(node.labels.get(key) == value for key, value in technology.node_selector.items()):
            return technology
    return None


def node_obstacle(snapshot: Snapshot, provider: Provider, node: Node, gpus: int, now: Instant) -> str:
    """Why no server with that many GPUs can be started there now; empty if one can."""
    if node.cordoned:
        return "cordoned"
    if node.not_ready_since is not None:
        return "not Ready"
    avoided = snapshot.memory.avoided.get(node.name)
    if avoided is not None and avoided.until > now:
        cause = avoided.reason.split(":", 1)[0]
        return f"left alone for a while after failures ({cause})"
    if any(not _tolerated(taint, provider.spec.nodes.tolerations) for taint in node.taints):
        return "tainted"
    technology = technology_of(provider, node)
    return (
        "without a technology of the provider"
        if technology is None
        else _gpu_obstacle(snapshot, node, technology, gpus)
    )


def _gpu_obstacle(snapshot: Snapshot, node: Node, technology: TechnologySpec, gpus: int) -> str:
    free = snapshot.capacity.free(node, technology.gpu_resource)
    if isinstance(free, str):
        return f"excluded ({free})"
    return f"have {free} of {gpus} GPUs free" if free < gpus else ""


def _tolerated(taint: Taint, tolerations: tuple[Toleration, ...]) -> bool:
    if taint.effect == "PreferNoSchedule" or taint.key in _KNOWN_OTHERWISE:
        return True
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect is not None and toleration.effect != taint.effect:
        return False
    if toleration.operator == "Exists":
        return toleration.key is None or toleration.key == taint.key
    return toleration.key == taint.key and (toleration.value or "") == taint.value
