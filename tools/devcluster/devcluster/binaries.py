"""What can be built, from which module, with which flags: the whole list of Go programs this tool runs.

Each folder below `modules/` pins one program's module graph in its own go.mod and go.sum, because the programs'
requirements contradict each other.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from devcluster import paths

ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false", "GOTOOLCHAIN": "local"}
_KUBERNETES = "k8s.io/kubernetes/cmd"


@dataclass(frozen=True)
class BinarySet:
    """Programs that are built together, by import path, in one module."""

    name: str
    module: str
    packages: tuple[str, ...]
    output: str = ""  # the file's name, where go's own choice (the package's last part) will not do

    @property
    def names(self) -> tuple[str, ...]:
        """The programs' file names."""
        return (self.output,) if self.output else tuple(package.rsplit("/", 1)[1] for package in self.packages)

    @property
    def folder(self) -> Path:
        """Holds the go.mod."""
        return paths.IMAGES if self.module == "images" else paths.MODULES / self.module

    def ldflags(self) -> str:
        """What the linker is told."""
        return "-s -w" + (_kubernetes_version() if self.module == "kube" else "")

    def key(self, go_version: str) -> str:
        """Changes with whatever could change a binary."""
        files = [self.folder / "go.mod", self.folder / "go.sum", *sorted(self.folder.glob("**/*.go"))]
        pinned = b"".join(path.read_bytes() for path in files if path.exists())
        recipe = repr((self.packages, self.output, self.ldflags(), sorted(ENVIRONMENT.items()), go_version))
        return hashlib.sha256(pinned + recipe.encode()).hexdigest()[:16]


def _kube(name: str, *programs: str) -> BinarySet:
    return BinarySet(name, "kube", tuple(f"{_KUBERNETES}/{program}" for program in programs))


SETS: dict[str, BinarySet] = {
    each.name: each
    for each in (
        BinarySet("etcd", "etcd", ("go.etcd.io/etcd/server/v3",), output="etcd"),
        _kube("apiserver", "kube-apiserver"),
        _kube("controllers", "kube-controller-manager", "kube-scheduler"),
        _kube("node", "kubelet", "kube-proxy", "kubectl"),
        BinarySet("kwok", "kwok", ("sigs.k8s.io/kwok/cmd/kwok",)),
        BinarySet("coredns", "coredns", ("github.com/coredns/coredns",)),
        BinarySet("versitygw", "versitygw", ("github.com/versity/versitygw/cmd/versitygw",)),
        BinarySet("images", "images", ("devcluster/images/pause", "devcluster/images/probe")),
        BinarySet("helm", "helm", ("helm.sh/helm/v3/cmd/helm",)),
        BinarySet("kubeconform", "kubeconform", ("github.com/yannh/kubeconform/cmd/kubeconform",)),
        BinarySet("helm-unittest", "helm-unittest", ("github.com/helm-unittest/helm-unittest/cmd/helm-unittest",)),
    )
}
PROFILES: dict[str, tuple[str, ...]] = {
    "api": ("etcd", "apiserver"),
    "full": ("etcd", "apiserver", "controllers", "node", "coredns", "versitygw", "images"),
}
#: What the project's tests and demo run.
USUAL: tuple[str, ...] = (*PROFILES["full"], "kwok", "helm", "helm-unittest", "kubeconform")


def needed_go() -> tuple[int, int]:
    """The newest (major, minor) that any go.mod asks for."""
    asked = (re.search(r"^go (\d+)\.(\d+)", mod.read_text(), re.MULTILINE) for mod in paths.MODULES.glob("*/go.mod"))
    return max((int(match[1]), int(match[2])) for match in asked if match)


def _kubernetes_version() -> str:
    """Link flags without which the API server reports v0.0.0-master."""
    pinned = re.search(r"k8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)", (paths.MODULES / "kube" / "go.mod").read_text())
    if pinned is None:
        raise ValueError("modules/kube/go.mod pins no k8s.io/kubernetes")
    version, major, minor = pinned.groups()
    component = "k8s.io/component-base/version"
    return (
        f" -X {component}.gitVersion=v{version} -X {component}.gitMajor={major} -X {component}.gitMinor={minor}"
        f" -X {component}.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    )
