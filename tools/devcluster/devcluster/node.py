"""The real node: kubelet and kube-proxy as host processes, and the simulated GPUs it claims to have."""

import json
from pathlib import Path

from devcluster import host
from devcluster import pki as certificates
from devcluster.containerd import Containerd
from devcluster.control_plane import ControlPlane
from devcluster.kube import Kube, condition, until
from devcluster.paths import put
from devcluster.pki import Subject

NAME = "real-0"
DNS_SERVICE = "10.96.0.10"
KUBELET_PORT = 10250
GPU_RESOURCES = ("nvidia.com/gpu", "nvidia.com/pgpu")
_LABELS = {"nvidia.com/gpu.present": "true", "nvidia.com/cc.ready.state": "true"}


def start_kubelet(plane: ControlPlane, runtime: Containerd) -> None:
    """Start it under a certificate of its own."""
    subject = Subject(f"system:node:{NAME}", "system:nodes")
    plane.pki.certificate("kubelet", subject, certificates.CLIENT)
    names = f"DNS:{NAME},IP:{host.NODE_ADDRESS},IP:127.0.0.1"
    plane.pki.certificate("kubelet-serving", subject, certificates.SERVER, names)
    put(plane.state.conf / "kubelet.json", json.dumps(_kubelet(plane, runtime), indent=1))
    argv: list[str | Path] = [
        plane.binaries["kubelet"],
        f"--config={plane.state.conf / 'kubelet.json'}",
        f"--kubeconfig={plane.pki.kubeconfig('kubelet', plane.shape.url)}",
        *(f"--root-dir={plane.state.root / 'kubelet'}", f"--hostname-override={NAME}"),
        *(f"--node-ip={host.NODE_ADDRESS}", "--node-labels=devcluster/kind=real"),
    ]
    plane.processes.start("kubelet", argv)


def start_proxy(plane: ControlPlane, health: int, metrics: int) -> None:
    """kube-proxy, which makes Services reachable, in its nftables mode."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": host.PODS,
        "hostnameOverride": NAME,
        "clientConnection": {"kubeconfig": str(plane.kubeconfig("proxy"))},
        "bindAddress": host.NODE_ADDRESS,
        "nodePortAddresses": [f"{host.NODE_ADDRESS}/32"],
        "healthzBindAddress": f"127.0.0.1:{health}",
        "metricsBindAddress": f"127.0.0.1:{metrics}",
        "conntrack": {"maxPerCore": 0},
    }
    put(plane.state.conf / "proxy.json", json.dumps(config, indent=1))
    argv: list[str | Path] = [plane.binaries["kube-proxy"], f"--config={plane.state.conf / 'proxy.json'}"]
    plane.processes.start("kube-proxy", argv)


def doubt(kube: Kube) -> None:
    """Before kubelet starts: what the API server remembers of the Node is of an earlier life."""
    path = f"/api/v1/nodes/{NAME}"
    known = kube.find(path)
    if known is not None:
        others = [each for each in known.get("status", {}).get("conditions", []) if each["type"] != "Ready"]
        unknown = {"type": "Ready", "status": "Unknown", "reason": "KubeletIsStarting", "message": "kubelet was down"}
        kube.merge(f"{path}/status", {"status": {"conditions": [*others, unknown]}})


def await_ready(kube: Kube) -> None:
    """Wait until kubelet has registered the Node and says that it is Ready."""
    until(lambda: condition(kube.find(f"/api/v1/nodes/{NAME}"), "Ready"), "the node becoming Ready", 90)


def claim_gpus(kube: Kube, count: int) -> None:
    """Let the Node offer `count` GPUs, under each name that production uses; nothing stands behind them."""
    amounts = dict.fromkeys(GPU_RESOURCES, str(count))
    kube.merge(f"/api/v1/nodes/{NAME}", {"metadata": {"labels": _LABELS if count else dict.fromkeys(_LABELS)}})
    kube.merge(f"/api/v1/nodes/{NAME}/status", {"status": {"capacity": amounts, "allocatable": amounts}})


def _kubelet(plane: ControlPlane, runtime: Containerd) -> dict[str, object]:
    root, pki = plane.state.root, plane.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": host.NODE_ADDRESS,
        "port": KUBELET_PORT,
        "healthzPort": 0,
        "containerRuntimeEndpoint": f"unix://{runtime.socket}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.crt("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.crt("kubelet-serving")),
        "tlsPrivateKeyFile": str(pki.key("kubelet-serving")),
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "resolvConf": str(host.resolvers()),
        "podLogsDir": str(root / "pod-logs"),
        "volumePluginDir": str(root / "kubelet" / "volumeplugins"),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": Path("/sys/fs/cgroup/cgroup.controllers").exists(),  # v1 must be put up with where it is
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "maxPods": 200,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "serializeImagePulls": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 99,
        "imageGCLowThresholdPercent": 98,
    }
