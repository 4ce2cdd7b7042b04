"""A Kubernetes API server for tests: real etcd, authentication, RBAC and tokens; no kubelet and no root.

    with api_server(kwok_nodes=3) as cluster:
        ... cluster.kubeconfig ...
        cluster.stop_api()      # the API server is gone
        cluster.start_api()     # and back, with the same data, port and certificates

Any number may run side by side. All data lies in a temporary folder, and all processes end with the caller's.
"""

import contextlib
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devcluster import build, kwok, ports
from devcluster.binaries import PROFILES
from devcluster.control_plane import ControlPlane, Shape
from devcluster.kube import Kube, until
from devcluster.paths import State
from devcluster.processes import Processes
from devcluster.screen import Screen


@dataclass(frozen=True)
class Wishes:
    """What a test wants of its cluster.

    Without `controllers` Namespaces are never finalized and Pods need no ServiceAccount. kwok nodes bring the
    scheduler along. `api_flags` go to kube-apiserver last: ("--max-requests-inflight=4000",).
    """

    kwok_nodes: int = 0
    gpus_per_node: int = 8
    gpu_resource: str = "nvidia.com/gpu"
    pod_addresses: str = kwok.LOOPBACK_PODS
    controllers: bool = False
    scheduler: bool = False
    api_flags: tuple[str, ...] = ()
    fsync: bool = False

    def sets(self) -> list[str]:
        """The programs that this takes."""
        more = ["controllers"] if self.controllers or self.needs_scheduler else []
        return [*PROFILES["api"], *more, *(["kwok"] if self.kwok_nodes else [])]

    @property
    def needs_scheduler(self) -> bool:
        """Simulated nodes are of no use without one."""
        return self.scheduler or self.kwok_nodes > 0


class ApiServer:
    """A running cluster of the profile `api`; see `api_server`."""

    def __init__(self, plane: ControlPlane, wishes: Wishes) -> None:
        self._plane = plane
        self._wishes = wishes

    @property
    def url(self) -> str:
        """Such as "https://127.0.0.1:PORT"."""
        return self._plane.shape.url

    @property
    def kubeconfig(self) -> Path:
        """Of a cluster administrator (group system:masters)."""
        return self._plane.state.admin_kubeconfig

    @property
    def ca(self) -> Path:
        """The API server's certificate authority (PEM file)."""
        return self._plane.pki.crt("ca")

    @property
    def client_cert(self) -> Path:
        """The administrator's certificate (PEM file)."""
        return self._plane.pki.crt("admin")

    @property
    def client_key(self) -> Path:
        """The administrator's key (PEM file)."""
        return self._plane.pki.key("admin")

    @property
    def issuer(self) -> str:
        """The `iss` of ServiceAccount tokens; its keys are at url + "/openid/v1/jwks"."""
        return self._plane.shape.issuer

    @property
    def logs(self) -> Path:
        """The folder with one log for each process."""
        return self._plane.state.logs

    def ssl_context(self) -> ssl.SSLContext:
        """For any HTTP client: trusts `ca` and shows the administrator's certificate."""
        return self.kube().tls

    def kube(self) -> Kube:
        """A small synchronous client, as the administrator."""
        return self._plane.kube()

    def pid(self, process: str) -> int | None:
        """Of "kube-apiserver", "etcd", "kwok", "kube-scheduler" or "kube-controller-manager"."""
        return self._plane.processes.pid(process)

    def stop_api(self) -> None:
        """Take the API server away, at once and without a farewell; etcd stays."""
        self._plane.stop_api()

    def start_api(self) -> None:
        """Bring it back. Returns when it is ready."""
        self._plane.start_api()
        self._plane.await_api()

    def start(self) -> None:
        """Returns when it is ready for use."""
        plane = self._plane
        plane.start()
        plane.await_api()
        controllers, scheduler = ports.free(2)
        if self._wishes.controllers:
            plane.start_controllers(controllers)
        if self._wishes.needs_scheduler:
            plane.start_scheduler(scheduler)
        if self._wishes.kwok_nodes:
            self._start_kwok()
        if self._wishes.controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            until(lambda: self.kube().find(account) is not None, "the default ServiceAccount's creation")

    def stop(self) -> None:
        """End all its processes, at once."""
        for name in ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            self._plane.processes.stop(name, grace=0.2)

    def _start_kwok(self) -> None:
        plane, wishes = self._plane, self._wishes
        binary = plane.binaries["kwok"]
        kwok.start(binary, plane.kubeconfig("kwok"), plane.state, plane.processes, wishes.pod_addresses)
        kwok.add_nodes(self.kube(), wishes.kwok_nodes, wishes.gpus_per_node, resource=wishes.gpu_resource)


@contextlib.contextmanager
def api_server(wishes: Wishes = Wishes(), *, screen: Screen | None = None) -> Iterator[ApiServer]:
    """Start a cluster of the profile `api`, building its programs if need be (the first time, minutes)."""
    binaries = build.ensure(wishes.sets(), screen or Screen())
    with tempfile.TemporaryDirectory(prefix="devcluster-") as folder:
        state = State(Path(folder))
        state.make()
        server = _server(state, wishes, binaries)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _server(state: State, wishes: Wishes, binaries: dict[str, Path]) -> ApiServer:
    api, etcd = ports.free(2)
    flags = wishes.api_flags
    shape = Shape(api, etcd, controllers=wishes.controllers, fsync=wishes.fsync, api_flags=flags)
    plane = ControlPlane(state, shape, Processes(state, die_with_us=True), binaries)
    return ApiServer(plane, wishes)
