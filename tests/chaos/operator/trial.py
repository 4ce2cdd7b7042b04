"""One batch of lives: jobs come, some are deleted, the API server goes away now and then, the operator is killed.

    start ─▶ jobs come ─▶ a moment that the dice choose ─▶ SIGKILL      … many times, then one life in peace

Afterwards every job must have ended once, in its first attempt, with the receipt that its runner signed in its status;
every runner must have been told to forget; and no Pod may have come or gone, for nobody gave a reason to.
"""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any, Final

import msgspec
from msgspec import Struct

from cocoon.api.receipts import Claims
from cocoon.attest import receipts
from devcluster.kube import Answer
from tests.api.operator.test_killed import KillableFleet
from tests.bench import manifests
from tests.bench.fleet_under_test import OPERATOR_NAMESPACE
from tests.bench.stub_runner import Observed
from tests.bench.stub_server import Timing
from tests.bench.verify import all_jobs
from tests.chaos.operator.mortal import Mortal

#: The longest life, in seconds: long enough for jobs to go all the way.
LONGEST: Final = 2.5
#: How likely it is that the API server goes away during a life, and that somebody deletes a job.
OUTAGE: Final = 0.03
DELETION: Final = 0.15
OUTPUTS: Final = f"/api/v1/namespaces/{manifests.NAMESPACE}/configmaps"


class Verdict(Struct):
    """What a batch came to. All but the first five and `seconds` have to be 0."""

    seed: int
    kills: int = 0
    kills_at_work: int = 0
    """Kills while a runner had work that was not acknowledged."""
    jobs: int = 0
    outages: int = 0
    lost_receipts: int = 0
    done_twice: int = 0
    not_ended: int = 0
    not_acknowledged: int = 0
    pods_deleted: int = 0
    pods_created: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing was lost, done twice, left undone or destroyed."""
        wrong = (self.lost_receipts, self.done_twice, self.not_ended, self.not_acknowledged)
        return not any((*wrong, self.pods_deleted, self.pods_created))


class Trial:
    """A batch at a fleet whose servers are ready."""

    def __init__(self, seed: int, fleet: KillableFleet, operator: Mortal) -> None:
        self.verdict = Verdict(seed)
        self._random = Random(seed)
        self._fleet = fleet
        self._kube = fleet.cluster.kube()
        self._operator = operator
        self._created: dict[str, str] = {}
        self._deleted: set[str] = set()

    def run(self, kills: int) -> Verdict:
        """That many lives, and one in peace."""
        begun, pods = time.monotonic(), self._pods()
        for _ in range(kills):
            self._life()
        self._operator.start()
        self._await_peace()
        self._operator.kill()
        self._judge(pods)
        self._clear()
        self.verdict.seconds = time.monotonic() - begun
        return self.verdict

    def _life(self) -> None:
        outage = self._random.random() < OUTAGE
        self._operator.start()
        self._meddle()
        if outage:
            self._fleet.cluster.stop_api()
            self.verdict.outages += 1
        time.sleep(self._random.uniform(0.0, LONGEST))
        self.verdict.kills_at_work += any(not each.acknowledged for each in self._timings())
        self._operator.kill()
        self.verdict.kills += 1
        if outage:
            self._fleet.cluster.start_api()

    def _meddle(self) -> None:
        for _ in range(self._random.randint(0, 4)):
            name = f"chaos-{self.verdict.seed}-{len(self._created)}"
            self._fleet.creates(name, self._random.choice([20, 200, 1000, 3000]))
            self._created[name] = str(self._fleet.job(name)["metadata"]["uid"])
        left = sorted(self._created.keys() - self._deleted)
        if left and self._random.random() < DELETION:
            name = self._random.choice(left)
            self._kube.call("DELETE", f"{manifests.JOBS}/{name}")
            self._deleted.add(name)

    # Afterwards

    def _await_peace(self) -> None:
        """Wait until all is done, or for so long that it never will be."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self._is_peaceful():
            time.sleep(0.2)

    def _is_peaceful(self) -> bool:
        try:
            over = all(_state(job) in ("Succeeded", "Failed") for job in all_jobs(self._kube))
        except (Answer, OSError):
            return False
        return over and all(each.acknowledged for each in self._timings())

    def _judge(self, pods: set[str]) -> None:
        verdict, observed = self.verdict, asyncio.run(self._fleet.observed())
        timings = [each for each in observed.timings if each.name in self._created]
        jobs = {str(job["metadata"]["name"]): job for job in all_jobs(self._kube)}
        kept = self._created.keys() - self._deleted
        verdict.jobs = len(self._created)
        verdict.not_ended = sum(_state(jobs.get(name, {})) != "Succeeded" for name in kept)
        verdict.lost_receipts = sum(not self._is_receipted(jobs.get(name, {}), observed) for name in kept)
        verdict.done_twice = len(timings) - len({each.name for each in timings})
        verdict.not_acknowledged = sum(not each.acknowledged for each in timings)
        verdict.pods_deleted, verdict.pods_created = len(pods - self._pods()), len(self._pods() - pods)

    def _is_receipted(self, job: Any, observed: Observed) -> bool:
        """Whether the job's status holds a receipt of its first attempt that a server signed."""
        receipt = str(job.get("status", {}).get("receipt", ""))
        for key in observed.receipt_keys:
            claims = _opened(receipt, key)
            if claims is not None:
                return claims.sub.endswith(f"/{job['metadata']['uid']}") and claims.attempt == 1
        return False

    def _timings(self) -> list[Timing]:
        observed = asyncio.run(self._fleet.observed())
        return [each for each in observed.timings if each.name in self._created]

    def _pods(self) -> set[str]:
        return {str(pod["metadata"]["uid"]) for pod in self._kube.call("GET", "/api/v1/pods")["items"]}

    def _clear(self) -> None:
        for path in (manifests.JOBS, OUTPUTS):
            self._kube.call("DELETE", path)


def flags_of(fleet: KillableFleet) -> list[str]:
    """An operator's settings; each life has the same name, so that it need not wait for the Lease of the last."""
    given = {
        "kubeconfig": fleet.cluster.kubeconfig,
        "namespace": OPERATOR_NAMESPACE,
        "identity": "mortal",
        "listen": "127.0.0.1",
        "port": fleet.metrics_port,
        "runner-port": fleet.runner_port,
    }
    return ["--allow-test-roots", *(f"--{name}={value}" for name, value in given.items())]


def line(verdict: Verdict) -> str:
    """A verdict for people."""
    figures = {name: value for name, value in msgspec.to_builtins(verdict).items() if name != "seconds"}
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    return f"{'good' if verdict.good else 'WRONG'}: {told} ({verdict.seconds:.0f} s)"


def _state(job: Any) -> str:
    return str(job.get("status", {}).get("state", ""))


def _opened(receipt: str, key: bytes) -> Claims | None:
    try:
        return receipts.open_receipt(receipt, key)
    except ValueError:
        return None
