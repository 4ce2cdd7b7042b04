"""Bringing up the profile `full`: control plane, real node, network, DNS and S3, in the order of their needs."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster import addons, host, node, paths, ports
from devcluster.containerd import Containerd
from devcluster.control_plane import ControlPlane
from devcluster.kube import until
from devcluster.record import Record
from devcluster.screen import Screen


@dataclass(frozen=True)
class FullCluster:
    """What the profile starts, given a control plane."""

    plane: ControlPlane
    record: Record
    screen: Screen

    def up(self) -> None:
        """Start what does not run; returns when Pods can be made."""
        plane, runtime = self.plane, Containerd(self.plane.state, self.plane.processes)
        host.claim(plane.state)
        self._require_ports()
        plane.start()
        runtime.start()
        plane.await_api()
        self.screen.say("the API server is ready")
        plane.start_controllers(self.record.controllers)
        plane.start_scheduler(self.record.scheduler)
        node.start_proxy(plane, self.record.proxy_health, self.record.proxy_metrics)
        addons.install(plane.kube(), runtime, plane.state, plane.binaries)
        self._start_enforcer()
        if not plane.processes.alive("kubelet"):
            node.doubt(plane.kube())
        node.start_kubelet(plane, runtime)
        node.await_ready(plane.kube())
        node.claim_gpus(plane.kube(), self.record.gpus)
        self.screen.say(f"the node {node.NAME} is Ready")
        _await_account(plane)
        addons.await_ready(plane.kube())
        self.screen.say("DNS and the S3 server are ready")

    def _require_ports(self) -> None:
        wanted = {"kube-apiserver": self.record.api, "kubelet": node.KUBELET_PORT}
        for name, port in wanted.items():
            if not self.plane.processes.alive(name):
                remedy = "end that, or choose another with --port" if name == "kube-apiserver" else "end that"
                ports.require(port, name, remedy, host.NODE_ADDRESS)

    def _start_enforcer(self) -> None:
        plane = self.plane
        plane.kubeconfig("policy")
        argv: list[str | Path] = [sys.executable, "-m", "devcluster.enforcer", plane.shape.url, plane.state.pki]
        search = os.pathsep.join([str(paths.HERE), os.environ.get("PYTHONPATH", "")])
        plane.processes.start("network-policy", argv, {"PYTHONPATH": search})


def _await_account(plane: ControlPlane) -> None:
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    until(lambda: plane.kube().find(account) is not None, "the default ServiceAccount's creation")
