"""The control plane's processes: etcd, the API server, the controllers and the scheduler."""

import json
import signal
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from devcluster import pki as certificates
from devcluster.kube import Kube
from devcluster.paths import State, put
from devcluster.pki import Pki
from devcluster.processes import Processes

SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
# Documentation's network: the Service `kubernetes` needs an address that is not loopback, and nothing may use it.
_UNREACHABLE = "198.51.100.1"
# The first asks for each Namespace's default ServiceAccount, the second taints new Nodes "not-ready": controllers make
# the one and take the other away.
_LEAVE_WORK_TO_CONTROLLERS = ("ServiceAccount", "TaintNodesByCondition")


@dataclass(frozen=True)
class Shape:
    """What differs between clusters. Ports are TCP ports on 127.0.0.1, but `api`, which is on `address`."""

    api: int
    etcd: int
    address: str = "127.0.0.1"
    kubelets: bool = False
    controllers: bool = True
    fsync: bool = False
    issuer: str = ISSUER
    api_flags: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://{self.address}:{self.api}"


@dataclass(frozen=True)
class ControlPlane:
    """The control plane of one cluster: how each process is started."""

    state: State
    shape: Shape
    processes: Processes
    binaries: dict[str, Path]

    @property
    def pki(self) -> Pki:
        """The cluster's keys and certificates."""
        return Pki(self.state)

    def certify(self) -> None:
        """Make what is missing of the certificates, and the administrator's kubeconfig."""
        certificates.control_plane(self.pki, sorted({"127.0.0.1", API_SERVICE, self.shape.address}))
        self.kubeconfig("admin")

    def start(self) -> None:
        """Start etcd and the API server; see await_api."""
        self.start_etcd()
        self.certify()
        self.await_etcd()
        self.start_api()

    def kubeconfig(self, name: str) -> Path:
        """The file for one of pki.CLIENTS."""
        return certificates.client(self.pki, name, self.shape.url)

    def kube(self) -> Kube:
        """A client, as the administrator."""
        return Kube.of(self.shape.url, self.state.pki)

    def start_etcd(self) -> None:
        """Start it; see await_etcd."""
        client = f"http://127.0.0.1:{self.shape.etcd}"
        argv: list[str | Path] = [
            self.binaries["etcd"],
            *("--name=devcluster", f"--data-dir={self.state.root / 'etcd'}"),
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *("--listen-peer-urls=http://127.0.0.1:0", "--initial-advertise-peer-urls=http://127.0.0.1:2380"),
            *("--initial-cluster=devcluster=http://127.0.0.1:2380", "--quota-backend-bytes=8589934592"),
            *("--auto-compaction-mode=periodic", "--auto-compaction-retention=5m"),
            *(() if self.shape.fsync else ("--unsafe-no-fsync",)),
        ]
        self.processes.start("etcd", argv)

    def await_etcd(self) -> None:
        """Wait until it is ready."""
        url = f"http://127.0.0.1:{self.shape.etcd}/readyz"
        self.processes.until(lambda: _answers(url), "etcd", 30)

    def start_api(self) -> None:
        """Start it; see await_api."""
        self.processes.start("kube-apiserver", [self.binaries["kube-apiserver"], *self._api_flags()])

    def await_api(self) -> None:
        """Wait until it is ready."""
        self.processes.until(self.kube().ready, "kube-apiserver", 90)

    def stop_api(self) -> None:
        """At once, like a machine that loses power."""
        self.processes.stop("kube-apiserver", first=signal.SIGKILL)

    def start_controllers(self, port: int) -> None:
        """Start the controller manager; `port` is for its own metrics."""
        kubeconfig = self.kubeconfig("controller-manager")
        pki = self.pki
        argv: list[str | Path] = [
            self.binaries["kube-controller-manager"],
            *_as_client(kubeconfig, port),
            *(f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--use-service-account-credentials=true"),
            *(f"--service-account-private-key-file={pki.key('sa')}", f"--root-ca-file={pki.crt('ca')}"),
            *(f"--cluster-signing-cert-file={pki.crt('ca')}", f"--cluster-signing-key-file={pki.key('ca')}"),
            *("--kube-api-qps=500", "--kube-api-burst=1000"),
        ]
        self.processes.start("kube-controller-manager", argv)

    def start_scheduler(self, port: int) -> None:
        """Start the scheduler; `port` is for its own metrics."""
        kubeconfig = self.kubeconfig("scheduler")
        config = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 1000, "burst": 2000},
        }
        put(self.state.conf / "scheduler.json", json.dumps(config))
        argv: list[str | Path] = [self.binaries["kube-scheduler"], f"--config={self.state.conf / 'scheduler.json'}"]
        self.processes.start("kube-scheduler", [*argv, *_as_client(kubeconfig, port)])

    def _api_flags(self) -> list[str]:
        shape, pki = self.shape, self.pki
        advertised = shape.address if shape.kubelets else _UNREACHABLE
        flags = [
            f"--etcd-servers=http://127.0.0.1:{shape.etcd}",
            *(f"--bind-address={shape.address}", f"--secure-port={shape.api}", f"--advertise-address={advertised}"),
            *(f"--tls-cert-file={pki.crt('apiserver')}", f"--tls-private-key-file={pki.key('apiserver')}"),
            *(f"--client-ca-file={pki.crt('ca')}", "--allow-privileged=true", "--profiling=false"),
            *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
            *(f"--service-cluster-ip-range={SERVICES}", f"--service-account-issuer={shape.issuer}"),
            f"--service-account-key-file={self.state.pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki.key('sa')}",
            *self._aggregation_flags(),
        ]
        if shape.kubelets:
            flags += self._kubelet_flags()
        if not shape.controllers:
            flags.append("--disable-admission-plugins=" + ",".join(_LEAVE_WORK_TO_CONTROLLERS))
        return [*flags, *shape.api_flags]

    def _aggregation_flags(self) -> list[str]:
        pki = self.pki
        return [
            f"--requestheader-client-ca-file={pki.crt('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki.crt('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
        ]

    def _kubelet_flags(self) -> list[str]:
        pki = self.pki
        return [
            f"--kubelet-certificate-authority={pki.crt('ca')}",
            f"--kubelet-client-certificate={pki.crt('apiserver-kubelet-client')}",
            f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
            "--kubelet-preferred-address-types=InternalIP",
            "--enable-aggregator-routing=true",
        ]


def _as_client(kubeconfig: Path, port: int) -> tuple[str, ...]:
    return (
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        *("--bind-address=127.0.0.1", f"--secure-port={port}"),
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own http URL
            return True
    except OSError:
        return False
