"""Two real operators, one Lease: only its holder acts, and 15 seconds after its death the other one does."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from devcluster import ApiServer
from devcluster import ports as tcp
from tests.api.operator.test_killed import KillableFleet
from tests.bench import manifests
from tests.bench.fleet_under_test import OPERATOR_NAMESPACE, bench_cluster, python_path

pytestmark = pytest.mark.api

LOG = logging.getLogger(__name__)
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/cocoon-fleet"
#: Seconds from the leader's death to the next bind.
FAIL_OVER = 15.0
ACTED = re.compile(r'cocoon_fleet_actions_total\{kind="(\w+)",outcome="Done"\} ([0-9.]+)')


class TwoOperators(KillableFleet):
    """Replicas a and b, each with a port of its own for its metrics."""

    def __init__(self, cluster: ApiServer) -> None:
        super().__init__(cluster)
        self.ports = dict(zip("ab", tcp.free(2), strict=True))

    def __exit__(self, *about: object) -> None:
        for name in "ab":
            self.processes.stop(name, grace=5)
        super().__exit__(*about)

    def starts_replica(self, name: str) -> None:
        flags = {
            "kubeconfig": self.cluster.kubeconfig,
            "namespace": OPERATOR_NAMESPACE,
            "identity": name,
            "listen": "127.0.0.1",
            "port": self.ports[name],
            "runner-port": self.runner_port,
        }
        given = [f"--{flag}={value}" for flag, value in flags.items()]
        command = [sys.executable, "-m", "cocoon.fleet", "--allow-test-roots", *given]
        self.processes.start(name, command, {"PYTHONPATH": python_path()})
        self.awaits(lambda: not tcp.is_free(self.ports[name]), f"replica {name}'s port")

    def kills_replica(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def holder(self) -> str:
        lease = self.cluster.kube().find(LEASE)
        return str(lease["spec"]["holderIdentity"]) if lease else ""

    def acted(self, name: str) -> dict[str, float]:
        """How many actions of each kind a replica has carried out, attestation aside: a standby does that too."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=5) as answer:
            found = {kind: float(count) for kind, count in ACTED.findall(answer.read().decode())}
        return {kind: count for kind, count in found.items() if kind != "AttestServer" and count}


@pytest.fixture
def fleet() -> Iterator[TwoOperators]:
    with bench_cluster(nodes=1, gpus=1) as cluster, TwoOperators(cluster) as fleet:
        fleet.offer([manifests.provider(number, f"simulated-{number}") for number in range(1)])
        yield fleet


def _awaits_server(fleet: TwoOperators) -> None:
    def ready() -> bool:
        found = fleet.cluster.kube().call("GET", manifests.PROVIDERS)["items"]
        return any(each.get("status", {}).get("servers", {}).get("ready", 0) for each in found)

    fleet.awaits(ready, "a ready server")


def test_the_standby_takes_over(fleet: TwoOperators) -> None:
    fleet.starts_replica("a")
    fleet.awaits(lambda: fleet.holder() == "a", "a leader")
    fleet.starts_replica("b")
    _awaits_server(fleet)
    fleet.creates("before")
    fleet.awaits(lambda: fleet.state("before") == "Succeeded", "the first job's success")
    assert fleet.acted("a")["FinishJob"] == 1
    assert fleet.acted("b") == {}
    assert fleet.holder() == "a"

    fleet.kills_replica("a")
    killed = time.monotonic()
    fleet.creates("after")
    fleet.awaits(lambda: fleet.job("after").get("status", {}).get("binding"), "the bind by the standby")
    seconds = time.monotonic() - killed
    LOG.info("The standby bound a job %.1f s after the leader's death", seconds)
    assert seconds <= FAIL_OVER
    assert fleet.holder() == "b"

    fleet.starts_replica("a")
    fleet.awaits(lambda: fleet.state("after") == "Succeeded", "the second job's success")
    assert fleet.job("after")["status"]["binding"]["attempt"] == 1
    assert fleet.acted("a") == {}
    assert fleet.holder() == "b"
