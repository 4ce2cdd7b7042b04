"""One named cluster on this machine: what it is made of, bringing it up, and taking it down.

`up` starts only what does not run, so that it repairs a cluster of which something has ended.
"""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from devcluster import build, host, kwok, paths, ports, teardown
from devcluster.binaries import PROFILES
from devcluster.control_plane import ControlPlane
from devcluster.errors import DevclusterError
from devcluster.full import FullCluster
from devcluster.kube import Kube
from devcluster.paths import State
from devcluster.processes import Processes
from devcluster.record import API, FULL, Record
from devcluster.screen import Screen

_PORTS = ("api", "etcd", "controllers", "scheduler", "proxy_health", "proxy_metrics")


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
        return Kube.of(record.shape().url, self.state.pki)

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
            if wanted.profile == FULL:
                self._require_alone()
            self.state.make()
            record = self._remember(wanted)
            plane = ControlPlane(self.state, record.shape(), self.processes, binaries)
            FullCluster(plane, record, self._screen).up() if record.profile == FULL else _api_up(plane, record)
            self._complete(plane, record)

    def down(self, *, wipe: bool) -> None:
        """End all of it; with `wipe` forget its data too."""
        if not self.state.root.exists():
            return
        with self._lock():
            if host.is_claimed(self.state):
                host.require_root()
                teardown.full(self.state, self.processes)
            else:
                teardown.processes(self.processes)
            if wipe:
                shutil.rmtree(self.state.root)
        self._screen.say(f"cluster {self._name} is down" + (" and forgotten" if wipe else ""))

    def _complete(self, plane: ControlPlane, record: Record) -> None:
        if record.simulated_nodes:
            pods = kwok.NOBODYS_PODS if record.profile == FULL else kwok.LOOPBACK_PODS
            kwok.start(plane.binaries["kwok"], plane.kubeconfig("kwok"), self.state, self.processes, pods)
            kwok.add_nodes(plane.kube(), record.simulated_nodes, record.gpus, taint=record.profile == FULL)
        for name in self.processes.names():
            if not self.processes.alive(name):
                raise DevclusterError(f"{name} has ended: see {self.processes.log(name)}, then run up again.")
        self._screen.say(f"cluster {self._name} is up: export KUBECONFIG={self.state.admin_kubeconfig}")

    def _remember(self, wanted: Record) -> Record:
        """Ports once chosen are kept, but the API server's while that is down; a cluster keeps its profile."""
        known = self.record()
        if known is not None and known.profile != wanted.profile:
            raise DevclusterError(
                f"Cluster {self._name} has the profile {known.profile}: "
                "run `down --wipe` first, or choose another --name."
            )
        kept = asdict(known) if known else {}
        if wanted.api and not self.processes.alive("kube-apiserver"):
            kept["api"] = wanted.api
        chosen = {name: kept.get(name) or port for name, port in zip(_PORTS, ports.free(len(_PORTS)), strict=True)}
        record = Record(**{**asdict(wanted), **chosen})
        self._record_file().write_text(json.dumps(asdict(record)))
        return record

    def _require_alone(self) -> None:
        for path in paths.state_root().glob("*/cluster.json"):
            other = State(path.parent)
            if other != self.state and host.is_claimed(other):
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


def _api_up(plane: ControlPlane, record: Record) -> None:
    for name, port in (("kube-apiserver", record.api), ("etcd", record.etcd)):
        if not plane.processes.alive(name):
            ports.require(port, name, "end that, or run down --wipe and up again", "127.0.0.1")
    plane.start()
    plane.await_api()
    if record.simulated_nodes:
        plane.start_scheduler(record.scheduler)


def _controllers(record: Record) -> list[str]:
    return ["controllers"] if record.profile == API and record.simulated_nodes else []
