"""How soon an operator that was started anew does the right thing, with a large fleet and a long queue before it.

1,000 providers have a server each, all of them ready; then the operator ends and 10,000 jobs come. Timed from the start
of the new process: when its mirror is complete and its first round planned (its own metrics say so), when its first
bind is durable, and when every slot is taken. For a bind the server has to be attested again: a new process trusts
nobody. Right means that nothing was created, deleted or given to a full server on the way.
"""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from dataclasses import dataclass

import aiohttp

from tests.bench import manifests
from tests.bench.fleet_under_test import FleetUnderTest, access, bench_cluster
from tests.bench.load import Load
from tests.bench.measure import Request, peak_memory, requests
from tests.bench.workload import JobClass, Profile

GPUS_PER_NODE = 8
#: Long enough that no job ends while it is counted how many began.
_MILLISECONDS = 300_000


@dataclass(frozen=True)
class Restart:
    """Seconds since the start of the new process; `memory` in MiB; `wrongs` are writes that should not have been."""

    first_plan: float
    first_bind: float
    all_bound: float
    memory: float
    wrongs: list[str]


def run_restart(servers: int, jobs: int) -> Restart:
    """Jobs of one slot each; servers have one slot, so that as many jobs are bound as there are servers."""
    nodes = -(-servers // GPUS_PER_NODE)
    with bench_cluster(nodes, GPUS_PER_NODE) as cluster, FleetUnderTest(cluster) as fleet:
        offers = [manifests.provider(n, f"simulated-{n // GPUS_PER_NODE}", slots=1) for n in range(servers)]
        fleet.offer(offers)
        fleet.start_operator()
        fleet.await_servers(servers, 60 + servers / 5)
        fleet.stop_operator()
        queue = JobClass("queued", jobs, 1, _MILLISECONDS, 0.0, 0)
        profile = Profile(1, 1, (queue,), restricted=False)
        asyncio.run(Load(access(cluster), profile).run())
        return asyncio.run(_measure(fleet, servers))


async def _measure(fleet: FleetUnderTest, servers: int) -> Restart:
    kube = fleet.cluster.kube()
    before, begun = requests(kube), time.time()
    fleet.start_operator()
    first_plan = await _until_planned(fleet) - begun
    async with aiohttp.ClientSession() as session:
        while (await fleet.progress(session)).started < servers:
            fleet.pid("operator")
            if time.time() - begun > 120:
                raise TimeoutError(f"Not all servers got a job.\n{fleet.log('operator')}")
            await asyncio.sleep(0.1)
    starts = sorted(timing.started for timing in (await fleet.observed()).timings)
    written = requests(kube) - before
    memory = peak_memory(fleet.pid("operator"))
    return Restart(first_plan, starts[0] - begun, starts[servers - 1] - begun, memory, _wrongs(written, servers))


async def _until_planned(fleet: FleetUnderTest) -> float:
    while True:
        fleet.pid("operator")
        if await asyncio.to_thread(_rounds, fleet.metrics_port) > 0:
            return time.time()
        await asyncio.sleep(0.1)  # each look costs the operator a few milliseconds


def _rounds(port: int) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    found = re.search(r"^cocoon_fleet_round_seconds_count (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _wrongs(written: dict[Request, int], servers: int) -> list[str]:
    """Servers stay what they were: no Pod is created or deleted, and no job is bound beyond the slots there are."""
    wrong = [
        f"{count} times {request}"
        for request, count in written.items()
        if request.resource == "pods"
        and not request.subresource
        and request.verb in ("POST", "APPLY", "PATCH", "DELETE")
    ]
    binds = written.get(Request("PUT", "inferencejobs", "status"), 0)
    return wrong + ([f"{binds} statuses were written for {servers} slots"] if binds > servers + 10 else [])
