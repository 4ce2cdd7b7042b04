"""Who holds which GPUs of a node: our servers, and Pods of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from cocoon.fleet.plan.records import ForeignUse, Key, Node, Server


class Capacity:
    """GPUs in use by node and resource. `version` changes whenever there may be room where there was none."""

    def __init__(self, most_gpus: int) -> None:
        self.version = 0
        self._most = most_gpus
        self._ours: dict[tuple[str, str], int] = defaultdict(int)
        self._foreign: dict[str, Mapping[str, int]] = {}
        self._counted: dict[Key, tuple[str, str, int]] = {}

    def put_server(self, server: Server) -> None:
        """Count a server's GPUs until its Pod has ended or is gone, however much it is being deleted."""
        where = None if server.ended else (server.node, server.gpu_resource, server.gpus)
        if self._counted.get(server.key) == where:
            return
        self.drop_server(server.key)
        if where is not None:
            self._counted[server.key] = where
            self._ours[where[0], where[1]] += where[2]

    def drop_server(self, key: Key) -> None:
        """Give back a server's GPUs."""
        self.version += 1
        where = self._counted.pop(key, None)
        if where is not None:
            self._ours[where[0], where[1]] -= where[2]

    def put_foreign(self, use: ForeignUse) -> None:
        """Note what Pods of others hold."""
        if self._foreign.get(use.node) != use.used:
            self._foreign[use.node] = use.used
            self.version += 1

    def drop_foreign(self, node: str) -> None:
        """Nothing is known of Pods of others on this node any more."""
        self._foreign.pop(node, None)
        self.version += 1

    def used(self, node: str, resource: str) -> int:
        """GPUs of a node that somebody holds."""
        return self._ours.get((node, resource), 0) + self._foreign.get(node, {}).get(resource, 0)

    def ours(self, node: str, resource: str) -> int:
        """GPUs of a node that our servers hold."""
        return self._ours.get((node, resource), 0)

    def free(self, node: Node, resource: str) -> int | str:
        """Free GPUs of a node, or a sentence that says why its numbers make no sense."""
        total, used = node.allocatable.get(resource, 0), self.used(node.name, resource)
        if total > self._most:
            return f"it reports {total} {resource}, more than {self._most}"
        if used > total:
            return f"{used} {resource} are in use but it has {total}"
        return total - used
