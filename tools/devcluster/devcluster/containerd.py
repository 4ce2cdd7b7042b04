"""The container runtime: its configuration, its images, and the end of all that it runs."""

import json
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from devcluster import host
from devcluster.errors import DevclusterError
from devcluster.images import Image
from devcluster.kube import until
from devcluster.paths import State, put
from devcluster.processes import Processes

# Stand-ins: each is plain runc under the name that production gives to a confidential runtime.
HANDLERS = ("kata-qemu-nvidia-gpu-tdx", "kata-qemu-nvidia-gpu-snp", "kata-qemu-nvidia-gpu")
PAUSE = "localhost/devcluster/pause:dev"
_CNI_RESULTS = Path("/var/lib/cni/results")
_CRI = 'plugins."io.containerd.grpc.v1.cri"'


@dataclass(frozen=True)
class Containerd:
    """The runtime of one cluster."""

    state: State
    processes: Processes

    @property
    def socket(self) -> Path:
        """Its gRPC address."""
        return self.state.root / "containerd.sock"

    def start(self) -> None:
        """Returns when it answers."""
        (self.state.root / "cni").mkdir(exist_ok=True)
        put(self.state.root / "cni" / "10-devcluster.conflist", json.dumps(self._network(), indent=1))
        put(self.state.conf / "containerd.toml", self._config())
        self.processes.start("containerd", ["containerd", "--config", self.state.conf / "containerd.toml"])
        self.processes.until(lambda: "Server:" in self.ctr("version", check=False), "containerd", 30)

    def ctr(self, *arguments: str, check: bool = True) -> str:
        """containerd's own client, in the namespace where kubelet's containers are."""
        return host.run("ctr", "--address", str(self.socket), "--namespace", "k8s.io", *arguments, check=check)

    def provide(self, image: Image) -> str:
        """Import `image` unless this very content was imported before; returns its key."""
        marks = self.state.root / "images"
        marks.mkdir(exist_ok=True)
        mark, key = marks / image.reference.replace("/", "_"), image.key()
        if not mark.exists() or mark.read_text() != key:
            archive = mark.with_suffix(".tar")
            image.write(archive)
            self.load(archive)
            archive.unlink()
            mark.write_text(key)
        return key

    def load(self, archive: Path) -> None:
        """Import a docker-archive or OCI archive; Pods name its image with `imagePullPolicy: Never`."""
        if not archive.is_file():
            raise DevclusterError(f"There is no archive {archive}: build the image first.")
        self.ctr("images", "import", str(archive))

    def end_all(self) -> None:
        """Kill all containers, wait until their shims are gone, and remove what their networks left."""
        containers = self._list("containers")
        namespaces = {path for name in containers for path in self._network_namespace(name)}
        for task in self._list("tasks"):
            self.ctr("tasks", "kill", "--signal", signal.SIGKILL.name, task, check=False)
        until(self._tasks_are_gone, "the containers' end", 20)
        for name in self._list("containers"):
            self.ctr("containers", "delete", name, check=False)
        for namespace in namespaces:
            host.run("ip", "netns", "delete", Path(namespace).name, check=False)
        for name in containers:
            for result in _CNI_RESULTS.glob(f"*-{name}-*"):
                result.unlink()

    def _tasks_are_gone(self) -> bool:
        tasks = [line.split() for line in self.ctr("tasks", "list").splitlines()[1:]]
        for task in tasks:
            if task[2] == "STOPPED":
                self.ctr("tasks", "delete", task[0], check=False)
        return not tasks

    def _list(self, kind: str) -> list[str]:
        return self.ctr(kind, "list", "--quiet").split()

    def _network_namespace(self, container: str) -> list[str]:
        text = self.ctr("containers", "info", container, check=False)
        spec = json.loads(text or "{}").get("Spec", {})
        namespaces = spec.get("linux", {}).get("namespaces", [])
        return [each["path"] for each in namespaces if each["type"] == "network" and "/cni-" in each.get("path", "")]

    def _network(self) -> dict[str, object]:
        """Each Pod is on its own cable to the host, so that all its traffic passes the host's forwarding."""
        addresses = {
            "type": "host-local",
            "dataDir": str(self.state.root / "cni" / "addresses"),
            "ranges": [[{"subnet": host.PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        cable = {"type": "ptp", "ipMasq": False, "ipam": addresses}
        return {"cniVersion": "1.0.0", "name": "devcluster", "plugins": [cable]}

    def _config(self) -> str:
        root = self.state.root / "containerd"
        runtimes = "".join(_runtime(handler) for handler in ("runc", *HANDLERS))
        restrict = str(not host.may_lower_oom_score()).lower()  # else runc: "can't get final child's PID from pipe"
        return (
            f'version = 2\nroot = "{root}/root"\nstate = "{root}/run"\n[grpc]\n  address = "{self.socket}"\n'
            f'[{_CRI}]\n  sandbox_image = "{PAUSE}"\n  restrict_oom_score_adj = {restrict}\n'
            f'[{_CRI}.cni]\n  bin_dir = "/usr/lib/cni"\n  conf_dir = "{self.state.root}/cni"\n'
            f'[{_CRI}.containerd]\n  snapshotter = "{_snapshotter(self.state.root)}"\n'
            f'  default_runtime_name = "runc"\n{runtimes}'
        )


def _runtime(handler: str) -> str:
    section = f"{_CRI}.containerd.runtimes.{handler}"
    return f'[{section}]\n  runtime_type = "io.containerd.runc.v2"\n[{section}.options]\n  SystemdCgroup = false\n'


def _snapshotter(folder: Path) -> str:
    """Overlayfs can't lie on overlayfs, on which a machine that is itself a container often lives."""
    kind = host.run("stat", "--file-system", "--format=%T", str(folder)).strip()
    return "native" if kind == "overlayfs" else "overlayfs"


def busybox_links() -> dict[str, str]:
    """A link for each of busybox's programs."""
    programs = host.run("busybox", "--list").split()
    return {f"bin/{program}": "/bin/busybox" for program in programs if program != "busybox"}


def busybox() -> Path:
    """Debian's static busybox."""
    return Path(shutil.which("busybox") or "/bin/busybox")
