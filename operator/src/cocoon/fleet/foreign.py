"""GPUs that Pods of others hold on the nodes, from a LIST every half minute: a watch of all Pods would cost far more.

It is also read at once when kube-scheduler says that a Pod of ours fits nowhere: then somebody else was faster.
"""

from __future__ import annotations

import logging
from typing import Final

from cocoon.api.resources import POD
from cocoon.fleet.logs import fields
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.observe.node import add_up, foreign_use
from cocoon.fleet.plan.records import Key
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.cluster import Cluster, Where
from cocoon.fleet.ports.failures import Failure

LOG: Final = logging.getLogger(__name__)
HOLDING: Final = Where(
    labels="app.kubernetes.io/managed-by!=cocoon-fleet",
    fields="status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!=",
    cached=True,
)
_LOOK: Final = 1.0


class Foreign:
    """Keeps ForeignUse records fresh."""

    def __init__(self, mirror: Mirror, clock: Clock, every: float) -> None:
        self._mirror = mirror
        self._clock = clock
        self._every = every
        self._refused: frozenset[Key] = frozenset()

    async def run(self, cluster: Cluster) -> None:
        """Read for ever."""
        await self._mirror.complete.wait()
        while True:
            try:
                await self.read(cluster)
            except Failure as failure:
                LOG.info("Other Pods can't be listed", extra=fields(why=str(failure)))
            await self._pause()

    async def read(self, cluster: Cluster) -> None:
        """Read once."""
        uses = []
        async for page in cluster.pages(POD, HOLDING):
            uses += [use for pod in page.items if (use := foreign_use(pod))]
        for record in add_up(uses, list(self._mirror.snapshot.nodes)):
            if self._mirror.snapshot.foreign.get(record.node) != record:
                self._mirror.know(record)

    async def _pause(self) -> None:
        until = self._clock.elapsed() + self._every
        while self._clock.elapsed() < until and not self._newly_refused():
            await self._clock.sleep(min(_LOOK, self._every))

    def _newly_refused(self) -> bool:
        servers = self._mirror.snapshot.servers.values()
        refused = frozenset(server.key for server in servers if server.unschedulable)
        new = bool(refused - self._refused)
        self._refused = refused
        return new
