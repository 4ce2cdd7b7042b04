"""The end of a cluster: no process, mount, network interface, nftables table or cgroup of it stays."""

import functools
import shutil
from collections.abc import Iterable
from pathlib import Path

from devcluster import host, nft
from devcluster.containerd import Containerd
from devcluster.kube import until
from devcluster.paths import State
from devcluster.processes import Processes

# Those that act come before those that they act through.
_ORDER = (
    "kwok",
    "network-policy",
    "kube-scheduler",
    "kube-controller-manager",
    "kubelet",
    "kube-proxy",
    "containerd",
    "kube-apiserver",
    "etcd",
)
_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"), ("ip", nft.TABLE))


def processes(running: Processes, names: Iterable[str] = _ORDER) -> None:
    """Stop these, one after the other."""
    for name in names:
        running.stop(name, grace=3)


def full(state: State, running: Processes) -> None:
    """Take down a cluster of the profile `full`, also one that is half up."""
    cut = _ORDER.index("containerd")
    processes(running, _ORDER[:cut])
    runtime = Containerd(state, running)
    if runtime.socket.exists() and not running.alive("containerd"):
        runtime.start()  # it alone knows the containers that outlived it
    if running.alive("containerd"):
        runtime.end_all()
    processes(running, _ORDER[cut:])
    runtime.socket.unlink(missing_ok=True)
    _unmount(state.root)
    for family, table in _TABLES:
        host.run("nft", "delete", "table", family, table, check=False)
    host.release(state)
    _remove_cgroups()
    _remove_traces(state)


def _unmount(folder: Path) -> None:
    """Deepest first; lazily what is busy."""
    targets = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for target in sorted((each for each in targets if each.startswith(f"{folder}/")), reverse=True):
        host.run("umount", target, check=False)
        host.run("umount", "--lazy", target, check=False)


def _remove_cgroups() -> None:
    for top in [Path("/sys/fs/cgroup/kubepods"), *Path("/sys/fs/cgroup").glob("*/kubepods")]:
        until(functools.partial(_remove_cgroup, top), f"the removal of {top}", 10)


def _remove_cgroup(top: Path) -> bool:
    """Deepest first. Raises OSError while the kernel still counts an ended process in it."""
    folders = [top, *(path for path in top.rglob("*") if path.is_dir())] if top.is_dir() else []
    for folder in sorted(folders, reverse=True):
        folder.rmdir()
    return True


def _remove_traces(state: State) -> None:
    """What kubelet keeps outside our folder, whatever it is told, and what a stopped cluster has no use for."""
    for link in Path("/var/log/containers").glob("*.log"):
        if str(link.readlink()).startswith(f"{state.root}/"):
            link.unlink()
    shutil.rmtree(state.root / "cni" / "addresses", ignore_errors=True)
    shutil.rmtree(state.root / "kubelet", ignore_errors=True)
    shutil.rmtree(state.root / "containerd" / "run", ignore_errors=True)
