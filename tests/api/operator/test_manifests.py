"""Everything that the operator makes is accepted by a real API server, in a namespace for restricted Pods only."""

from __future__ import annotations

import copy

import pytest
from msgspec import structs

from cocoon.api.provider import TechnologySpec
from cocoon.api.resources import Manifest
from cocoon.api.runner import Finished
from cocoon.api.trust import Trust
from cocoon.fleet.observe.job import job as observe_job
from cocoon.fleet.observe.pod import server
from cocoon.fleet.observe.provider import provider as observe_provider
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.records import Provider
from cocoon.fleet.ports.resources import ref_of
from cocoon.fleet.render.disruption_budget import disruption_budgets
from cocoon.fleet.render.network_policy import network_policy
from cocoon.fleet.render.output_config_map import output_config_map
from cocoon.fleet.render.server_pod import RunnerTerms, server_pod
from devcluster.kube import Answer, Kube
from tests.scenario import builders

pytestmark = pytest.mark.api

TERMS = RunnerTerms(image="example/runner:1", operator_certificates="PEM", priority_class="", allow_test_roots=True)
NVIDIA = "nvcr.io/nvidia/tritonserver:26.11-py3"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
SOURCES = {
    "uri": {"uri": "https://models.example:8443/minilm.tar", "credentialsSecret": "credentials"},
    "claim": {"claimName": "models", "path": "minilm"},
    "image": {"image": "registry.example/models/minilm:1"},
}


def _provider(namespace: str, source: str = "uri") -> Provider:
    offer = builders.model("minilm", source=SOURCES[source], servers={"minimum": 2, "maximum": 4, "idleTimeout": "10m"})
    body = builders.provider("dc1", [offer], caBundle=CERTIFICATE, proxy={"httpsProxy": "http://proxy.example:3128"})
    body["metadata"] |= {"namespace": namespace, "uid": "11111111-1111-1111-1111-111111111111"}
    body["spec"]["imagePullSecrets"] = [{"name": "registry"}]
    body["spec"]["nodes"] = {"tolerations": [{"key": "gpu", "operator": "Exists"}]}
    return observe_provider(body, allow_test_roots=True)


def _pod(provider: Provider, runtime_class: str = "") -> Manifest:
    technology = TechnologySpec("TDX", runtime_class, builders.GPU)
    wish = CreateServer(provider.key, provider.uid, "minilm", "0123", "n1", technology, "dc1-minilm-1", "tenant")
    return server_pod(provider, wish, TERMS)


def _try_out(kube: Kube, manifest: Manifest) -> Manifest:
    ref = ref_of(manifest)
    return kube.call("POST", f"{ref.resource.path(ref.namespace)}?dryRun=All&fieldValidation=Strict", manifest)


@pytest.mark.parametrize("source", SOURCES)
def test_a_server_with_the_production_image_is_accepted(kube: Kube, namespace: str, source: str) -> None:
    stored = _try_out(kube, _pod(_provider(namespace, source)))
    triton = stored["spec"]["initContainers"][-1]
    assert triton["image"] == NVIDIA
    assert triton["resources"]["limits"][builders.GPU] == "1"


def test_a_server_in_a_confidential_runtime_is_accepted(kube: Kube, namespace: str) -> None:
    name = "kata-qemu-nvidia-gpu-tdx"
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "kata"}
    kube.apply(f"/apis/node.k8s.io/v1/runtimeclasses/{name}", runtime)
    assert _try_out(kube, _pod(_provider(namespace), name))["spec"]["runtimeClassName"] == name


def test_a_server_that_reads_its_guests_configfs_takes_a_privileged_namespace(kube: Kube, namespace: str) -> None:
    """A hostPath is not even baseline; that Kata makes it the guest's own folder is unknown to the API server."""
    name = "kata-qemu-nvidia-gpu-snp"
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "kata"}
    kube.apply(f"/apis/node.k8s.io/v1/runtimeclasses/{name}", runtime)
    pod = _pod(structs.replace(_provider(namespace), trust=Trust.HARDWARE), name)
    for level in ("restricted", "baseline"):
        _enforce(kube, namespace, level)
        with pytest.raises(Answer, match="hostPath"):
            _try_out(kube, pod)
    _enforce(kube, namespace, "privileged")
    stored = _try_out(kube, pod)["spec"]
    runner = stored["containers"][0]
    assert (runner["name"], runner["securityContext"]["runAsUser"]) == ("runner", 0)
    assert stored["securityContext"]["runAsNonRoot"] is True


def _enforce(kube: Kube, namespace: str, level: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level}
    kube.apply(
        f"/api/v1/namespaces/{namespace}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": labels}}
    )


def test_the_namespace_does_refuse_what_is_not_restricted(kube: Kube, namespace: str) -> None:
    pod = copy.deepcopy(_pod(_provider(namespace)))
    del pod["spec"]["containers"][0]["securityContext"]
    with pytest.raises(Answer, match="restricted"):
        _try_out(kube, pod)


def test_a_stored_server_is_read_back_as_it_was_meant(kube: Kube, namespace: str) -> None:
    provider = _provider(namespace)
    record = server(_try_out(kube, _pod(provider)))
    assert (record.provider, record.model, record.node) == (provider.key, "minilm", "n1")
    assert (record.gpus, record.gpu_resource, record.concurrency) == (1, builders.GPU, 8)
    assert (record.template, record.isolated_for) == ("0123", "tenant")


def test_policies_and_budgets_are_accepted(kube: Kube, namespace: str) -> None:
    provider = _provider(namespace)
    budgets = disruption_budgets(provider)
    assert len(budgets) == 1
    for manifest in (network_policy(provider, TERMS), *budgets):
        _try_out(kube, manifest)


def test_answers_of_half_a_mebibyte_are_accepted(kube: Kube, namespace: str) -> None:
    body = builders.job("j1", "minilm")
    body["metadata"] |= {"namespace": namespace, "uid": "22222222-2222-2222-2222-222222222222"}
    event = Finished(1, "u", 1, "receipt", "0" * 64, 512 << 10, output="x" * (512 << 10))
    _try_out(kube, output_config_map(observe_job(body), event, "j1-output"))
