"""Simulated nodes: kwok plays their kubelets, and says of every Pod there that it runs.

Pods get addresses out of 127.64.0.0/10 in the profile `api`. All of 127/8 is the loopback interface, so one process
that listens on 0.0.0.0 or on those addresses answers for all simulated Pods.
"""

import shutil
from pathlib import Path

from devcluster import build
from devcluster.kube import Json, Kube, until
from devcluster.paths import State
from devcluster.processes import Processes
from devcluster.screen import Screen

LOOPBACK_PODS = "127.64.0.1/10"
NOBODYS_PODS = "10.245.0.1/16"  # for clusters with controllers: they let no Service lead to loopback
ANNOTATION = "kwok.x-k8s.io/node"
_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


def start(binary: Path, kubeconfig: Path, state: State, processes: Processes, pods: str = LOOPBACK_PODS) -> None:
    """Run kwok over all Nodes that carry the annotation."""
    if processes.alive("kwok"):
        return
    argv: list[str | Path] = [
        binary,
        *(f"--kubeconfig={kubeconfig}", "--manage-all-nodes=false"),
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=simulated",
        *(f"--cidr={pods}", "--node-ip=127.0.0.1", "--node-lease-duration-seconds=200"),
        *(f"--config={_stages(binary, state)}", "--server-address=127.0.0.1:0"),
    ]
    processes.start("kwok", argv)


def _stages(binary: Path, state: State) -> Path:
    """kwok 0.8 has none built in and ends with "no stages found": they are taken from its own module."""
    cached = binary.with_name("stages.yaml")
    if not cached.exists():
        source = build.module_folder("kwok", "sigs.k8s.io/kwok", Screen()) / "kustomize" / "stage"
        draft = state.conf / "stages.yaml"
        draft.write_text("".join(f"---\n{(source / stage).read_text()}" for stage in _STAGES))
        shutil.copy(draft, cached.with_name("stages.yaml.new"))
        cached.with_name("stages.yaml.new").replace(cached)
    return cached


def add_nodes(kube: Kube, count: int, gpus: int, *, taint: bool = False, resource: str = "nvidia.com/gpu") -> None:
    """Make Nodes simulated-0 … simulated-(count-1) and wait until all are Ready.

    With `taint` only Pods that tolerate it land there, for clusters that have a real node too.
    """
    for index in range(count):
        name = f"simulated-{index}"
        kube.apply(f"/api/v1/nodes/{name}", node(name, gpus, taint=taint))
        # Status is a subresource: an apply to the Node itself drops it.
        kube.merge(f"/api/v1/nodes/{name}/status", {"status": _capacity(gpus, resource)})
    until(lambda: _ready(kube) >= count, f"{count} simulated nodes becoming Ready", 60 + count / 10)


def node(name: str, gpus: int, *, taint: bool) -> Json:
    """The Node without its status."""
    labels = {
        "type": "kwok",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    labels |= {"devcluster/kind": "simulated"}
    if gpus:
        labels |= {"nvidia.com/gpu.present": "true", "nvidia.com/cc.ready.state": "true"}
    spec: Json = {}
    if taint:
        spec["taints"] = [{"key": ANNOTATION, "value": "simulated", "effect": "NoSchedule"}]
    meta = {"name": name, "labels": labels, "annotations": {ANNOTATION: "simulated"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec}


def _capacity(gpus: int, resource: str) -> Json:
    amounts = {"cpu": "192", "memory": "2Ti", "pods": "250", "ephemeral-storage": "4Ti", resource: str(gpus)}
    return {"capacity": amounts, "allocatable": amounts}


def _ready(kube: Kube) -> int:
    nodes = kube.call("GET", "/api/v1/nodes?labelSelector=type%3Dkwok")["items"]
    return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in _conditions(each)) for each in nodes)


def _conditions(thing: Json) -> list[dict[str, str]]:
    return list(thing.get("status", {}).get("conditions", []))
