"""`make chaos-outage`: for two minutes of real time the operator has no API server, and then one without etcd.

Without its API server the operator's calls are refused at once; with etcd stopped they hang. Jobs run meanwhile: some
end during the outage, some after it. No Pod may go, no job may be given out again, and all must end soon after.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from msgspec import Struct

from tests.api.operator.test_killed import KillableFleet
from tests.bench import manifests
from tests.bench.fleet_under_test import bench_cluster
from tests.bench.report import Row, report

SECONDS = 120.0
#: Jobs by how long (in parts of the outage) they take.
JOBS = {"during": 0.1, "later": 0.6, "after": 1.1}
EACH = 4


class Outcome(Struct):
    """What one outage came to."""

    cpu: float
    """CPU seconds of the operator during the outage."""
    lines: int
    """Lines that it logged during the outage."""
    first_end: float
    """Seconds from the API server's return until the first job's end was written."""
    all_ended: float
    again: int
    """Jobs that were tried more than once."""
    pods_gone: int
    pods_new: int
    restarted: bool


@contextmanager
def no_api_server(fleet: KillableFleet) -> Iterator[None]:
    """Connections are refused."""
    fleet.cluster.stop_api()
    yield
    fleet.cluster.start_api()


@contextmanager
def no_etcd(fleet: KillableFleet) -> Iterator[None]:
    """Calls hang until their deadlines."""
    etcd = fleet.cluster.pid("etcd")
    if etcd is None:
        raise RuntimeError("etcd does not run")
    os.kill(etcd, signal.SIGSTOP)
    yield
    os.kill(etcd, signal.SIGCONT)


OUTAGES = {"API server": no_api_server, "etcd": no_etcd}


def outage(fleet: KillableFleet, kind: str, seconds: float) -> Outcome:
    """One outage, with jobs; returns when all have ended. The operator has to run."""
    names = [f"{kind.split(maxsplit=1)[0].lower()}-{when}-{number}" for when in JOBS for number in range(EACH)]
    for name in names:
        fleet.creates(name, milliseconds=int(JOBS[name.split("-")[1]] * seconds * 1000))
    fleet.awaits(lambda: all(fleet.timings(name) for name in names), "the start of the jobs")
    pods, pid = _pods(fleet), fleet.pid("operator")
    process = psutil.Process(pid)
    before, logged = sum(process.cpu_times()[:2]), _lines(fleet)
    with OUTAGES[kind](fleet):
        time.sleep(seconds)
        cpu, logged = sum(process.cpu_times()[:2]) - before, _lines(fleet) - logged
    back = time.monotonic()
    fleet.awaits(lambda: any(fleet.state(name) == "Succeeded" for name in names), "the first end")
    first = time.monotonic() - back
    fleet.awaits(lambda: all(fleet.state(name) == "Succeeded" for name in names), "the end of all jobs")
    ended = time.monotonic() - back
    fleet.awaits(lambda: all(each.acknowledged for name in names for each in fleet.timings(name)), "acknowledgements")
    again = sum(len(fleet.timings(name)) > 1 for name in names)
    gone, new = len(pods - _pods(fleet)), len(_pods(fleet) - pods)
    return Outcome(cpu, logged, first, ended, again, gone, new, restarted=fleet.processes.pid("operator") != pid)


@contextmanager
def ready_fleet() -> Iterator[KillableFleet]:
    """Two servers, and the operator."""
    with bench_cluster(nodes=2, gpus=1) as cluster, KillableFleet(cluster) as fleet:
        fleet.offer([manifests.provider(number, f"simulated-{number}") for number in range(2)])
        fleet.starts()
        fleet.await_servers(2)
        yield fleet


def rows(kind: str, found: Outcome, seconds: float) -> list[Row]:
    """An outage in figures."""
    return [
        Row(f"{kind}: away", seconds, "s"),
        Row.at_most(f"{kind}: Pods gone", found.pods_gone, "", 0),
        Row.at_most(f"{kind}: Pods created", found.pods_new, "", 0),
        Row.at_most(f"{kind}: jobs tried again", found.again, "", 0),
        Row.at_most(f"{kind}: the operator's restarts", found.restarted, "", 0),
        Row(f"{kind}: return to the first end", found.first_end, "s"),
        Row(f"{kind}: return to all ends", found.all_ended, "s"),
        Row.at_most(f"{kind}: CPU of the operator meanwhile", found.cpu / seconds, "cores", 0.05),
        Row(f"{kind}: lines logged meanwhile", found.lines, ""),
    ]


def _pods(fleet: KillableFleet) -> set[str]:
    return {str(pod["metadata"]["uid"]) for pod in fleet.cluster.kube().call("GET", "/api/v1/pods")["items"]}


def _lines(fleet: KillableFleet) -> int:
    return fleet.processes.log("operator").read_text().count("\n")


def main() -> int:
    """1 if anything was destroyed or done again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    seconds = parser.parse_args().seconds
    with ready_fleet() as fleet:
        found = {kind: outage(fleet, kind, seconds) for kind in OUTAGES}
    return report("outage", [row for kind, each in found.items() for row in rows(kind, each, seconds)])


if __name__ == "__main__":
    sys.exit(main())
