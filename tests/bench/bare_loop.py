"""The least that an operator of the same jobs could do, to compare ours with: what Python and the API server allow.

kopf's `on.event` only, a heap for each group, first fit, and two status writes for each job, as long as ours are. There
is no planner, no runner, no trust and no recovery: the work is a timer in this process.

    python -m tests.bench.bare_loop URL CA JOBS
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import aiohttp
import kopf
import msgspec
import uvloop

from cocoon.api.groups import GROUP, JOBS, VERSION
from cocoon.api.times import format_time
from tests.bench.access import TOKEN, Access
from tests.bench.manifests import JOBS as PATH
from tests.bench.manifests import MODEL_SHA256
from tests.bench.stub_runner import Observed
from tests.bench.stub_server import Timing
from tests.bench.workload import SLOTS

CONCURRENCY = 64
#: As long as a real one.
RECEIPT = "r" * 1500


@dataclass(order=True)
class Queued:
    """A job in its group's heap."""

    rank: tuple[int, int]
    name: str
    providers: tuple[str, ...]
    slots: int
    seconds: float
    version: str


class BareLoop:
    """Mirror, queues and slots in one place, for `wanted` jobs."""

    def __init__(self, session: aiohttp.ClientSession, wanted: int) -> None:
        self._session = session
        self._unfinished = wanted
        self._queues: dict[tuple[str, ...], list[Queued]] = defaultdict(list)
        self._free: dict[str, int] = defaultdict(lambda: SLOTS)
        self._seen: set[str] = set()
        self._changed = asyncio.Event()
        self._writes = asyncio.Semaphore(CONCURRENCY)
        self.timings: list[Timing] = []

    def notice(self, body: Any) -> None:
        """Queue a job that is new."""
        name, spec = body["metadata"]["name"], body["spec"]
        if name in self._seen:
            return
        self._seen.add(name)
        providers = tuple(each["name"] for each in spec["providers"])
        seconds = msgspec.json.decode(spec["input"]["inline"].split("\n", 1)[0])["parameters"]["work_ms"] / 1000
        rank = (-spec["priority"], len(self._seen))
        version = body["metadata"]["resourceVersion"]
        heapq.heappush(self._queues[providers], Queued(rank, name, providers, spec["parallelism"], seconds, version))
        self._changed.set()

    async def serve(self) -> None:
        """Bind what fits whenever something changed, until all is done."""
        async with asyncio.TaskGroup() as tasks:
            while self._unfinished:
                await self._changed.wait()
                self._changed.clear()
                for queue in self._queues.values():
                    while queue and (server := self._server(queue[0])):
                        job = heapq.heappop(queue)
                        self._free[server] -= job.slots
                        tasks.create_task(self._work(job, server))
                await asyncio.sleep(0.01)

    def _server(self, job: Queued) -> str | None:
        return next((each for each in job.providers if self._free[each] >= job.slots), None)

    async def _work(self, job: Queued, server: str) -> None:
        now = format_time(time.time())
        bound = {"type": "Bound", "status": "True", "reason": "Bound", "message": f"Bound to {server}."}
        binding = {"provider": server, "server": server, "attempt": 1, "boundAt": now, "price": {}}
        conditions = [{**bound, "lastTransitionTime": now}]
        job.version = await self._write(job, {"state": "Running", "binding": binding, "conditions": conditions})
        timing = Timing(job.name, 1, job.slots, time.time())
        self.timings.append(timing)
        await asyncio.sleep(job.seconds)
        timing.finished = time.time()
        self._free[server] += job.slots
        self._changed.set()
        done = {"type": "Succeeded", "status": "True", "reason": "Done", "message": "All items are answered."}
        conditions.append({**done, "lastTransitionTime": now})
        result = {"usage": {"items": job.slots}, "cost": "1", "receipt": RECEIPT, "completionTime": now}
        output = {"uri": f"https://answers.example/{job.name}", "sha256": MODEL_SHA256, "bytes": 100}
        status = {"state": "Succeeded", "binding": binding, "conditions": conditions, "output": output, **result}
        await self._write(job, status)
        timing.acknowledged = time.time()
        self._unfinished -= 1
        self._changed.set()

    async def _write(self, job: Queued, status: dict[str, Any]) -> str:
        meta = {"name": job.name, "resourceVersion": job.version}
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "InferenceJob", "metadata": meta, "status": status}
        path = f"{PATH}/{job.name}/status"
        async with self._writes, self._session.put(path, data=msgspec.json.encode(body)) as answer:
            raw = await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{job.name}: {raw.decode()[:300]}")
        return str(msgspec.json.decode(raw)["metadata"]["resourceVersion"])


def _registry(loop: BareLoop, login: kopf.ConnectionInfo) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.watching.chunk_size = 500

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return login

    async def notice(body: Any, **_: Any) -> None:
        loop.notice(body)

    kopf.on.startup(registry=registry)(configure)
    kopf.on.login(registry=registry)(log_in)
    kopf.on.event(GROUP, VERSION, JOBS, registry=registry)(notice)
    return registry


async def run(access: Access, jobs: int) -> None:
    """Serve that many jobs, then print what was timed (`Observed`, one line of JSON)."""
    login = kopf.ConnectionInfo(server=access.url, ca_path=access.ca, token=TOKEN)
    async with access.session(CONCURRENCY) as session:
        loop = BareLoop(session, jobs)
        operator = asyncio.create_task(
            kopf.operator(registry=_registry(loop, login), clusterwide=True, standalone=True)
        )
        await loop.serve()
        sys.stdout.buffer.write(msgspec.json.encode(Observed(loop.timings)) + b"\n")
        sys.stdout.flush()
        await operator  # until it is ended from outside, so that what it has used can be read


if __name__ == "__main__":
    _url, _ca, _jobs = sys.argv[1:]
    uvloop.run(run(Access(_url, _ca), int(_jobs)))
