"""A Prometheus that watches the demo from its first minute, set up by the chart's own monitors and rules.

It runs on the node, from where Pods are reached whatever NetworkPolicies say, as the kubelet reaches them. Who else
may read figures is tested with the policies themselves.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from demo import chart, payout
from demo.cluster import DemoCluster, program
from demo.explain import OPERATOR
from demo.kubectl import Kubectl, until
from demo.programs import ask
from devcluster.kube import Answer, Kube
from tests.observability.monitors import Endpoint, endpoints
from tests.observability.prometheus import Json, Prometheus, prometheus
from tests.unit.chart.values import LOCAL, TEST_KEYRING

MONITORS = ("ServiceMonitor", "PodMonitor")
TLS = f"{payout.NAME}-tls"


@dataclass(frozen=True)
class Watch:
    """It began at `since`, in seconds since 1970."""

    asked: Prometheus
    since: float
    authority: Path

    def trust(self, kubectl: Kubectl) -> None:
        """Let it know the payout service's authority, which the chart has made meanwhile."""
        secret = kubectl.within(OPERATOR).find("secret", TLS) or {}
        self.authority.write_bytes(base64.b64decode(secret["data"]["ca.crt"]))

    def value(self, expression: str) -> float:
        """What an expression without labels comes to now; 0 where there is nothing."""
        return next((float(series["value"][1]) for series in self.asked.query(expression)), 0.0)

    def until_not_zero(self, expression: str, seconds: float) -> float:
        """Wait until the expression is seen above or below 0; its value."""
        until(lambda: self.value(expression) != 0, f"{expression} being other than 0", seconds)
        return self.value(expression)

    def until_zero(self, expression: str, seconds: float) -> None:
        """Wait until the expression is seen to be 0."""
        until(lambda: self.value(expression) == 0, f"{expression} being 0", seconds)


@contextmanager
def watching(binary: str, folder: Path, cluster: DemoCluster) -> Iterator[Watch]:
    """As long as the block lasts. What the chart installs later is found when it is there."""
    authority = folder / "payout-ca.crt"
    authority.write_bytes((cluster.state.pki / "ca.crt").read_bytes())  # until there is another
    objects = _rendered()
    found = [each for monitor in objects if monitor["kind"] in MONITORS for each in endpoints(monitor, OPERATOR)]
    (rules,) = [each["spec"] for each in objects if each["kind"] == "PrometheusRule"]
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    jobs = [each.scrape(folder, {TLS: authority}) for each in found]
    with _discovering(cluster, found, folder), prometheus(binary, folder, jobs, folder / "rules.yaml") as asked:
        yield Watch(asked, time.time(), authority)


@contextmanager
def _discovering(cluster: DemoCluster, found: list[Endpoint], folder: Path) -> Iterator[None]:
    """Keep the files of targets up to date, in a thread: tests and the demo have the main one."""
    config = yaml.safe_load(cluster.state.admin_kubeconfig.read_text())
    kube, over = Kube.of(config["clusters"][0]["cluster"]["server"], cluster.state.pki), threading.Event()

    def discover() -> None:
        while not over.wait(1):
            try:
                pods, services = (kube.call("GET", f"/api/v1/{kind}")["items"] for kind in ("pods", "services"))
            except (Answer, OSError):
                continue  # the API server is away: what was known stays
            for each in found:
                draft = folder / f"{each.name}.new"
                draft.write_text(json.dumps(each.targets(pods, services)))
                draft.rename(folder / f"{each.name}.json")

    thread = threading.Thread(target=discover)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rendered() -> list[Json]:
    """What the chart gives to a Prometheus operator."""
    values = LOCAL | TEST_KEYRING | {"monitoring": {"enabled": True}}
    where = (chart.RELEASE, chart.CHART, f"--namespace={OPERATOR}", "--kube-version=1.35.0", "--values=-")
    text = ask(program("helm", "helm"), "template", *where, stdin=json.dumps(values))
    return [found for found in yaml.safe_load_all(text) if found]
