"""Where new servers fit, while one round gives rooms away: the node with the fewest free GPUs that are enough."""

from __future__ import annotations

from collections import defaultdict

from cocoon.api.provider import TechnologySpec
from cocoon.api.times import Instant
from cocoon.fleet.plan.nodes import node_obstacle, technology_of
from cocoon.fleet.plan.records import Key, Node, Provider
from cocoon.fleet.plan.snapshot import Snapshot

Room = tuple[Node, TechnologySpec]


class Rooms:
    """GPUs of nodes as of this round."""

    def __init__(self, snapshot: Snapshot, now: Instant) -> None:
        self._snapshot = snapshot
        self._now = now
        self._taken: dict[tuple[str, str], int] = defaultdict(int)
        self._gpus: dict[Key, int] = {}
        self._none: set[tuple[Key, int]] = set()

    def find(self, provider: Provider, gpus: int) -> Room | None:
        """The best node for a server of that many GPUs; what had no room once in a round has none until its end."""
        if (provider.key, gpus) in self._none or not self._within_maximum(provider, gpus):
            return None
        best: tuple[int, str, Node, TechnologySpec] | None = None
        for node in self._snapshot.offered_nodes(provider):
            found = self._free(provider, node, gpus)
            if found is not None and (best is None or (found[0], node.name) < best[:2]):
                best = (found[0], node.name, node, found[1])
        if best is None:
            self._none.add((provider.key, gpus))
            return None
        return best[2:]

    def take(self, provider: Provider, room: Room, gpus: int) -> None:
        """Give the room to a server."""
        self._taken[room[0].name, room[1].gpu_resource] += gpus
        self._gpus[provider.key] += gpus

    def _within_maximum(self, provider: Provider, gpus: int) -> bool:
        if provider.key not in self._gpus:
            servers = (self._snapshot.servers[key] for key in self._snapshot.servers_of_provider[provider.key])
            self._gpus[provider.key] = sum(server.gpus for server in servers if not server.ended)
        return provider.maximum_gpus is None or self._gpus[provider.key] + gpus <= provider.maximum_gpus

    def _free(self, provider: Provider, node: Node, gpus: int) -> tuple[int, TechnologySpec] | None:
        technology = technology_of(provider, node)
        if technology is None:
            return None
        taken = self._taken.get((node.name, technology.gpu_resource), 0)
        free = self._snapshot.capacity.free(node, technology.gpu_resource)
        if isinstance(free, str) or free < gpus + taken:
            return None
        return None if node_obstacle(self._snapshot, provider, node, 0, self._now) else (free - taken, technology)
