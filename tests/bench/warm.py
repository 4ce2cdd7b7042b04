"""How soon a warm server begins with a job: from the durable bind, and from the job's creation, to its first item.

Jobs come one at a time to a fleet that has nothing else to do. The bind is seen by a watch of this process, which hears
of it about as soon as the operator hears that its write was taken; the beginning is timed by the stub.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import quantiles

import aiohttp
import msgspec

from tests.bench import manifests
from tests.bench.fleet_under_test import FleetUnderTest, access, bench_cluster
from tests.bench.manifests import JOBS
from tests.bench.workload import Arrival, JobClass

_CLASS = JobClass("warm", 0, 1, 5, 0.0, 0)


@dataclass(frozen=True)
class Warm:
    """Milliseconds, in the order of the jobs."""

    from_bind: list[float]
    from_creation: list[float]


def percentile(found: list[float], percent: int) -> float:
    """By linear interpolation between the two nearest."""
    return quantiles(found, n=100, method="inclusive")[percent - 1]


def run_warm(jobs: int) -> Warm:
    """That many jobs, one after the other, on one ready server."""
    with bench_cluster(nodes=1, gpus=1) as cluster, FleetUnderTest(cluster) as fleet:
        fleet.offer([manifests.provider(0, "simulated-0")])
        fleet.start_operator()
        fleet.await_servers(1)
        return asyncio.run(_one_by_one(fleet, jobs))


async def _one_by_one(fleet: FleetUnderTest, jobs: int) -> Warm:
    created: dict[str, float] = {}
    bound: dict[str, float] = {}
    ended = asyncio.Event()
    async with access(fleet.cluster).session(connections=4) as session:
        watching = asyncio.create_task(_watch(session, bound, ended))
        for number in range(jobs):
            arrival = Arrival(0.0, f"warm-{number}", 0, _CLASS)
            ended.clear()
            created[arrival.name] = time.time()
            await _create(session, arrival)
            await asyncio.wait_for(ended.wait(), 30)
        watching.cancel()
    begun = {timing.name: timing.started for timing in (await fleet.observed()).timings}
    return Warm(
        [1000 * (begun[name] - at) for name, at in bound.items()],
        [1000 * (begun[name] - at) for name, at in created.items()],
    )


async def _create(session: aiohttp.ClientSession, arrival: Arrival) -> None:
    body = msgspec.json.encode(manifests.job(arrival, [0]))
    async with session.post(JOBS, data=body) as answer:
        answer.raise_for_status()


async def _watch(session: aiohttp.ClientSession, bound: dict[str, float], ended: asyncio.Event) -> None:
    """Note when each job's bind is seen, and say when one has ended."""
    query = {"watch": "1", "resourceVersion": "0"}
    async with session.get(JOBS, params=query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
        async for line in answer.content:
            job = msgspec.json.decode(line)["object"]
            status = job.get("status", {})
            if status.get("binding"):
                bound.setdefault(job["metadata"]["name"], time.time())
            if status.get("state") in ("Succeeded", "Failed"):
                ended.set()
