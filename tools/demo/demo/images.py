"""The images: built where something changed, and given to the node where it hasn't got them.

On the node each has its own id as its tag, so that what runs says which build it is, and a new build is another image.
"""

from pathlib import Path

from demo import cluster
from demo.programs import ask, ask_tool, tool, watch
from demo.screen import Screen

NAMES = ("fleet", "runner", "triton-cpu")
_TAG_LENGTH = 12


def provide(screen: Screen) -> dict[str, str]:
    """Full names on the node, by short name."""
    watch(*tool("imagebuild", "build", *NAMES))
    there = _on_node()
    provided = {}
    for name in NAMES:
        identity = ask_tool("imagebuild", "id", name).strip().removeprefix("sha256:")
        provided[name] = f"localhost/cocoon-fleet/{name}:{identity[:_TAG_LENGTH]}"
        if provided[name] not in there:
            screen.say(f"giving {name} to the node")
            _give(name, provided[name])
    return provided


def _give(name: str, full: str) -> None:
    archive = cluster.state().root / f"{name}.tar"
    watch(*tool("imagebuild", "save", name, archive))
    try:
        cluster.load(archive)
    finally:
        archive.unlink(missing_ok=True)
    _ctr("images", "tag", "--force", f"localhost/cocoon-fleet/{name}:dev", full)


def _on_node() -> set[str]:
    return set(_ctr("images", "list", "--quiet").split())


def _ctr(*arguments: str | Path) -> str:
    socket = cluster.state().root / "containerd.sock"
    return ask("ctr", f"--address={socket}", "--namespace=k8s.io", *arguments)
