"""The real operator process is killed by SIGKILL at each arrow of a job's way; the next one brings the job to its end.

created ─▶ bound ─▶ pushed ─▶ finished ─▶ output ─▶ settled ─▶ acknowledged
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster import ports as tcp
from devcluster.kube import Answer, until
from tests.bench import manifests
from tests.bench.fleet_under_test import (
    OPERATOR_NAMESPACE,
    FleetUnderTest,
    access,
    bench_cluster,
    python_path,
)
from tests.bench.stub_server import Timing
from tests.bench.workload import Arrival, JobClass

pytestmark = pytest.mark.api

PATIENCE = 60.0


class KillableFleet(FleetUnderTest):
    """A fleet whose operator can be started so that it kills itself at an arrow."""

    def starts(self, crash_at: str = "nowhere", crashed: Path = Path("/nonexistent")) -> None:
        flags = {
            "kubeconfig": self.cluster.kubeconfig,
            "namespace": OPERATOR_NAMESPACE,
            "identity": "killed",
            "listen": "127.0.0.1",
            "port": self.metrics_port,
            "runner-port": self.runner_port,
        }
        given = [f"--{name}={value}" for name, value in flags.items()]
        environment = {"PYTHONPATH": python_path(), "CRASH_AT": crash_at, "CRASHED": str(crashed)}
        module = "tests.api.operator.killed_operator"
        self.processes.start("operator", [sys.executable, "-m", module, "--allow-test-roots", *given], environment)

    def start_stub(self) -> None:
        """One that outlives an API server that goes away."""
        ports = [str(self.runner_port), str(self.control_port)]
        self._python("stub", "-m", "tests.api.operator.lasting_stub", *access(self.cluster).arguments(), *ports)
        self.processes.until(lambda: not tcp.is_free(self.control_port), "stub", 30)

    def kills(self) -> None:
        os.kill(self.pid("operator"), signal.SIGKILL)
        self.awaits(lambda: self.processes.pid("operator") is None, "the operator's end")

    def awaits(self, met: Callable[[], Any], what: str) -> None:
        try:
            until(lambda: bool(met()), what, PATIENCE)
        except Exception as error:
            raise AssertionError(f"{what} did not happen:\n{self.log('operator')}") from error

    def creates(self, name: str, milliseconds: int = 300) -> None:
        kind = JobClass("crash", 0, 1, milliseconds, 0.0, 0)
        job = manifests.job(Arrival(0.0, name, 0, kind), [0, 1])
        job["spec"]["output"] = {"configMap": {}}
        self.cluster.kube().call("POST", manifests.JOBS, job)

    def job(self, name: str) -> dict[str, Any]:
        return self.cluster.kube().call("GET", f"{manifests.JOBS}/{name}")

    def told(self, name: str) -> list[str]:
        """Reasons of a job's Events."""
        events = self.cluster.kube().call("GET", "/api/v1/events")["items"]
        told = [each for each in events if each["involvedObject"]["name"] == name]
        return [each["reason"] for each in sorted(told, key=lambda each: str(each["metadata"]["name"]))]

    def state(self, name: str) -> str:
        return str(self.job(name).get("status", {}).get("state", ""))

    def timings(self, name: str) -> list[Timing]:
        return [timing for timing in asyncio.run(self._timings()) if timing.name == name]

    async def _timings(self) -> list[Timing]:
        return (await self.observed()).timings


@pytest.fixture(scope="module")
def fleet() -> Iterator[KillableFleet]:
    with bench_cluster(nodes=2, gpus=1) as cluster, KillableFleet(cluster) as fleet:
        fleet.offer([manifests.provider(number, f"simulated-{number}") for number in range(2)])
        fleet.starts()
        fleet.await_servers(2)
        fleet.stop_operator()
        yield fleet


@pytest.fixture(autouse=True)
def _ended(fleet: KillableFleet) -> Iterator[None]:
    yield
    fleet.stop_operator()


