"""A running fleet as the stories speak of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from demo import chart, receipts, runner_metrics
from demo.explain import OPERATOR
from demo.kubectl import Kubectl, condition, until
from demo.provider import SERVERS
from demo.receipts import Verified
from devcluster.s3 import Store

Json = dict[str, Any]
BUDGET = "100000000"
"""nanoTON: more than any story's job costs."""


@dataclass(frozen=True)
class Fleet:
    """The demo's provider, and jobs for it."""

    kubectl: Kubectl
    store: Store

    def sends(self, name: str, items: int, tokens: int, budget: str = BUDGET) -> None:
        """A job for tinylm whose items take about `tokens` ms each, one after the other."""
        content = "".join(_item(number, tokens) for number in range(items))
        spec = {"model": "tinylm", "minimumTrust": "Test", "budget": budget, "input": {"inline": content}}
        self.kubectl("delete", "inferencejob", name, "--ignore-not-found", "--wait")
        meta = {"name": name}
        self.kubectl.apply(
            [{"apiVersion": "cocoonfleet.io/v1alpha1", "kind": "InferenceJob", "metadata": meta, "spec": spec}]
        )

    def job(self, name: str) -> Json:
        found = self.kubectl.find("inferencejob", name)
        assert found is not None
        return found

    def server_of(self, name: str) -> str:
        """The Pod that has the job, by its name."""
        return str(self.job(name)["status"]["binding"]["server"].rpartition("/")[2])

    def until_working(self, name: str) -> None:
        """Wait until an item of the job is at Triton."""
        until(lambda: self._state(name) == "Running" and self._in_flight(name) > 0, f"{name} working", 60)

    def until_state(self, name: str, state: str, seconds: float = 90) -> Json:
        until(lambda: self._state(name) == state, f"{name} being {state}", seconds)
        return self.job(name)

    def until_waiting_for(self, name: str, reason: str) -> None:
        """Wait until the job says that it waits for this."""
        until(lambda: reason in self.why_pending(name), f"{name} saying why it waits", 60)

    def why_pending(self, name: str) -> str:
        return str(condition(self.job(name), "Bound").get("message", ""))

    def answered_ids(self, name: str) -> list[str]:
        """Ids of the lines in the job's output ConfigMap."""
        found = self.kubectl.find("configmap", self.job(name)["status"]["output"]["configMap"])
        assert found is not None
        return [json.loads(line)["id"] for line in found["data"]["output.jsonl"].splitlines()]

    def receipt(self, name: str) -> Verified:
        """The job's receipt, if evidence vouches for it. Raises DemoError."""
        text = self.job(name)["status"]["receipt"]
        return receipts.open_with_evidence(text, lambda digest: chart.evidence(self.kubectl, digest))

    def servers(self) -> list[str]:
        """Pods of servers, by name."""
        return [pod["metadata"]["name"] for pod in self.kubectl.every("pod", SERVERS)]

    def ready_server(self, selector: str = SERVERS) -> str:
        """A server that takes jobs, waited for."""
        found: list[str] = []

        def ready() -> bool:
            pods = [pod for pod in self.kubectl.every("pod", selector) if "deletionTimestamp" not in pod["metadata"]]
            found[:] = [pod["metadata"]["name"] for pod in pods if condition(pod, "Ready").get("status") == "True"]
            return bool(found)

        until(ready, "a server being ready", 120)
        return found[0]

    def pods(self, component: str) -> list[Json]:
        """Pods of the chart, by their component."""
        return self.kubectl.within(OPERATOR).every("pod", f"app.kubernetes.io/component={component}")

    def pod(self, component: str) -> Json:
        """One of them."""
        return self.pods(component)[0]

    def _state(self, name: str) -> str:
        return str(self.job(name).get("status", {}).get("state", "Pending"))

    def _in_flight(self, name: str) -> int:
        return runner_metrics.total(self.kubectl, self.server_of(name), runner_metrics.IN_FLIGHT)


def _item(number: int, tokens: int) -> str:
    inputs = [
        {"name": "text_input", "datatype": "BYTES", "shape": [1], "data": [f"Story {number}"]},
        {"name": "max_tokens", "datatype": "INT32", "shape": [1], "data": [tokens]},
    ]
    return json.dumps({"id": f"i{number}", "inputs": inputs}) + "\n"
