"""One run of a profile's jobs: through the whole fleet, or through the bare loop that it is compared with."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import msgspec
import uvloop

from devcluster import ApiServer
from tests.bench import manifests
from tests.bench.fleet_under_test import FleetUnderTest, access, bench_cluster, python_path
from tests.bench.load import Load
from tests.bench.measure import Watched, peak_memory, requests
from tests.bench.outcome import Outcome, outcome
from tests.bench.stub_runner import Observed
from tests.bench.verify import wrongs
from tests.bench.workload import Profile


class WrongRun(Exception):
    """The run ended, but not as it must."""


def run_fleet(profile: Profile, seconds: float) -> Outcome:
    """The real operator over the stub; raises WrongRun unless every job succeeded once, within `seconds`."""
    with bench_cluster(profile.providers, gpus=1) as cluster, FleetUnderTest(cluster) as fleet:
        fleet.offer([manifests.provider(number, f"simulated-{number}") for number in range(profile.providers)])
        fleet.start_operator()
        fleet.await_servers(profile.providers)
        return uvloop.run(_measure_fleet(fleet, profile, seconds))


async def _measure_fleet(fleet: FleetUnderTest, profile: Profile, seconds: float) -> Outcome:
    kube, load = fleet.cluster.kube(), Load(access(fleet.cluster), profile)
    before, watched = requests(kube), Watched(fleet.pids())
    loading = asyncio.create_task(load.run())
    try:
        await _until_acknowledged(fleet, loading, profile.jobs, seconds)
    except TimeoutError:
        loading.cancel()
        left = wrongs(kube, await fleet.observed(), profile.jobs)
        raise WrongRun(f"Not all jobs ended in time: {left[:5]}\n{fleet.log('operator')}") from None
    spent = watched.cpu(), {name: peak_memory(pid) for name, pid in fleet.pids().items()}
    counted, observed = requests(kube) - before, await fleet.observed()
    if wrong := wrongs(kube, observed, profile.jobs):
        raise WrongRun("\n".join(wrong[:20]))
    return outcome(profile, load.created, observed.timings, spent, counted)


async def _until_acknowledged(fleet: FleetUnderTest, loading: asyncio.Task[None], jobs: int, seconds: float) -> None:
    begun, said = time.monotonic(), 0.0
    async with aiohttp.ClientSession() as session:
        while (now := await fleet.progress(session)).acknowledged < jobs:
            fleet.pid("operator")
            if loading.done():
                loading.result()  # raises what went wrong with it
            passed = time.monotonic() - begun
            if passed > seconds:
                raise TimeoutError
            if passed > said + 10:
                said = passed
                sys.stderr.write(f"{passed:5.0f} s: {now.started} jobs were begun, {now.acknowledged} are done\n")
            await asyncio.sleep(1)  # to count costs the stub some milliseconds, and ends are timed by it


def run_bare(profile: Profile) -> Outcome:
    """The bare loop over the same jobs, on an API server of its own."""
    with bench_cluster(nodes=0, gpus=0) as cluster:
        return uvloop.run(_measure_bare(cluster, profile))


async def _measure_bare(cluster: ApiServer, profile: Profile) -> Outcome:
    kube, load = cluster.kube(), Load(access(cluster), profile)
    command = [sys.executable, "-m", "tests.bench.bare_loop", *access(cluster).arguments(), str(profile.jobs)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": python_path()}, limit=1 << 26
    )
    server = {name: pid for name in ("kube-apiserver", "etcd") if (pid := cluster.pid(name)) is not None}
    before, watched = requests(kube), Watched({**server, "bare loop": process.pid})
    try:
        await load.run()
        assert process.stdout is not None
        observed = msgspec.json.decode(await process.stdout.readuntil(b"\n"), type=Observed)
        spent = watched.cpu(), {"bare loop": peak_memory(process.pid)}
    finally:
        process.kill()
        await process.wait()
    return outcome(profile, load.created, observed.timings, spent, requests(kube) - before)