def _ends_well(fleet: KillableFleet, name: str) -> None:
    """Succeeded in one attempt that was worked on once, with its answers, and its runner may forget it."""
    fleet.awaits(lambda: fleet.state(name) == "Succeeded", f"{name}'s success")
    status = fleet.job(name)["status"]
    assert status["binding"]["attempt"] == 1
    assert status["output"]["configMap"] == f"{name}-output"
    fleet.awaits(lambda: fleet.timings(name)[0].acknowledged > 0, f"{name}'s acknowledgement")
    assert len(fleet.timings(name)) == 1
    assert fleet.job(name)["status"] == status
    assert fleet.told(name) == []


@pytest.mark.parametrize(
    ("name", "crash_at"),
    [
        ("bound", "update_status InferenceJob/bound/Running"),
        ("pushed", "push pushed"),
        ("written", "create ConfigMap/written-output"),
        ("settled", "update_status InferenceJob/settled/Succeeded"),
    ],
)
def test_killed_at_an_arrow(fleet: KillableFleet, tmp_path: Path, name: str, crash_at: str) -> None:
    crashed = tmp_path / "crashed"
    fleet.starts(crash_at, crashed)
    fleet.creates(name)
    fleet.awaits(lambda: crashed.exists() and fleet.processes.pid("operator") is None, "the crash")
    fleet.starts()
    _ends_well(fleet, name)


def test_killed_while_a_job_runs(fleet: KillableFleet) -> None:
    fleet.starts()
    fleet.creates("running", milliseconds=1500)
    fleet.awaits(lambda: fleet.timings("running"), "the start of the job")
    fleet.kills()
    fleet.awaits(lambda: fleet.timings("running")[0].finished > 0, "its end on the runner")
    assert fleet.timings("running")[0].acknowledged == 0
    fleet.starts()
    _ends_well(fleet, "running")


def test_a_job_is_deleted_while_no_operator_runs(fleet: KillableFleet) -> None:
    fleet.starts()
    fleet.creates("deleted", milliseconds=1000)
    fleet.awaits(lambda: fleet.timings("deleted"), "the start of the job")
    fleet.kills()
    fleet.cluster.kube().call("DELETE", f"{manifests.JOBS}/deleted")
    fleet.starts()
    fleet.awaits(lambda: fleet.timings("deleted")[0].acknowledged > 0, "the acknowledgement")
    with pytest.raises(Answer):
        fleet.job("deleted")


def test_a_server_is_lost_while_no_operator_runs(fleet: KillableFleet) -> None:
    fleet.starts()
    fleet.creates("lost", milliseconds=3000)
    fleet.awaits(lambda: fleet.timings("lost"), "the start of the job")
    server = fleet.job("lost")["status"]["binding"]["server"]
    namespace, pod = server.split("/")
    fleet.kills()
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    fleet.cluster.kube().call("DELETE", path, {"gracePeriodSeconds": 0})
    fleet.awaits(lambda: fleet.cluster.kube().find(path) is None, "the Pod's end")
    fleet.starts()
    fleet.awaits(lambda: fleet.state("lost") == "Succeeded", "success")
    status = fleet.job("lost")["status"]
    assert status["binding"]["attempt"] == 2
    assert status["attempts"][0]["reason"] == "ServerLost"
    fleet.awaits(lambda: fleet.told("lost") == ["ServerLost", "Bound"], "Events of what was not routine")


def test_the_api_server_is_away_for_a_while(fleet: KillableFleet) -> None:
    fleet.starts()
    names = [f"away-{number}" for number in range(6)]
    for name in names:
        fleet.creates(name, milliseconds=2000)
    fleet.awaits(lambda: all(fleet.timings(name) for name in names), "the start of the jobs")
    pods = {pod["metadata"]["uid"] for pod in fleet.cluster.kube().call("GET", "/api/v1/pods")["items"]}
    fleet.cluster.stop_api()
    gone = time.monotonic()
    fleet.awaits(lambda: all(fleet.timings(name)[0].finished for name in names), "the end of the jobs")
    fleet.awaits(lambda: time.monotonic() - gone > 12, "an outage longer than the Lease")
    fleet.cluster.start_api()
    for name in names:
        _ends_well(fleet, name)
    assert {pod["metadata"]["uid"] for pod in fleet.cluster.kube().call("GET", "/api/v1/pods")["items"]} == pods
