"""The chart and the samples on a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo import samples, story
from devcluster import ApiServer
from devcluster.kube import Answer, Json, Kube, until
from tests.unit.chart.conftest import Render
from tests.unit.chart.values import KEYRING, LOCAL, SETS, TEST_KEYRING, changed

pytestmark = [pytest.mark.api, pytest.mark.helm]
DEFINITION = "CustomResourceDefinition"
STRICT = "dryRun=All&fieldValidation=Strict"
PLURALS = {"NetworkPolicy": "networkpolicies", "PriorityClass": "priorityclasses", "InferenceJob": "inferencejobs"}
VALUE_SETS = [{"nodeSelector": {"zone": "a"}}, *SETS.values()]
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "PriorityClass", "Namespace", DEFINITION}


@pytest.fixture
def kube(own_api_cluster: ApiServer, render: Render) -> Kube:
    """An API server with the chart's CRDs, and namespaces that admit restricted Pods only."""
    kube = own_api_cluster.kube()
    for made in (each for each in render() if each["kind"] == DEFINITION):
        kube.call("POST", collection(made, ""), made)
    until(lambda: kube.find("/apis/cocoonfleet.io/v1alpha1/inferencejobs") is not None, "the CRDs being served")
    for name in ("cocoon-system", story.NAMESPACE):
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": restricted}})
        kube.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    return kube


def collection(thing: Json, namespace: str) -> str:
    version, kind = thing["apiVersion"], thing["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = "" if kind in CLUSTER_WIDE else f"/namespaces/{namespace}"
    return f"{root}{inside}/{PLURALS.get(kind, kind.lower() + 's')}"


def try_out(kube: Kube, thing: Json, namespace: str) -> Json:
    """Create it strictly, in a dry run. Raises Answer."""
    return kube.call("POST", f"{collection(thing, namespace)}?{STRICT}", thing)


def test_the_api_server_accepts_all_of_the_chart(kube: Kube, render: Render) -> None:
    for values in VALUE_SETS:
        for thing in (each for each in render(values) if each["kind"] != DEFINITION):
            try_out(kube, thing, "cocoon-system")


def test_all_pods_are_restricted(kube: Kube, render: Render) -> None:
    made = [each for each in render(LOCAL | TEST_KEYRING) if each["kind"] in ("Deployment", "StatefulSet")]
    assert len(made) == 4
    for each in made:
        pod = each["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
        pod["metadata"] |= {"name": "one"}
        for claim in each["spec"].get("volumeClaimTemplates", []):
            pod["spec"]["volumes"].append({"name": claim["metadata"]["name"], "emptyDir": {}})
        try_out(kube, pod, "cocoon-system")
        del pod["spec"]["containers"][0]["securityContext"]
        with pytest.raises(Answer, match="restricted"):
            try_out(kube, pod, "cocoon-system")


def test_a_keyring_in_a_guest_takes_a_privileged_namespace(kube: Kube, render: Render) -> None:
    """A hostPath is not even baseline; that Kata makes it the guest's own folder is unknown to the API server."""
    values = changed(KEYRING, "keyring.runtimeClassName", "kata-qemu-tdx")
    (made,) = [each for each in render(values) if each["kind"] == "StatefulSet"]
    pod = made["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "one"}
    handler = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata-qemu-tdx"}}
    kube.call("POST", "/apis/node.k8s.io/v1/runtimeclasses", handler | {"handler": "kata"})
    for level in ("baseline", "privileged"):
        labels = {"pod-security.kubernetes.io/enforce": level}
        kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": level, "labels": labels}})
        kube.call("POST", f"/api/v1/namespaces/{level}/serviceaccounts", account(pod))
    with pytest.raises(Answer, match="hostPath"):
        try_out(kube, pod, "baseline")
    assert try_out(kube, pod, "privileged")["spec"]["containers"][0]["securityContext"]["runAsUser"] == 0


def account(pod: Json) -> Json:
    """A ServiceAccount for it, without which the API server admits no Pod."""
    return {"metadata": {"name": pod["spec"]["serviceAccountName"]}}


def filled(name: str) -> dict[str, Any]:
    """A sample with values of the right form."""
    digest, address = "0" * 64, "https://s3.example/bucket/object"
    values = {
        "WALLET": "0QA5x4xgow2k-0U2EnrzoA8P_fX-CEoM0KJPIfsZz1gQLRQw",
        "TRITON_IMAGE": "registry.example/triton-cpu:1",
        "CA_BUNDLE": json.dumps("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
        **dict.fromkeys(("TINYLM_URI", "EMBEDDINGS_INPUT_URI", "EMBEDDINGS_OUTPUT_URI"), address),
        **dict.fromkeys(("MINILM_SHA256", "TINYLM_SHA256", "EMBEDDINGS_INPUT_SHA256"), digest),
    }
    return samples.load(name, values)


def test_the_api_server_accepts_all_samples(kube: Kube) -> None:
    for name in ("provider", *story.JOBS):
        try_out(kube, filled(name), story.NAMESPACE)
