"""Which replica acts: the holder of a Lease (coordination.k8s.io/v1), and nobody who can't prove it in time.

Times follow client-go's leader election: a holder that could not renew for two thirds of the Lease's duration stops at
once; others take over when they have seen no renewal for the whole duration, each by its own clock. So there are never
two, whatever their clocks say, and a fail-over takes at most the duration and one look more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from cocoon.api.resources import LEASE, Manifest
from cocoon.api.times import format_time_micro
from cocoon.fleet.logs import fields
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.cluster import Cluster
from cocoon.fleet.ports.failures import Failure, Gone
from cocoon.fleet.ports.resources import Ref

LOG: Final = logging.getLogger(__name__)


class Leadership:
    """One replica's part in the election."""

    def __init__(self, ref: Ref, identity: str, duration: float, clock: Clock, metrics: Metrics) -> None:
        self.identity = identity
        self.changed = asyncio.Event()
        self._ref = ref
        self._duration = duration
        self._clock = clock
        self._metrics = metrics
        self._held_until = float("-inf")
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = float("-inf")
        self._was_leading = False
        self._in_touch = True
        self._own: Manifest | None = None

    @property
    def leading(self) -> bool:
        """Whether this replica may act right now."""
        return self._clock.elapsed() < self._held_until

    @property
    def holder_seen(self) -> str:
        """Who was last seen to hold the Lease."""
        return self._seen[0]

    async def run(self, cluster: Cluster) -> None:
        """Stand for election for ever; the Lease is given back when this is cancelled."""
        try:
            while True:
                await self.step(cluster)
                await self._clock.sleep(self._bounded(self._duration / (5 if self.leading else 10)))
        finally:
            await self._give_back(cluster)

    async def step(self, cluster: Cluster) -> None:
        """Renew, take or watch the Lease, once."""
        started = self._clock.elapsed()
        try:
            async with asyncio.timeout(self._bounded(self._duration / 2)):
                if await self._hold(cluster):
                    self._held_until = started + self._duration * 2 / 3
        except (Failure, TimeoutError) as failure:
            self._out_of_touch(str(failure) or "it took too long")
        else:
            self._back_in_touch()
        self._tell()

    def _out_of_touch(self, why: str) -> None:
        """Said once; an outage can be long."""
        if self._in_touch:
            LOG.warning("The Lease can't be renewed or read", extra=fields(why=why))
        self._in_touch = False

    def _back_in_touch(self) -> None:
        if not self._in_touch:
            LOG.info("The Lease can be read again")
        self._in_touch = True

    def _bounded(self, seconds: float) -> float:
        """Seconds, but not beyond the moment at which leading ends: it has to be noticed then."""
        return max(0.05, min(seconds, self._held_until - self._clock.elapsed())) if self.leading else seconds

    def _tell(self) -> None:
        self._metrics.leading.set(self.leading)
        if self.leading != self._was_leading:
            self._was_leading = self.leading
            self.changed.set()
            LOG.info("This replica leads now" if self.leading else "This replica leads no more")

    async def _hold(self, cluster: Cluster) -> bool:
        """Whether the Lease is ours now. Its holder writes at once: one call less while the API server is slow."""
        if self._own is not None and await self._take(cluster.replace(self._manifest(self._own))):
            return True
        self._own = None
        try:
            lease = await cluster.read(self._ref)
        except Gone:
            return await self._take(cluster.create(self._manifest(None)))
        holder = str(lease["spec"].get("holderIdentity") or "")
        self._see(holder, str(lease["metadata"]["resourceVersion"]))
        if holder == self.identity or not holder or self._expired():
            return await self._take(cluster.replace(self._manifest(lease)))
        self._held_until = float("-inf")
        return False

    async def _take(self, write: Awaitable[Manifest]) -> bool:
        try:
            lease = await write
        except Gone:
            return False
        self._own = lease
        self._see(self.identity, str(lease["metadata"]["resourceVersion"]))
        return True

    def _see(self, holder: str, version: str) -> None:
        if (holder, version) != self._seen:
            self._seen, self._seen_at = (holder, version), self._clock.elapsed()

    def _expired(self) -> bool:
        return self._clock.elapsed() - self._seen_at > self._duration

    def _manifest(self, lease: Manifest | None) -> Manifest:
        now = format_time_micro(self._clock.now())
        old = lease["spec"] if lease else {}
        ours = old.get("holderIdentity") == self.identity
        meta = {"name": self._ref.name, "namespace": self._ref.namespace}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": meta | ({"resourceVersion": lease["metadata"]["resourceVersion"]} if lease else {}),
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": max(1, round(self._duration)),
                "acquireTime": old.get("acquireTime") if ours else now,
                "renewTime": now,
                "leaseTransitions": int(old.get("leaseTransitions") or 0) + (0 if ours else 1),
            },
        }

    async def _give_back(self, cluster: Cluster) -> None:
        """Let another replica take over at once."""
        if not self.leading:
            return
        self._held_until = float("-inf")
        self._own = None
        try:
            async with asyncio.timeout(2):
                lease = await cluster.read(self._ref)
                if lease["spec"].get("holderIdentity") == self.identity:
                    await cluster.replace(lease | {"spec": lease["spec"] | {"holderIdentity": ""}})
        except (Failure, TimeoutError):
            return
