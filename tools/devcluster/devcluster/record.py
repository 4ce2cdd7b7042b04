"""What a cluster was made as: kept in its state, so that a later `up` completes the same cluster."""

from dataclasses import dataclass

from devcluster import host
from devcluster.control_plane import Shape

FULL, API = "full", "api"


@dataclass(frozen=True)
class Record:
    """What a cluster was made as; its profile, its size and its ports, which are TCP ports, 0 until one is found."""

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

    def shape(self) -> Shape:
        """The control plane of such a cluster."""
        if self.profile == FULL:
            return Shape(self.api, self.etcd, host.NODE_ADDRESS, kubelets=True, fsync=self.fsync)
        return Shape(self.api, self.etcd, controllers=False, fsync=self.fsync)
