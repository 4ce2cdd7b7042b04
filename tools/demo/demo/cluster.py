"""The cluster that the demo runs on: this repository's devcluster, under its usual name."""

from pathlib import Path

from demo.kubectl import Kubectl
from demo.programs import ask_tool, tool, watch
from demo.story import NAMESPACE
from devcluster.paths import State, state_root

NAME = "dev"


def up() -> Kubectl:
    """Start it, or what of it does not run."""
    watch(*tool("devcluster", "up", "--profile", "full", "--name", NAME))
    return Kubectl(program("node", "kubectl"), state().admin_kubeconfig, NAMESPACE)


def down() -> None:
    """End it and forget its data; the built programs stay in the cache."""
    watch(*tool("devcluster", "down", "--wipe", "--name", NAME))


def state() -> State:
    """The folder that holds all of it."""
    return State(state_root() / NAME)


def program(which: str, name: str) -> Path:
    """One of the programs that devcluster builds, from its set."""
    paths = [Path(line) for line in ask_tool("devcluster", "build", which).splitlines()]
    return next(path for path in paths if path.name == name)


def load(archive: Path) -> None:
    """Give the node an image."""
    watch(*tool("devcluster", "load-image", "--name", NAME, archive))
