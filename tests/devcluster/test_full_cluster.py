import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.addons import PROBE
from devcluster.cluster import Cluster
from devcluster.containerd import Containerd
from devcluster.errors import DevclusterError
from devcluster.kube import Json, Kube, condition, until
from devcluster.record import FULL, Record
from devcluster.s3 import ADDRESS, HOST, Store
from devcluster.screen import Screen

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def namespace(full_cluster: Cluster) -> Iterator["Namespace"]:
    here = Namespace(full_cluster, "story")
    here.make()
    yield here
    here.kube.call("DELETE", "/api/v1/namespaces/story")


class Namespace:
    """Pods that serve and Pods that ask, in one Namespace of the cluster."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.kube: Kube = cluster.kube()
        self._runtime = Containerd(cluster.state, cluster.processes)

    def make(self) -> None:
        self.kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.name, "labels": {"who": self.name}}})

    def runs(self, name: str, command: list[str], **spec: Any) -> Json:
        """A running Pod, labelled app=name."""
        container = {"name": "probe", "image": PROBE, "imagePullPolicy": "Never", "command": command}
        container |= spec.pop("container", {})
        pod = {"containers": [container], "terminationGracePeriodSeconds": 1, **spec}
        meta = {"name": name, "labels": {"app": name}}
        self.kube.call("POST", f"/api/v1/namespaces/{self.name}/pods", {"metadata": meta, "spec": pod})
        until(lambda: condition(self.pod(name), "Ready"), f"Pod {name} becoming Ready", 60)
        return self.pod(name)

    def serves(self, name: str, text: str) -> str:
        """The address of a Pod that answers `text` on port 8080."""
        ports = {"ports": [{"name": "web", "containerPort": 8080}]}
        probe = {"readinessProbe": {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1}}
        pod = self.runs(name, ["probe", "serve", ":8080", text], container=ports | probe)
        return str(pod["status"]["podIP"])

    def pod(self, name: str) -> Json:
        return self.kube.call("GET", f"/api/v1/namespaces/{self.name}/pods/{name}")

    def in_pod(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        kubectl: list[str | Path] = [
            self.cluster.kubectl(),
            "--kubeconfig",
            self.cluster.state.admin_kubeconfig,
            "-n",
            self.name,
        ]
        return subprocess.run([*kubectl, "exec", name, "--", *command], capture_output=True, text=True, check=False)

    def reaches(self, client: str, address: str) -> bool:
        return self.in_pod(client, "probe", "tcp", address).returncode == 0

    def policy(self, name: str, **spec: Any) -> None:
        path = f"/apis/networking.k8s.io/v1/namespaces/{self.name}/networkpolicies/{name}"
        thing = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}}
        self.kube.apply(path, {**thing, "spec": spec})


def test_the_network_denies_what_no_policy_allows(namespace: Namespace) -> None:
    server = f"{namespace.serves('server', 'hello')}:8080"
    for client in ("friend", "stranger"):
        namespace.runs(client, ["sleep", "1000000"])
    assert namespace.reaches("friend", server)
    assert namespace.reaches("stranger", server)

    friends = {"podSelector": {"matchLabels": {"app": "friend"}}}
    namespace.policy(
        "guard",
        podSelector={"matchLabels": {"app": "server"}},
        policyTypes=["Ingress"],
        ingress=[{"from": [friends], "ports": [{"port": "web"}]}],
    )
    until(lambda: not namespace.reaches("stranger", server), "the stranger's exclusion", 20)

    assert namespace.reaches("friend", server)
    assert condition(namespace.pod("server"), "Ready"), "kubelet on the node may probe"


def test_a_pod_denied_all_egress_reaches_only_what_is_listed(namespace: Namespace) -> None:
    server = f"{namespace.serves('other', 'hello')}:8080"
    namespace.runs("captive", ["sleep", "1000000"])
    api = "kubernetes.default.svc.cluster.local:443"
    assert namespace.reaches("captive", api)
    subject = {"podSelector": {"matchLabels": {"app": "captive"}}, "policyTypes": ["Egress"]}

    namespace.policy("captive", **subject)
    until(lambda: not namespace.reaches("captive", server), "the end of all egress", 20)
    assert not namespace.reaches("captive", "10.96.0.1:443"), "nor the node's own servers"
    assert not namespace.reaches("captive", api)

    dns = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    listed = {"podSelector": {"matchLabels": {"app": "other"}}}
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53}]
    namespace.policy("captive", **subject, egress=[{"to": [dns], "ports": ports}, {"to": [listed]}])
    until(lambda: namespace.reaches("captive", server), "egress to what is listed", 20)
    assert not namespace.reaches("captive", api)
    assert namespace.in_pod("captive", "probe", "get", f"https://{HOST}/").stderr.count("deadline exceeded") == 1, (
        "the name is known, the connection is dropped"
    )


def test_a_pod_puts_and_gets_objects_by_presigned_urls(namespace: Namespace) -> None:
    store = Store.of(namespace.cluster.state)
    store.make_bucket("artifacts")
    ca = {"metadata": {"name": "ca"}, "data": {"ca.crt": store.ca.read_text()}}
    namespace.kube.call("POST", f"/api/v1/namespaces/{namespace.name}/configmaps", ca)
    namespace.runs(
        "artist",
        ["sleep", "1000000"],
        container={"volumeMounts": [{"name": "ca", "mountPath": "/ca"}]},
        volumes=[{"name": "ca", "configMap": {"name": "ca"}}],
    )

    put = namespace.in_pod("artist", "probe", "put", store.presigned("PUT", "artifacts/a b~ö.txt"), "art", "/ca/ca.crt")
    assert put.returncode == 0, put.stderr
    assert store.call("GET", "artifacts/a b~ö.txt") == b"art"

    got = namespace.in_pod("artist", "probe", "get", store.presigned("GET", "artifacts/a b~ö.txt"), "/ca/ca.crt")
    assert got.stdout == "art"


def test_the_store_refuses_what_is_not_signed_for(namespace: Namespace) -> None:
    store = Store.of(namespace.cluster.state)
    store.make_bucket("private")
    store.call("PUT", "private/x", b"secret")
    namespace.runs("thief", ["sleep", "1000000"])
    signed = store.presigned("GET", "private/x")
    for url in (signed.split("?")[0], signed.replace("private/x", "private/y"), signed[:-4] + "0000"):
        stolen = namespace.in_pod("thief", "probe", "get", url)
        assert stolen.returncode != 0
    with pytest.raises(urllib.error.HTTPError, match="403"):
        store.call_url("PUT", store.presigned("GET", "private/x", host=ADDRESS), b"changed")


def test_a_gpu_pod_of_a_confidential_runtime_class_runs_restricted(namespace: Namespace) -> None:
    security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    pod = namespace.runs(
        "confidential",
        ["sleep", "1000000"],
        container={"securityContext": security, "resources": {"limits": {"nvidia.com/gpu": "8"}}},
        runtimeClassName="kata-qemu-nvidia-gpu-tdx",
        securityContext={"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    )
    assert pod["spec"]["nodeName"] == "real-0"
    assert namespace.in_pod("confidential", "id", "-u").stdout.strip() == "65532"


def test_up_repairs_what_has_ended(full_cluster: Cluster) -> None:
    for name in ("network-policy", "kube-scheduler", "kube-proxy"):
        full_cluster.processes.stop(name)
    full_cluster.up(Record(FULL, api=6443))
    assert all(full_cluster.processes.alive(name) for name in full_cluster.processes.names())


def test_a_second_full_cluster_is_refused_with_a_remedy(full_cluster: Cluster) -> None:
    with pytest.raises(DevclusterError, match=r"run `down --name .*` first"):
        Cluster("second", Screen()).up(Record(FULL))
