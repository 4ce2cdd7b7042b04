"""What helm says to whoever installs the chart wrongly, on a real API server; and that what it says to do helps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from devcluster import ApiServer
from devcluster.kube import Kube
from tests.unit.chart.conftest import CHART
from tests.unit.chart.values import REAL, Values

pytestmark = [pytest.mark.api, pytest.mark.helm]
NAME, NAMESPACE = "cocoon-fleet", "cocoon-system"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Done = subprocess.CompletedProcess[str]
Helm = Callable[..., Done]


@pytest.fixture
def run(own_api_cluster: ApiServer, helm: Path) -> Helm:
    """helm on the cluster, with these words and values."""

    def run(*words: str, values: Values | None = None) -> Done:
        command: list[str | Path] = [helm, f"--kubeconfig={own_api_cluster.kubeconfig}", *words]
        if words[0] in ("install", "upgrade"):
            command.append("--values=-")
        given = json.dumps(values or {})
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def kube(own_api_cluster: ApiServer) -> Kube:
    return own_api_cluster.kube()


def install(run: Helm, *more: str, name: str = NAME, namespace: str = NAMESPACE, values: Values | None = None) -> Done:
    return run("install", name, str(CHART), f"--namespace={namespace}", "--create-namespace", *more, values=values)


def test_a_second_release_is_refused_and_the_first_can_come_back(run: Helm, kube: Kube) -> None:
    first = install(run)
    assert first.returncode == 0, first.stderr
    second = install(run, name="second", namespace="elsewhere")
    assert second.returncode != 0
    assert f"Release {NAME} of namespace {NAMESPACE} serves this cluster already" in second.stderr
    assert f"helm upgrade {NAME} -n {NAMESPACE}" in second.stderr
    beside = install(run, name="second", namespace="elsewhere", values={"namespaces": ["theirs"]})
    assert "belongs to release cocoon-fleet of namespace cocoon-system. Set crds.enabled: false" in beside.stderr
    values = {"namespaces": ["theirs"], "crds": {"enabled": False}}
    assert install(run, name="second", namespace="elsewhere", values=values).returncode == 0
    assert run("uninstall", "second", "--namespace=elsewhere").returncode == 0
    assert run("uninstall", NAME, f"--namespace={NAMESPACE}").returncode == 0
    assert len(kube.call("GET", DEFINITIONS)["items"]) == 2, "with them would have gone all jobs and receipts"
    again = install(run)
    assert again.returncode == 0, again.stderr


def test_definitions_that_were_applied_by_hand(run: Helm, kube: Kube) -> None:
    for path in sorted((CHART / "definitions").iterdir()):
        kube.call("POST", DEFINITIONS, yaml.safe_load(path.read_text()))
    refused = install(run)
    assert refused.returncode != 0
    assert "is there already and was not installed by Helm. Set crds.enabled: false" in refused.stderr
    assert install(run, values={"crds": {"enabled": False}}).returncode == 0
    for path in (CHART / "definitions").iterdir():
        name = yaml.safe_load(path.read_text())["metadata"]["name"]
        owner = {"meta.helm.sh/release-name": NAME, "meta.helm.sh/release-namespace": NAMESPACE}
        labels = {"app.kubernetes.io/managed-by": "Helm"}
        kube.merge(f"{DEFINITIONS}/{name}", {"metadata": {"annotations": owner, "labels": labels}})
    handed_over = run("upgrade", NAME, str(CHART), f"--namespace={NAMESPACE}")
    assert handed_over.returncode == 0, handed_over.stderr


def test_a_secret_that_is_missing(run: Helm, kube: Kube) -> None:
    refused = install(run, values=REAL)
    assert refused.returncode != 0
    assert "payout.wallet.existingSecret: there is no Secret payout-wallet in namespace cocoon-system" in refused.stderr
    assert "kubectl -n cocoon-system create secret generic payout-wallet --from-file=key=FILE" in refused.stderr
    if kube.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
        kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    tls = dict.fromkeys(("tls.crt", "tls.key", "ca.crt"), "AA==")
    for name, keys in {"payout-wallet": {"key": "AA=="}, "payout-database": {"url": "AA=="}, "payout-tls": tls}.items():
        assert name in install(run, values=REAL).stderr
        kube.call("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", {"metadata": {"name": name}, "data": keys})
    done = install(run, values=REAL)
    assert done.returncode == 0, done.stderr


def test_monitoring_without_the_prometheus_operator(run: Helm, kube: Kube) -> None:
    refused = install(run, values={"monitoring": {"enabled": True}})
    assert refused.returncode != 0
    assert "monitoring.enabled: this cluster has no kinds of monitoring.coreos.com/v1." in refused.stderr
    assert kube.call("GET", DEFINITIONS)["items"] == []
    done = install(run, values={"monitoring": {"dashboards": {"enabled": True}}})
    assert done.returncode == 0, done.stderr


def test_somebody_without_rights(run: Helm, kube: Kube) -> None:
    """helm passes the API server's words on: who may not do what. docs/tasks/install.md says whose work it is."""
    refused = install(run, "--kube-as-user=tenant")
    assert refused.returncode != 0
    assert 'User "tenant" cannot' in refused.stderr
    assert kube.call("GET", DEFINITIONS)["items"] == []


def test_a_kubernetes_that_is_too_old(helm: Path) -> None:
    refused = template(helm, NAME, "--kube-version=1.32.9")
    assert "chart requires kubeVersion: >=1.33.0-0 which is incompatible with Kubernetes v1.32.9" in refused.stderr


def test_a_name_that_is_too_long(helm: Path) -> None:
    refused = template(helm, "a-release-of-the-northern-datacenter-1", "--kube-version=1.35.0")
    assert "is too long" in refused.stderr
    assert "Choose one of at most 27 characters." in refused.stderr


def template(helm: Path, *words: str) -> Done:
    command: list[str | Path] = [helm, "template", words[0], CHART, *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False)
