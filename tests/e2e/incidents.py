"""A bad day, as a script: each incident is brought about in the running demo, and mended again.

What they leave in the figures is looked at afterwards (test_symptoms), so only what comes next is waited for.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo import chain, payout, settlement, story
from demo.cluster import DemoCluster
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl, until
from demo.provider import SERVERS
from tests.e2e.fleet import Fleet
from tests.e2e.watch import Watch

HERE = Path(__file__).parent
MODEL = "minilm"
WITHOUT_ROOM = "cocoon-no-room"
LEFT = 500_000_000
"""nanoTON that a thief leaves."""
TOO_MUCH = str(60 * 10**9)
"""nanoTON: more than the wallet has, and less than it has with another 50 TON."""
PAYOUT = f"statefulset/{payout.NAME}"


@dataclass(frozen=True)
class Day:
    """The fleet on its cluster, and its figures as Prometheus has them."""

    cluster: DemoCluster
    fleet: Fleet
    figures: Watch

    def happens(self) -> None:
        """All of it, in about a minute."""
        with self._untrusted_provider(), self._no_room_for_pods():
            self._something_else_speaks_to_triton()
            self._a_job_fails()
            self._a_runner_crashes()
            self._nobody_takes_receipts()
            self._owners_wait()
            self._the_wallet_is_emptied()
            self.figures.until_not_zero('max(max_over_time(cocoon_fleet_nodes{state="Quarantined"}[10m]))', 60)

    @contextmanager
    def _untrusted_provider(self) -> Iterator[None]:
        """Its GPUs would need evidence that nothing here can give: its server is refused, and the node left alone."""
        spec = self._offer()
        spec["confidential"]["requireGPU"] = True
        with self._provider("untrusted", story.NAMESPACE, spec):
            yield

    @contextmanager
    def _no_room_for_pods(self) -> Iterator[None]:
        """A namespace whose quota forbids Pods: the operator is refused, and backs off."""
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none"},
            "spec": {"hard": {"pods": "0"}},
        }
        there = self.fleet.kubectl.within(WITHOUT_ROOM)
        there.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": WITHOUT_ROOM}}])
        there.apply([quota])
        try:
            with self._provider("no-room", WITHOUT_ROOM, self._offer()):
                yield
        finally:
            there("delete", "namespace", WITHOUT_ROOM, "--wait=false")

    def _offer(self) -> Json:
        """What the demo's provider offers, of one model."""
        found = self.fleet.kubectl.find("cocoonprovider", story.PROVIDER)
        assert found is not None
        spec: dict[str, Any] = deepcopy(found["spec"])
        spec["models"] = [model for model in spec["models"] if model["name"] == MODEL]
        return spec | {"drainTimeout": "5s"}

    @contextmanager
    def _provider(self, name: str, namespace: str, spec: Json) -> Iterator[None]:
        there = self.fleet.kubectl.within(namespace)
        kind = {"apiVersion": "cocoonfleet.io/v1alpha1", "kind": "CocoonProvider", "metadata": {"name": name}}
        there.apply([kind | {"spec": spec}])
        try:
            yield
        finally:
            there("delete", "cocoonprovider", name, "--timeout=60s")

    def _something_else_speaks_to_triton(self) -> None:
        script = (HERE / "unasked.py").read_text()
        run = ("exec", self._server(), "--container=runner", "--stdin", "--", "python", "-", MODEL)
        self.fleet.kubectl(*run, stdin=script)

    def _server(self) -> str:
        offer = f"cocoonfleet.io/provider={story.PROVIDER},cocoonfleet.io/model={MODEL}"
        return self.fleet.ready_server(f"{SERVERS},{offer}")

    def _a_job_fails(self) -> None:
        """All of its items are wrong. After it the runner compares its count with Triton's."""
        line = '{"id":"a","inputs":[{"name":"txet","datatype":"BYTES","shape":[1],"data":["A misspelt name."]}]}\n'
        spec = {"model": MODEL, "minimumTrust": "Test", "budget": "1000000", "itemErrors": "Fail"}
        meta, what = {"name": "failing"}, {"apiVersion": "cocoonfleet.io/v1alpha1", "kind": "InferenceJob"}
        self.fleet.kubectl.apply([what | {"metadata": meta, "spec": spec | {"input": {"inline": line}}}])
        self.fleet.until_state("failing", "Failed")
        self.figures.until_not_zero("sum(cocoon_runner_triton_mismatched_requests_total)", 30)

    def _a_runner_crashes(self) -> None:
        """It has no job, and is back at once; until then the operator doesn't reach it."""
        pod = self.fleet.kubectl.find("pod", self._server())
        assert pod is not None
        (runner,) = [each for each in pod["status"]["containerStatuses"] if each["name"] == "runner"]
        (process,) = self.cluster.processes([runner["containerID"].rpartition("/")[2]])
        os.kill(process, signal.SIGKILL)
        self.figures.until_not_zero("max(cocoon_fleet_unreachable_servers)", 30)

    def _nobody_takes_receipts(self) -> None:
        """A job ends while the payout service is away. It comes back with more to keep than there is."""
        self.fleet.sends("unheard", items=4, tokens=400)
        self.fleet.until_working("unheard")
        there = self.fleet.kubectl.within(OPERATOR)
        there("scale", PAYOUT, "--replicas=0")
        try:
            self.fleet.until_state("unheard", "Succeeded")
            self.figures.until_not_zero("max(cocoon_fleet_unreported_receipts)", 30)
            self._keep(there, TOO_MUCH)
        finally:
            there("scale", PAYOUT, "--replicas=1")

    def _keep(self, there: Kubectl, reserve: str) -> None:
        """Have the payout service keep so many nanoTON in its wallet, from its next start on."""
        found = there.find("configmap", payout.NAME)
        assert found is not None
        settings = yaml.safe_load(found["data"]["payout.yaml"])
        settings["payments"]["reserve"] = reserve
        there(
            "patch",
            "configmap",
            payout.NAME,
            f"--patch={json.dumps({'data': {'payout.yaml': yaml.safe_dump(settings)}})}",
        )

    def _owners_wait(self) -> None:
        """The runbook of a low wallet is followed; whoever waited is paid."""
        self.figures.until_not_zero("max(cocoon_payout_due_accounts)", 60)
        chain.fund(self.fleet.kubectl, settlement.hot_wallet(self.fleet.kubectl), 50)
        with payout.desk(self.fleet.kubectl) as desk:
            until(lambda: all(int(each.accrued) == 0 for each in desk.accounts().accounts), "payment", 60)

    def _the_wallet_is_emptied(self) -> None:
        """The runbook of a drift is followed: pause, find the cause, take the difference over.

        It comes last: as somebody else may send too, the service sends nothing for an hour.
        """
        run = ("exec", PAYOUT, "--container=payout", "--stdin", "--", "python", "-", str(LEFT))
        self.fleet.kubectl.within(OPERATOR)(*run, stdin=(HERE / "theft.py").read_text())
        drift = "max(cocoon_payout_drift_nanoton)"
        stolen = self.figures.until_not_zero(drift, 30)
        with payout.desk(self.fleet.kubectl) as desk:
            desk.tell("/v1/pause", {"reason": "The hot wallet's key leaked."})
            self.figures.until_not_zero("max(cocoon_payout_paused)", 30)
            amount = str(int(stolen))
            desk.tell("/v1/drift", {"id": f"theft{amount}", "amount": amount, "reason": "The hot wallet's key leaked."})
            desk.tell("/v1/resume", {})
        self.figures.until_zero(drift, 30)
