"""The cluster that the demo runs on: this repository's devcluster."""

from dataclasses import dataclass
from pathlib import Path

from demo.kubectl import Kubectl
from demo.programs import ask, ask_tool, tool, watch
from demo.story import NAMESPACE
from devcluster.paths import State, state_root
from devcluster.s3 import Store


@dataclass(frozen=True)
class DemoCluster:
    """The devcluster of this name, whether it runs or not."""

    name: str

    @property
    def state(self) -> State:
        """The folder that holds all of it."""
        return State(state_root() / self.name)

    @property
    def store(self) -> Store:
        """Its S3 server."""
        return Store.of(self.state)

    def up(self) -> Kubectl:
        """Start it, or what of it does not run."""
        watch(*tool("devcluster", "up", "--profile", "full", "--name", self.name))
        return Kubectl(program("node", "kubectl"), self.state.admin_kubeconfig, NAMESPACE)

    def down(self) -> None:
        """End it and forget its data; the built programs stay in the cache."""
        watch(*tool("devcluster", "down", "--wipe", "--name", self.name))

    def images(self) -> set[str]:
        """Names of the images that the node has."""
        return set(self._ctr("images", "list", "--quiet").split())

    def processes(self, containers: list[str]) -> list[int]:
        """The first process of each of these containers, by their ids."""
        tasks = [line.split() for line in self._ctr("tasks", "list").splitlines()[1:]]
        return [int(task[1]) for task in tasks if task[0] in containers]

    def load(self, archive: Path, name: str, another: str) -> None:
        """Give the node the image `name` that lies in `archive`, and have it known by another name too."""
        watch(*tool("devcluster", "load-image", "--name", self.name, archive))
        self.tag(name, another)

    def tag(self, name: str, another: str) -> None:
        """Have an image that the node has known by another name too."""
        self._ctr("images", "tag", "--force", name, another)

    def _ctr(self, *arguments: str) -> str:
        return ask("ctr", f"--address={self.state.root / 'containerd.sock'}", "--namespace=k8s.io", *arguments)


def program(which: str, name: str) -> Path:
    """One of the programs that devcluster builds, from its set."""
    paths = [Path(line) for line in ask_tool("devcluster", "build", which).splitlines()]
    return next(path for path in paths if path.name == name)
