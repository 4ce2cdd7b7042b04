import signal

import pytest

from devcluster.cluster import Cluster
from devcluster.record import FULL, Record
from tests.devcluster.leftovers import Leftovers

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed"])
def test_down_leaves_nothing_behind(full_cluster: Cluster, before_full_cluster: Leftovers, killed: bool) -> None:
    running = Leftovers.now().beyond(before_full_cluster)
    assert running.mounts
    assert running.interfaces
    assert running.tables
    assert running.cgroups
    assert running.processes

    if killed:
        for name in full_cluster.processes.names():
            full_cluster.processes.stop(name, first=signal.SIGKILL)
    full_cluster.down(wipe=True)
    left, has_state = Leftovers.now().beyond(before_full_cluster), full_cluster.state.root.exists()
    full_cluster.up(Record(FULL, api=6443))  # for the tests that follow

    assert left == Leftovers()
    assert not has_state
