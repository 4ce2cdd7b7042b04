"""The images: built where something changed, and given to the node where it hasn't got them.

On the node each has its own id as its tag, so that what runs says which build it is, and a new build is another image.
"""

from demo.cluster import DemoCluster
from demo.programs import ask_tool, tool, watch
from demo.screen import Screen

NAMES = ("fleet", "runner", "triton-cpu", "payout", "keyring", "localton")
_TAG_LENGTH = 12


def provide(cluster: DemoCluster, screen: Screen) -> dict[str, str]:
    """Full names on the node, by short name."""
    watch(*tool("imagebuild", "build", *NAMES))
    there = cluster.images()
    provided = {}
    for name in NAMES:
        identity = ask_tool("imagebuild", "id", name).strip().removeprefix("sha256:")
        provided[name] = f"localhost/cocoon-fleet/{name}:{identity[:_TAG_LENGTH]}"
        if provided[name] not in there:
            screen.say(f"giving {name} to the node")
            _give(cluster, name, provided[name])
    return provided


def _give(cluster: DemoCluster, name: str, full: str) -> None:
    archive = cluster.state.root / f"{name}.tar"
    try:
        watch(*tool("imagebuild", "save", name, archive))
        cluster.load(archive, f"localhost/cocoon-fleet/{name}:dev", full)
    finally:
        archive.unlink(missing_ok=True)
