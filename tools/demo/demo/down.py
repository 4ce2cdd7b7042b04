"""`demo down`: nothing is left but the caches, which make the next run short. Needs Python's standard library only."""

from demo.cluster import DemoCluster
from demo.programs import tool, watch
from demo.screen import Screen


def down(cluster: DemoCluster, screen: Screen) -> int:
    """Take the cluster away, with all that ran on it, and what cut-off image builds left; the exit status."""
    with screen.step("taking the cluster away"):
        cluster.down()
    with screen.step("what image builds left"):
        watch(*tool("imagebuild", "clean"))
    return 0
