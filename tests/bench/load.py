"""Creates the jobs of a profile at their times, and notes when each was accepted."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import msgspec

from tests.bench.access import Access
from tests.bench.manifests import JOBS, job
from tests.bench.workload import Arrival, Profile

#: Requests under way at once.
CONCURRENCY = 48


class Load:
    """`created` is by job name, in seconds since 1970, when the API server had answered."""

    def __init__(self, access: Access, profile: Profile) -> None:
        self._access = access
        self._profile = profile
        self.created: dict[str, float] = {}

    async def run(self) -> None:
        """Create every job. Raises what the API server refuses."""
        slots = asyncio.Semaphore(CONCURRENCY)
        begun = time.monotonic()
        async with self._access.session(CONCURRENCY) as session, asyncio.TaskGroup() as tasks:
            for arrival in self._profile.arrivals():
                await asyncio.sleep(max(0.0, begun + arrival.at - time.monotonic()))
                await slots.acquire()
                creating = tasks.create_task(self._create(session, arrival))
                creating.add_done_callback(lambda _: slots.release())

    async def _create(self, session: aiohttp.ClientSession, arrival: Arrival) -> None:
        body = msgspec.json.encode(job(arrival, self._profile.members(arrival.group)))
        async with session.post(JOBS, data=body) as answer:
            if answer.status != 201:
                raise RuntimeError(f"{arrival.name}: {answer.status} {await answer.text()}")
            await answer.read()
        self.created[arrival.name] = time.time()
