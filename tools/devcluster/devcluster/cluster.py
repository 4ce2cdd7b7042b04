"""One named cluster on this machine: what it is made of, bringing it up, and taking it down.

`up` starts only what does not run, so that it repairs a cluster of which something has ended.
"""

import contextlib
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from devcluster import addons, build, host, kwok, node, paths, ports, teardown
from devcluster.binaries import PROFILES
from devcluster.containerd import Containerd
from devcluster.control_plane import ControlPlane, Shape
from devcluster.errors import DevclusterError
from devcluster.kube import Kube, until
from devcluster.paths import State
from devcluster.processes import Processes
from devcluster.screen import Screen

FULL, API = "full", "api"


@dataclass(frozen=True)
class Record:
    """What a cluster was made as; kept in its state. Ports are TCP ports, 0 until one is found."""

    profile: str
    api: int = 0
    etcd: int = 0
    controllers: int = 0
    scheduler: int = 0
    proxy_health: int = 0
    proxy_metrics: int = 0
    gpus: int = 8
    simulated_nodes: int = 0
    fsync: bool = False


class Cluster:
    """A cluster by its name, whether it runs or not."""

    def __init__(self, name: str, screen: Screen) -> None:
        self.state = State(paths.state_root() / name)
        self.processes = Processes(self.state)
        self._screen = screen
        self._name = name

    def record(self) -> Record | None:
        """None before the first `up`."""
        path = self._record_file()
        return Record(**json.loads(path.read_text())) if path.exists() else None

    def kube(self) -> Kube:
        """The API of a cluster that is up, as its administrator."""
        record = self.record()
        if record is None:
            raise DevclusterError(f"There is no cluster {self._name}: start it with `up --name {self._name}`.")
        return Kube.of(_shape(record).url, self.state.pki)

    def kubectl(self) -> Path:
        """kubectl, of the same version."""
        return build.ensure(["node"], self._screen)["kubectl"]

    def up(self, wanted: Record) -> None:
        """Start what does not run. Raises DevclusterError when the machine can't have it."""
        host.require_linux()
        if wanted.profile == FULL:
            host.require_root()
            host.install_packages(self._screen)
        kwok_too = ["kwok"] if wanted.simulated_nodes else []
        binaries = build.ensure([*PROFILES[wanted.profile], *_controllers(wanted), *kwok_too], self._screen)
        with self._lock():
            self._require_alone(wanted)
            self.state.make()
            record = self._remember(wanted)
            plane = ControlPlane(self.state, _shape(record), self.processes, binaries)
            _FullCluster(plane, record, self._screen).up() if record.profile == FULL else _api_up(plane, record)
            self._complete(plane, record)

    def down(self, *, wipe: bool) -> None:
        """End all of it; with `wipe` forget its data too."""
        if not self.state.root.exists():
            return
        with self._lock():
            record = self.record()
            if record is not None and record.profile == FULL:
                host.require_root()
                teardown.full(self.state, self.processes)
            else:
                teardown.processes(self.processes)
            if wipe:
                shutil.rmtree(self.state.root)
        self._screen.say(f"cluster {self._name} is down" + (" and forgotten" if wipe else ""))

    def _complete(self, plane: ControlPlane, record: Record) -> None:
        if record.simulated_nodes:
            kwok.start(plane.binaries["kwok"], plane.kubeconfig("kwok"), self.state, self.processes)
            kwok.add_nodes(plane.kube(), record.simulated_nodes, record.gpus, taint=record.profile == FULL)
        for name in self.processes.names():
            if not self.processes.alive(name):
                raise DevclusterError(f"{name} has ended: see {self.processes.log(name)}, then run up again.")
        self._screen.say(f"cluster {self._name} is up: export KUBECONFIG={self.state.admin_kubeconfig}")

    def _remember(self, wanted: Record) -> Record:
        """Ports once chosen are kept; a cluster keeps its profile."""
        known = self.record()
        if known is not None and known.profile != wanted.profile:
            raise DevclusterError(
                f"Cluster {self._name} has the profile {known.profile}: run down --wipe first, or choose another --name."
            )
        free = ports.free(6)
        fields = ("api", "etcd", "controllers", "scheduler", "proxy_health", "proxy_metrics")
        chosen = {
            field: getattr(known, field, 0) or getattr(wanted, field) or port
            for field, port in zip(fields, free, strict=True)
        }
        record = Record(**{**asdict(wanted), **chosen})
        self._record_file().write_text(json.dumps(asdict(record)))
        return record

    def _require_alone(self, wanted: Record) -> None:
        for path in paths.state_root().glob("*/cluster.json"):
            other = Cluster(path.parent.name, self._screen)
            known = other.record()
            both = wanted.profile == FULL and known is not None and known.profile == FULL
            if both and other.state != self.state and other.processes.names():
                raise DevclusterError(
                    f"One machine holds one cluster of the profile full, and {path.parent.name} is there: "
                    f"run `down --name {path.parent.name}` first."
                )

    def _record_file(self) -> Path:
        return self.state.root / "cluster.json"

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        paths.state_root().mkdir(parents=True, exist_ok=True, mode=0o700)
        with (paths.state_root() / f".{self._name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True)
class _FullCluster:
    plane: ControlPlane
    record: Record
    screen: Screen

    def up(self) -> None:
        plane, runtime = self.plane, Containerd(self.plane.state, self.plane.processes)
        host.claim(plane.state)
        self._require_ports()
        _start_api(plane)
        runtime.start()
        plane.await_api()
        self.screen.say("the API server is ready")
        plane.start_controllers(self.record.controllers)
        plane.start_scheduler(self.record.scheduler)
        node.start_proxy(plane, self.record.proxy_health, self.record.proxy_metrics)
        addons.install(plane.kube(), runtime, plane.state, plane.binaries)
        self._start_enforcer()
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


def _api_up(plane: ControlPlane, record: Record) -> None:
    for name, port in (("kube-apiserver", record.api), ("etcd", record.etcd)):
        if not plane.processes.alive(name):
            ports.require(port, name, "end that, or run down --wipe and up again", "127.0.0.1")
    _start_api(plane)
    plane.await_api()
    if record.simulated_nodes:
        plane.start_scheduler(record.scheduler)


def _start_api(plane: ControlPlane) -> None:
    plane.start_etcd()
    plane.certify()
    plane.await_etcd()
    plane.start_api()


def _await_account(plane: ControlPlane) -> None:
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    until(lambda: plane.kube().find(account) is not None, "the default ServiceAccount's creation")


def _controllers(record: Record) -> list[str]:
    return ["controllers"] if record.profile == API and record.simulated_nodes else []


def _shape(record: Record) -> Shape:
    if record.profile == FULL:
        return Shape(record.api, record.etcd, host.NODE_ADDRESS, kubelets=True, fsync=record.fsync)
    return Shape(record.api, record.etcd, controllers=False, fsync=record.fsync)
